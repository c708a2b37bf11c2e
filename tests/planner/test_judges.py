"""Judges: what they change in beliefs and what not, who is asked about whom, and back from a file."""

from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from encoding.observation import Observer
from encoding.plan_codec import STOP
from planner.base_models.decisions import Decisions
from planner.base_models.stacking import Stacking
from tests.planner.toy_beliefs import random_beliefs, toy_layout
from tests.planner.toy_task import FakeTextEncoder, toy_dialogues

_LAYOUT = toy_layout()  # plans of one or two strategies: 1 + 8 rows
_OBSERVER = Observer(FakeTextEncoder(), window=2, max_strategies=2)
_SEEKER = Message(Role.SEEKER, "hello there")
_ONE = Message(Role.SUPPORTER, "hi", Strategy.OTHERS)
_HISTORIES = [[_SEEKER], [_SEEKER, _ONE], [_SEEKER, _ONE, _ONE], [_SEEKER, _ONE, _SEEKER]]


def _fitted(*, seed: int = 0) -> tuple[Stacking, Decisions, np.ndarray, np.ndarray]:
    """Judges of toy dialogues, with what they were fitted to: decisions, beliefs, folds."""
    decisions = Decisions.collect(
        toy_dialogues(30, seed=0), observer=Observer(FakeTextEncoder(), window=2, max_strategies=2)
    )
    beliefs = random_beliefs(_LAYOUT, len(decisions.messages)).numpy()
    fold = decisions.dialogue % 3
    return Stacking.fit(beliefs, decisions, fold=fold, layout=_LAYOUT, trees=6, seed=seed), decisions, beliefs, fold


def _table(beliefs: np.ndarray) -> np.ndarray:
    return beliefs[:, : _LAYOUT.rows * (STOP + 1)].reshape(-1, _LAYOUT.rows, STOP + 1)


def test_only_what_comes_next_and_stopping_after_one_are_judged() -> None:
    judges, *_ = _fitted()
    believed = random_beliefs(_LAYOUT, 4, seed=3).numpy()
    kept = believed.copy()
    judged = judges.judged(believed, _HISTORIES)
    np.testing.assert_array_equal(believed, kept)
    before, after = _table(believed), _table(judged)
    others = Strategy.OTHERS + 1
    changed = {(item, row) for item, row, _ in np.argwhere(before != after)}
    openings = {(item, row) for item in (0, 3) for row in range(9)}
    assert changed == openings | {(1, others)}  # the third turn is as long as plans get
    np.testing.assert_allclose(logsumexp(after, axis=2), 0, atol=1e-4)
    assert (np.exp(after[[0, 3], 0, STOP]) < 1e-6).all()
    rest = slice(_LAYOUT.rows * (STOP + 1), None)
    np.testing.assert_array_equal(judged[:, rest], believed[:, rest])
    # Between second strategies nothing is judged, only how many turns have one.
    np.testing.assert_allclose(np.diff(before[0, 1:, :STOP]), np.diff(after[0, 1:, :STOP]), atol=1e-4)


def test_stopping_is_believed_as_often_as_it_is_judged() -> None:
    """All eight chances alike: after the shift they are the judges' own, here the share of the data."""
    judges, decisions, _, _ = _fitted()
    believed = random_beliefs(_LAYOUT, 200, seed=5).numpy()
    table = _table(believed)
    table[:, 1:, STOP] = np.log(0.9)
    table[:, 1:, :STOP] = np.log(0.1 / 8)
    stops = np.exp(_table(judges.judged(believed, [[_SEEKER]] * 200))[:, 1:, STOP])
    np.testing.assert_allclose(stops, stops[:, :1].repeat(8, axis=1), rtol=1e-4)
    several = np.mean([len(plan) > 1 for plan in decisions.plans])
    assert stops.mean() == pytest.approx(1 - several, abs=0.08)


def test_training_dialogues_are_judged_by_who_never_saw_them() -> None:
    judges, decisions, beliefs, fold = _fitted()
    asked = np.flatnonzero(fold == 1)
    messages = [decisions.messages[row] for row in asked]
    own = judges.judged(beliefs[asked], messages, fold=fold[asked])
    alone = Stacking([judges._judges[1]], _LAYOUT).judged(beliefs[asked], messages)
    np.testing.assert_allclose(own, alone, atol=1e-5)
    assert not np.allclose(own, judges.judged(beliefs[asked], messages))
    # And it did not: fitted without the fold, it is the same judge.
    others = beliefs.copy()
    others[asked] = 0.0
    again = Stacking.fit(others, decisions, fold=fold, layout=_LAYOUT, trees=6, seed=0)
    np.testing.assert_array_equal(again.judged(beliefs[asked], messages, fold=fold[asked]), own)


def test_they_learn_where_a_belief_can_be_trusted() -> None:
    """What follows is what the first row says if the problem of the turn is the first, else the strategy after it."""
    decisions = Decisions.collect(
        toy_dialogues(80, seed=0), observer=Observer(FakeTextEncoder(), window=2, max_strategies=2)
    )
    rng = np.random.default_rng(0)
    beliefs = random_beliefs(_LAYOUT, len(decisions.messages)).numpy()
    openings = decisions.openings
    trusted = rng.random(len(openings)) < 0.5
    gold = decisions.following[openings]
    said = np.where(trusted, gold, (gold + 1) % STOP)
    table = _table(beliefs)
    table[openings, 0, :STOP] = np.log(0.02)
    table[openings, 0, said] = np.log(0.86)
    beliefs[openings, -1] = trusted
    fold = decisions.dialogue % 2
    judges = Stacking.fit(beliefs, decisions, fold=fold, layout=_LAYOUT, trees=20, seed=0)
    judged = judges.judged(beliefs[openings], [decisions.messages[row] for row in openings], fold=fold[openings])
    right = _table(judged)[:, 0].argmax(axis=1) == gold
    assert (said == gold).mean() < 0.6
    assert right.mean() > 0.85


def test_saved_and_loaded_they_judge_alike(tmp_path: Path) -> None:
    judges, *_ = _fitted()
    path = tmp_path / "judges.safetensors"
    judges.save(path)
    loaded = Stacking.load(path, _LAYOUT, folds=3)
    believed = random_beliefs(_LAYOUT, 4, seed=3).numpy()
    np.testing.assert_array_equal(loaded.judged(believed, _HISTORIES), judges.judged(believed, _HISTORIES))
    with pytest.raises(ValueError, match="missing or damaged judges"):
        Stacking.load(path, _LAYOUT, folds=4)
    with pytest.raises(ValueError, match="missing or damaged judges"):
        Stacking.load(path, _LAYOUT, folds=2)
    path.write_bytes(b"no tensors")
    with pytest.raises(ValueError, match="damaged judges"):
        Stacking.load(path, _LAYOUT, folds=3)
    with pytest.raises(ValueError, match="missing"):
        Stacking.load(tmp_path / "none.safetensors", _LAYOUT, folds=3)
