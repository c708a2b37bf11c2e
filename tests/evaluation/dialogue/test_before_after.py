"""A planner against itself and against another one, in an invented world and on its messages."""

import json
from typing import Any

import numpy as np
import pytest

from corpus.dialogue import message_view
from env.conversation import DialogueRules, seeker_profiles
from evaluation.dialogue.before_after import PlannerTrial, before_after_text, compare_before_after, training_text
from planner.planner import StrategyPlanner
from tests.env.dialogue_tasks import VarietySeeker
from tests.planner.toy_planner import toy_planner
from tests.planner.toy_task import toy_dialogues

_DIALOGUES = toy_dialogues(6, seed=3)
_RULES = DialogueRules(max_turns=4)


def _compare(before: StrategyPlanner, after: StrategyPlanner) -> dict[str, Any]:
    return compare_before_after(
        before, after, _DIALOGUES, seeker=VarietySeeker(3), rules=_RULES, seeds=2, seed=1, split="valid", data="toy"
    )


def test_nothing_lies_between_a_planner_and_itself() -> None:
    planner = toy_planner()
    compared = json.loads(json.dumps(_compare(planner, planner), allow_nan=False))
    for part in ("conversations", "messages"):
        assert compared[part]["systems"]["before"].keys() == compared[part]["systems"]["after"].keys()
        for metric, apart in compared[part]["differences"].items():
            assert (apart["value"], apart["low"], apart["high"]) == (0, 0, 0), metric
    assert compared["messages"]["n"] == len(message_view(_DIALOGUES))
    assert "seekers:6|seeds:2" in compared["conversations"]["signature"]
    text = before_after_text(compared)
    assert text.count("*") == 1  # in the title that explains it
    for row in ("SR ", "SR@4", "Strategies a turn", "macro-F1", "Bias B"):
        assert f"\n{row}" in text, row


def test_differences_are_after_minus_before() -> None:
    compared = _compare(toy_planner(), toy_planner(stirred=False))
    for part in ("conversations", "messages"):
        systems = compared[part]["systems"]
        for metric, apart in compared[part]["differences"].items():
            values = [systems[name][metric]["value"] for name in ("before", "after")]
            assert apart["value"] == pytest.approx(values[1] - values[0]), metric
    assert any(apart["value"] for apart in compared["conversations"]["differences"].values())


def test_training_says_which_checkpoint_it_selected() -> None:
    training = {
        "steps": 4096, "steps_per_second": 2500.4, "divergence": 0.12, "kept_step": 2048,
        "time_shares": {"policy": 40.0, "environment": 55.2, "encoding": 35.1},
        "kept": {"success_rate": 61.0}, "start": {"success_rate": 50.0},
    }  # fmt: skip
    text = training_text(training)
    assert "4,096 steps, 2,500 a second" in text
    assert "policy 40 %, environment 55 % (encoding of histories: 35 %)" in text
    assert "the checkpoint after 2,048 steps" in text
    assert "success_rate 50.00 -> 61.00" in text
    assert "selected: the start, no checkpoint within the limits was better" in training_text(
        {**training, "kept_step": 0}
    )


def test_a_trial_is_the_same_every_time() -> None:
    trial = PlannerTrial(seeker_profiles(_DIALOGUES), VarietySeeker(3), rules=_RULES, trials=3, seed=0)
    scores = trial(toy_planner())
    assert trial(toy_planner()) == scores
    assert scores != trial(toy_planner(stirred=False))
    assert 0 <= scores["success_rate"] <= 100
    assert 1 <= scores["average_turns"] <= 4
    assert 0 <= scores["entropy"] <= 3
    other = PlannerTrial(seeker_profiles(_DIALOGUES), VarietySeeker(3), rules=_RULES, trials=3, seed=1)
    assert other(toy_planner()) != scores
    assert np.isfinite(list(scores.values())).all()
