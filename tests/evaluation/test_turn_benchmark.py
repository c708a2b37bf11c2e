import json

import numpy as np
import pytest

from corpus.dialogue import Dialogue, turn_view
from corpus.strategy import Strategy
from evaluation.planner.turns import TurnBenchmark, benchmark_turns

SPEED = {"decisions_per_second", "latency_ms_p50", "latency_ms_p95"}
Q, RE, AF, SU = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


def turns(planners: list, dialogues: tuple[Dialogue, ...], trained: tuple = ()) -> TurnBenchmark:
    rng = np.random.default_rng(0)
    items = turn_view(dialogues)
    return benchmark_turns(planners, items, split="valid", data="tiny", rng=rng, samples=50, trained=trained)


def test_turns_by_hand(dialogues, question_planner, gold_planner, make_planner):
    twice = make_planner("twice", lambda plan: plan * 2)
    benchmark = turns([question_planner, gold_planner, twice], dialogues)
    result = benchmark.result
    assert (result.protocol, result.n) == ("turn", 4)
    assert result.systems["majority"]["emr"].value == pytest.approx(50.0)  # 2 of the 4 turns are one question
    assert result.systems["majority"]["f1_question"].value == pytest.approx(200 * 2 / 6)
    assert result.systems["gold"]["emr"].value == pytest.approx(100.0)
    assert result.systems["gold"]["progress_tv"].value == 0.0
    # Sixths 0, 1 agree; sixth 2 restatement against question; in sixth 3 only gold has something; sixth 4 differs.
    assert result.systems["majority"]["progress_tv"].value == pytest.approx(60.0)
    assert result.systems["twice"]["lr"].value == pytest.approx(50.0)  # half of every plan is right
    assert set(result.systems["twice"]) > SPEED
    assert benchmark.gold == ((Q,), (RE, AF), (Q,), (SU,))
    assert benchmark.plan_lengths().tolist() == [0, 3, 1]
    assert benchmark.plan_lengths("twice").tolist() == [0, 0, 3, 0, 1]


def test_progress_counts_every_slot_and_stays_inside(dialogues, make_planner):
    benchmark = turns([make_planner("long", lambda _: (Q,) * 6)], dialogues)
    assert benchmark.by_progress().sum() == 5
    assert benchmark.by_progress()[3, AF] == 1  # second slot of a turn that starts at 2 of 6
    assert benchmark.by_progress("long").sum() == 24


def test_runs_of_one_name_are_averaged(dialogues, make_planner):
    runs = (make_planner("fast", lambda plan: plan), make_planner("fast", lambda _: (Q,)))
    benchmark = turns([make_planner("tfidf", lambda _: (Q,))], dialogues, trained=runs)
    emr = benchmark.result.systems["fast"]["emr"]
    assert (emr.value, emr.runs) == (pytest.approx(75.0), 2)  # 100 and 50
    assert emr.spread == pytest.approx(50 / np.sqrt(2))
    assert benchmark.plan_lengths("fast").tolist() == [0, 3.5, 0.5]
    assert benchmark.differences.systems["fast"]["emr"].value == pytest.approx(25.0)
    details = json.loads(json.dumps(benchmark.result.to_json(), allow_nan=False))["details"]
    assert set(details) == {"plan_lengths", "progress", "differences_to_tfidf"}
    assert details["plan_lengths"] == {"gold": [0, 3, 1], "fast": [0, 3.5, 0.5]}


def test_published_rows_are_of_the_same_protocol(dialogues, gold_planner):
    assert {table.protocol for table in turns([gold_planner], dialogues).published} == {"turn"}


def test_plans_are_checked(dialogues, gold_planner, make_planner, monkeypatch):
    with pytest.raises(ValueError, match="planner silent: expected 4 plans that are not empty, got 4, 4 of them empty"):
        turns([make_planner("silent", lambda _: ())], dialogues)
    monkeypatch.setattr(gold_planner, "plans", lambda _: [])
    with pytest.raises(ValueError, match="expected 4 plans that are not empty, got 0"):
        turns([gold_planner], dialogues)
