"""Trees as arrays give what scikit-learn's own trees give."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.tree import DecisionTreeClassifier

from planner.base_models.trees import Trees


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(2, 4))
def test_sums_of_leaves_are_a_forests_probabilities(seed: int, trees: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(60, 3)).round(1).astype(np.float32)  # rounded: ties with thresholds occur
    outcomes = rng.integers(classes, size=60)
    forest = ExtraTreesClassifier(trees, min_samples_leaf=2, random_state=seed % 1000).fit(features, outcomes)
    taken = Trees.collect(forest.estimators_, [tree.tree_.value[:, 0] / trees for tree in forest.estimators_])
    new = rng.normal(size=(40, 3)).round(1).astype(np.float32)
    np.testing.assert_allclose(taken(new), forest.predict_proba(new), atol=1e-6)


def test_a_tree_of_one_node_and_one_by_hand() -> None:
    """Below 0.5 the first outcome, above the second; a tree that saw one outcome asks nothing."""
    features = np.array([[0.0], [0.2], [0.8], [1.0]], np.float32)
    split = DecisionTreeClassifier(random_state=0).fit(features, [0, 0, 1, 1])
    single = DecisionTreeClassifier(random_state=0).fit(features, [0, 0, 0, 0])
    leaves = [np.array([[0.0], [1.0], [3.0]]), np.array([[10.0]])]
    assert Trees.collect([split, single], leaves)(features)[:, 0].tolist() == [11, 11, 13, 13]
    assert Trees.collect([single], leaves[1:])(features)[:, 0].tolist() == [10] * 4


def test_many_items_in_batches_are_as_one_by_one() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(3000, 2)).astype(np.float32)
    tree = DecisionTreeClassifier(max_depth=4, random_state=0).fit(features, features[:, 0] > features[:, 1])
    taken = Trees.collect([tree], [tree.tree_.value[:, 0]])
    np.testing.assert_array_equal(taken(features)[[0, 1500, 2999]], taken(features[[0, 1500, 2999]]))
    assert taken(features[:0]).shape == (0, 2)
