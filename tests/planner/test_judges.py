"""Stacking: what trees change in predictions and what not, out-of-fold predictions, and back from a file."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from encoding.observation import Observer
from encoding.plan_codec import STOP
from planner.base_models.stacking import Stacking
from planner.decisions import Decisions
from tests.planner.toy_predictions import random_predictions, toy_layout
from tests.planner.toy_task import FakeTextEncoder, toy_dialogues

_LAYOUT = toy_layout()  # plans of one or two strategies: 1 + 8 rows
_OBSERVER = Observer(FakeTextEncoder(), window=2, max_strategies=2)
_SEEKER = Message(Role.SEEKER, "hello there")
_ONE = Message(Role.SUPPORTER, "hi", Strategy.OTHERS)
_HISTORIES = [[_SEEKER], [_SEEKER, _ONE], [_SEEKER, _ONE, _ONE], [_SEEKER, _ONE, _SEEKER]]


def _fitted(*, seed: int = 0) -> tuple[Stacking, Decisions, np.ndarray, np.ndarray]:
    """Trees on toy dialogues, with what they were fitted to: decisions, predictions, folds."""
    decisions = Decisions.collect(
        toy_dialogues(30, seed=0), observer=Observer(FakeTextEncoder(), window=2, max_strategies=2)
    )
    predictions = random_predictions(_LAYOUT, len(decisions.messages)).numpy()
    fold = decisions.dialogue % 3
    return (
        Stacking.fit(predictions, decisions, fold=fold, layout=_LAYOUT, trees=6, seed=seed),
        decisions,
        predictions,
        fold,
    )


def _table(predictions: np.ndarray) -> np.ndarray:
    return predictions[:, : _LAYOUT.rows * (STOP + 1)].reshape(-1, _LAYOUT.rows, STOP + 1)


def test_only_what_comes_next_and_stopping_after_one_are_judged() -> None:
    stacking, *_ = _fitted()
    predicted = random_predictions(_LAYOUT, 4, seed=3).numpy()
    kept = predicted.copy()
    stacked = stacking.stack(predicted, _HISTORIES)
    np.testing.assert_array_equal(predicted, kept)
    before, after = _table(predicted), _table(stacked)
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


def test_stopping_is_believed_as_often_as_it_is_judged() -> None:
    """All eight chances alike: after the shift they are the trees' own, here the share of the data."""
    stacking, decisions, _, _ = _fitted()
    predicted = random_predictions(_LAYOUT, 200, seed=5).numpy()
    table = _table(predicted)
    table[:, 1:, STOP] = np.log(0.9)
    table[:, 1:, :STOP] = np.log(0.1 / 8)
    stops = np.exp(_table(stacking.stack(predicted, [[_SEEKER]] * 200))[:, 1:, STOP])
    np.testing.assert_allclose(stops, stops[:, :1].repeat(8, axis=1), rtol=1e-4)
    several = np.mean([len(plan) > 1 for plan in decisions.plans])
    assert stops.mean() == pytest.approx(1 - several, abs=0.08)


def test_training_dialogues_are_judged_by_who_never_saw_them() -> None:
    stacking, decisions, predictions, fold = _fitted()
    asked = np.flatnonzero(fold == 1)
    messages = [decisions.messages[row] for row in asked]
    own = stacking.stack(predictions[asked], messages, fold=fold[asked])
    alone = Stacking([stacking._models[1]], _LAYOUT).stack(predictions[asked], messages)
    np.testing.assert_allclose(own, alone, atol=1e-5)
    assert not np.allclose(own, stacking.stack(predictions[asked], messages))
    # And it did not: fitted without the fold, it is the same judge.
    others = predictions.copy()
    others[asked] = 0.0
    again = Stacking.fit(others, decisions, fold=fold, layout=_LAYOUT, trees=6, seed=0)
    np.testing.assert_array_equal(again.stack(predictions[asked], messages, fold=fold[asked]), own)


def test_they_learn_where_a_belief_can_be_trusted() -> None:
    """What follows is what the first row says if the problem of the turn is the first, else the strategy after it."""
    decisions = Decisions.collect(
        toy_dialogues(80, seed=0), observer=Observer(FakeTextEncoder(), window=2, max_strategies=2)
    )
    rng = np.random.default_rng(0)
    predictions = random_predictions(_LAYOUT, len(decisions.messages)).numpy()
    openings = decisions.openings
    trusted = rng.random(len(openings)) < 0.5
    gold = decisions.following[openings]
    said = np.where(trusted, gold, (gold + 1) % STOP)
    table = _table(predictions)
    table[openings, 0, :STOP] = np.log(0.02)
    table[openings, 0, said] = np.log(0.86)
    predictions[openings, -1] = trusted
    fold = decisions.dialogue % 2
    stacking = Stacking.fit(predictions, decisions, fold=fold, layout=_LAYOUT, trees=20, seed=0)
    stacked = stacking.stack(predictions[openings], [decisions.messages[row] for row in openings], fold=fold[openings])
    right = _table(stacked)[:, 0].argmax(axis=1) == gold
    assert (said == gold).mean() < 0.6
    assert right.mean() > 0.85


def test_saved_and_loaded_they_judge_alike(tmp_path: Path) -> None:
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
