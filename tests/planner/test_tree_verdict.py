"""A verdict of trees: the mean of scikit-learn's forest and boosted ensemble, kept as arrays."""

import numpy as np
import pytest

from planner.base_models.trees import TreeClassifier


def _data(outcomes: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(600, 4)).astype(np.float32)
    return features, np.digitize(features[:, 0] + 0.3 * rng.normal(size=600), np.linspace(-1, 1, outcomes - 1))


@pytest.mark.parametrize("outcomes", [2, 3])
def test_probabilities_follow_what_they_were_fitted_to(outcomes: int) -> None:
    features, happened = _data(outcomes)
    verdict = TreeClassifier.fit(features, happened, number=outcomes, trees=20, seed=0)
    new, expected = _data(outcomes, seed=1)
    probabilities = verdict(new)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities.argmax(axis=1) == expected).mean() > 0.75
    shares = np.bincount(happened) / len(happened)
    np.testing.assert_allclose(verdict(features).mean(axis=0), shares, atol=0.03)  # neither half is lopsided


def test_an_outcome_that_never_occurred_is_all_but_impossible() -> None:
    features, happened = _data(2)
    probabilities = TreeClassifier.fit(features, happened * 2, number=4, trees=5, seed=0)(features)
    assert probabilities[:, [1, 3]].max() < 1e-6
    assert probabilities[:, [0, 2]].min() > 0


def test_from_one_outcome_nothing_is_learned() -> None:
    features, happened = _data(2)
    with pytest.raises(ValueError, match="stacking: all outcomes are alike, nothing can be learned"):
        TreeClassifier.fit(features, 0 * happened, number=2, trees=5, seed=0)


def test_same_seed_same_trees_and_arrays_give_them_back() -> None:
    features, happened = _data(3)
    first, second = (TreeClassifier.fit(features, happened, number=3, trees=5, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first(features), second(features))
    np.testing.assert_array_equal(TreeClassifier.of_arrays(first.arrays())(features), first(features))
    incomplete = first.arrays()
    del incomplete["forest.leaf"]
    with pytest.raises(KeyError, match=r"forest\.leaf"):
        TreeClassifier.of_arrays(incomplete)
