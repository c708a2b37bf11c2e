import numpy as np
import pytest

from corpus.dialogue import Dialogue, message_view, turn_view
from corpus.strategy import Strategy
from evaluation.planner_benchmark import MessageBenchmark, TurnBenchmark, benchmark_messages, benchmark_turns

SPEED = {"decisions_per_second", "latency_ms_p50", "latency_ms_p95"}
Q, RE, AF, SU = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


def messages(planners: list, dialogues: tuple[Dialogue, ...], seed: int = 0) -> MessageBenchmark:
    rng = np.random.default_rng(seed)
    return benchmark_messages(planners, message_view(dialogues), split="valid", data="tiny", rng=rng, samples=50)


def turns(planners: list, dialogues: tuple[Dialogue, ...], seed: int = 0) -> TurnBenchmark:
    rng = np.random.default_rng(seed)
    return benchmark_turns(planners, turn_view(dialogues), split="valid", data="tiny", rng=rng, samples=50)


def test_messages_by_hand(dialogues, question_planner, gold_planner):
    benchmark = messages([question_planner, gold_planner], dialogues)
    result = benchmark.result
    assert (result.command, result.protocol, result.split, result.n) == ("planner", "message", "valid", 5)
    assert list(result.systems) == ["majority", "gold"]
    assert result.systems["majority"]["accuracy"].value == pytest.approx(40.0)  # 2 questions of 5
    assert result.systems["gold"]["accuracy"].value == pytest.approx(100.0)
    assert result.systems["gold"]["preference_bias"].value == pytest.approx(0.0, abs=1e-9)
    assert set(result.systems["majority"]) > SPEED
    assert "data:tiny" in result.signature and "split:valid" in result.signature and result.seconds > 0
    assert benchmark.gold.tolist() == [Q, RE, AF, Q, SU]
    confusion = benchmark.confusion("majority")
    assert confusion[:, Q].tolist() == [2, 1, 0, 0, 1, 1, 0, 0] and confusion.sum() == 5
    assert (np.diag(benchmark.confusion("gold")) == [2, 1, 0, 0, 1, 1, 0, 0]).all()


def test_message_progress_by_hand(dialogues, question_planner):
    benchmark = messages([question_planner], dialogues)
    gold = benchmark.by_progress()
    # 0/6 -> 0, 2/6 -> 2, 3/6 -> 3, 1/4 -> 1, 3/4 -> 4
    assert {(int(row), int(column)) for row, column in zip(*np.nonzero(gold), strict=True)} == {
        (0, Q), (2, RE), (3, AF), (1, Q), (4, SU),
    }  # fmt: skip
    assert benchmark.by_progress("majority")[:, Q].tolist() == [1, 1, 1, 1, 1, 0]


def test_turns_by_hand(dialogues, question_planner, gold_planner, make_planner):
    twice = make_planner("twice", lambda plan: plan * 2)
    benchmark = turns([question_planner, gold_planner, twice], dialogues)
    result = benchmark.result
    assert (result.protocol, result.n) == ("turn", 4)
    assert result.systems["majority"]["emr"].value == pytest.approx(50.0)  # 2 of the 4 turns are one question
    assert result.systems["gold"]["emr"].value == pytest.approx(100.0)
    assert result.systems["twice"]["lr"].value == pytest.approx(50.0)  # half of every plan is right
    assert set(result.systems["twice"]) > SPEED
    assert benchmark.gold == ((Q,), (RE, AF), (Q,), (SU,))
    assert benchmark.plan_lengths().tolist() == [0, 3, 1]
    assert benchmark.plan_lengths("twice").tolist() == [0, 0, 3, 0, 1]


def test_turn_progress_counts_every_slot_and_stays_inside(dialogues, make_planner):
    benchmark = turns([make_planner("long", lambda _: (Q,) * 6)], dialogues)
    assert benchmark.by_progress().sum() == 5
    assert benchmark.by_progress()[3, AF] == 1  # second slot of a turn that starts at 2 of 6
    assert benchmark.by_progress("long").sum() == 24


def test_other_planners_do_not_change_an_interval(dialogues, question_planner, gold_planner):
    alone = messages([question_planner], dialogues).result.systems["majority"]
    together = messages([gold_planner, question_planner], dialogues).result.systems["majority"]
    for metric in set(alone) - SPEED:
        assert alone[metric] == together[metric]


def test_published_rows_are_of_the_same_protocol(dialogues, gold_planner):
    assert {table.protocol for table in messages([gold_planner], dialogues).published} == {"message"}
    assert {table.protocol for table in turns([gold_planner], dialogues).published} == {"turn"}


@pytest.mark.parametrize("run", [messages, turns])
def test_refusals(run, dialogues, gold_planner):
    with pytest.raises(ValueError, match="two planners are called 'gold'"):
        run([gold_planner, gold_planner], dialogues)
    with pytest.raises(ValueError, match="nothing to evaluate: 0 planners"):
        run([], dialogues)
    with pytest.raises(ValueError, match="nothing to evaluate: 1 planners, 0 items"):
        run([gold_planner], ())


def test_probabilities_are_checked(dialogues, gold_planner, monkeypatch):
    for wrong in (np.ones((4, 8)), np.ones((5, 9)), np.full((5, 8), np.nan)):
        monkeypatch.setattr(gold_planner, "strategy_probabilities", lambda _, wrong=wrong: wrong)
        with pytest.raises(ValueError, match=r"planner gold: expected finite probabilities of shape \(5, 8\)"):
            messages([gold_planner], dialogues)


def test_plans_are_checked(dialogues, gold_planner, make_planner, monkeypatch):
    with pytest.raises(ValueError, match="planner silent: expected 4 plans that are not empty, got 4, 4 of them empty"):
        turns([make_planner("silent", lambda _: ())], dialogues)
    monkeypatch.setattr(gold_planner, "plans", lambda _: [])
    with pytest.raises(ValueError, match="expected 4 plans that are not empty, got 0"):
        turns([gold_planner], dialogues)
