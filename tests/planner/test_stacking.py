"""Stacking: what trees change in predictions and what not, out-of-fold predictions, trees as arrays, files."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logsumexp
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.tree import DecisionTreeClassifier

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from encoding.observation import Observer
from encoding.plan_codec import STOP
from planner.base_models.stacking import Stacking
from planner.base_models.trees import TreeClassifier, Trees
from planner.decisions import Decisions
from tests.hash_encoder import HashEncoder
from tests.planner.toy_predictions import random_predictions, toy_layout
from tests.planner.toy_task import toy_dialogues

_LAYOUT = toy_layout()  # plans of one or two strategies: 1 + 8 rows
_OBSERVER = Observer(HashEncoder(), window=2, max_strategies=2)
_SEEKER = Message(Role.SEEKER, "hello there")
_ONE = Message(Role.SUPPORTER, "hi", Strategy.OTHERS)
_HISTORIES = [[_SEEKER], [_SEEKER, _ONE], [_SEEKER, _ONE, _ONE], [_SEEKER, _ONE, _SEEKER]]


def _fitted() -> tuple[Stacking, Decisions, np.ndarray, np.ndarray]:
    """Trees on toy dialogues, with what they were fitted to: decisions, predictions, folds."""
    decisions = Decisions.collect(toy_dialogues(30, seed=0), observer=_OBSERVER)
    predictions = random_predictions(_LAYOUT, len(decisions.messages)).numpy()
    fold = decisions.dialogue % 3
    stacking = Stacking.fit(predictions, decisions, fold=fold, layout=_LAYOUT, trees=6, seed=0)
    return stacking, decisions, predictions, fold


def test_only_what_comes_next_and_stopping_after_one_are_stacked() -> None:
    stacking, *_ = _fitted()
    predicted = random_predictions(_LAYOUT, 4, seed=3).numpy()
    unstacked = predicted.copy()
    stacked = stacking.stack(predicted, _HISTORIES)
    np.testing.assert_array_equal(predicted, unstacked)
    before, after = _LAYOUT.table(predicted), _LAYOUT.table(stacked)
    others = Strategy.OTHERS + 1
    changed = {(item, row) for item, row, _ in np.argwhere(before != after)}
    openings = {(item, row) for item in (0, 3) for row in range(9)}
    assert changed == openings | {(1, others)}  # the third turn is as long as plans get
    np.testing.assert_allclose(logsumexp(after, axis=2), 0, atol=1e-4)
    assert (np.exp(after[[0, 3], 0, STOP]) < 1e-6).all()
    rest = slice(_LAYOUT.rows * (STOP + 1), None)
    np.testing.assert_array_equal(stacked[:, rest], predicted[:, rest])
    # Between second strategies nothing is stacked, only how many turns have one.
    np.testing.assert_allclose(np.diff(before[0, 1:, :STOP]), np.diff(after[0, 1:, :STOP]), atol=1e-4)


def test_stopping_is_predicted_as_often_as_it_happens() -> None:
    """All eight chances alike: after the shift they are the trees' own, here the share of the data."""
    stacking, decisions, _, _ = _fitted()
    predicted = random_predictions(_LAYOUT, 200, seed=5).numpy()
    table = _LAYOUT.table(predicted)
    table[:, 1:, STOP] = np.log(0.9)
    table[:, 1:, :STOP] = np.log(0.1 / 8)
    stops = np.exp(_LAYOUT.table(stacking.stack(predicted, [[_SEEKER]] * 200))[:, 1:, STOP])
    np.testing.assert_allclose(stops, stops[:, :1].repeat(8, axis=1), rtol=1e-4)
    multi = np.mean([len(plan) > 1 for plan in decisions.plans])
    assert stops.mean() == pytest.approx(1 - multi, abs=0.08)


def test_training_dialogues_are_stacked_by_trees_fitted_without_them() -> None:
    stacking, decisions, predictions, fold = _fitted()
    asked = np.flatnonzero(fold == 1)
    messages = [decisions.messages[row] for row in asked]
    own = stacking.stack(predictions[asked], messages, fold=fold[asked])
    alone = Stacking([stacking._models[1]], _LAYOUT).stack(predictions[asked], messages)
    np.testing.assert_allclose(own, alone, atol=1e-5)
    assert not np.allclose(own, stacking.stack(predictions[asked], messages))
    # And it did not: fitted without the fold, they are the same trees.
    others = predictions.copy()
    others[asked] = 0.0
    again = Stacking.fit(others, decisions, fold=fold, layout=_LAYOUT, trees=6, seed=0)
    np.testing.assert_array_equal(again.stack(predictions[asked], messages, fold=fold[asked]), own)


def test_they_learn_where_a_prediction_can_be_trusted() -> None:
    """What follows is what the first row says if the problem of the turn is the first, else the strategy after it."""
    decisions = Decisions.collect(toy_dialogues(80, seed=0), observer=_OBSERVER)
    rng = np.random.default_rng(0)
    predictions = random_predictions(_LAYOUT, len(decisions.messages)).numpy()
    openings = decisions.openings
    trusted = rng.random(len(openings)) < 0.5
    gold = decisions.following[openings]
    said = np.where(trusted, gold, (gold + 1) % STOP)
    table = _LAYOUT.table(predictions)
    table[openings, 0, :STOP] = np.log(0.02)
    table[openings, 0, said] = np.log(0.86)
    predictions[openings, -1] = trusted
    fold = decisions.dialogue % 2
    stacking = Stacking.fit(predictions, decisions, fold=fold, layout=_LAYOUT, trees=20, seed=0)
    stacked = stacking.stack(predictions[openings], [decisions.messages[row] for row in openings], fold=fold[openings])
    right = _LAYOUT.table(stacked)[:, 0].argmax(axis=1) == gold
    assert (said == gold).mean() < 0.6
    assert right.mean() > 0.85


def test_saved_and_loaded_they_predict_alike(tmp_path: Path) -> None:
    stacking, *_ = _fitted()
    path = tmp_path / "judges.safetensors"
    stacking.save(path)
    loaded = Stacking.load(path, _LAYOUT, folds=3)
    predicted = random_predictions(_LAYOUT, 4, seed=3).numpy()
    np.testing.assert_array_equal(loaded.stack(predicted, _HISTORIES), stacking.stack(predicted, _HISTORIES))
    with pytest.raises(ValueError, match="missing or damaged trees"):
        Stacking.load(path, _LAYOUT, folds=4)
    with pytest.raises(ValueError, match="missing or damaged trees"):
        Stacking.load(path, _LAYOUT, folds=2)
    path.write_bytes(b"no tensors")
    with pytest.raises(ValueError, match="damaged trees"):
        Stacking.load(path, _LAYOUT, folds=3)
    with pytest.raises(ValueError, match="missing"):
        Stacking.load(tmp_path / "none.safetensors", _LAYOUT, folds=3)


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


def _data(outcomes: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(600, 4)).astype(np.float32)
    return features, np.digitize(features[:, 0] + 0.3 * rng.normal(size=600), np.linspace(-1, 1, outcomes - 1))


@pytest.mark.parametrize("outcomes", [2, 3])
def test_probabilities_follow_what_they_were_fitted_to(outcomes: int) -> None:
    features, happened = _data(outcomes)
    classifier = TreeClassifier.fit(features, happened, number=outcomes, trees=20, seed=0)
    new, expected = _data(outcomes, seed=1)
    probabilities = classifier(new)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities.argmax(axis=1) == expected).mean() > 0.75
    shares = np.bincount(happened) / len(happened)
    np.testing.assert_allclose(classifier(features).mean(axis=0), shares, atol=0.03)  # neither half is lopsided


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
