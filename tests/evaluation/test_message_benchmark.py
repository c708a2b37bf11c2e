import json

import numpy as np
import pytest

from corpus.dialogue import Dialogue, message_view
from corpus.strategy import Strategy
from evaluation.planner.messages import MessageBenchmark, benchmark_messages
from planner.plan import Calibrated

SPEED = {"decisions_per_second", "latency_ms_p50", "latency_ms_p95"}
Q, RE, AF, SU = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


def messages(planners: list, dialogues: tuple[Dialogue, ...], trained: tuple = (), seed: int = 0) -> MessageBenchmark:
    rng = np.random.default_rng(seed)
    items = message_view(dialogues)
    return benchmark_messages(planners, items, split="valid", data="tiny", rng=rng, samples=50, trained=trained)


def test_messages_by_hand(dialogues, question_planner, gold_planner):
    benchmark = messages([question_planner, gold_planner], dialogues)
    result = benchmark.result
    assert (result.command, result.protocol, result.split, result.n) == ("planner", "message", "valid", 5)
    assert list(result.systems) == ["majority", "gold"]
    majority, gold = result.systems["majority"], result.systems["gold"]
    assert majority["accuracy"].value == pytest.approx(40.0)  # 2 questions of 5
    assert majority["f1_question"].value == pytest.approx(200 * 2 / 7)
    assert majority["f1_exploration"].value == pytest.approx(200 * 3 / 8)  # two questions, one restatement of five
    assert majority["ece"].value == pytest.approx(60.0)  # always certain, right in 2 of 5
    # Sixths 0 and 1 hold a question each, sixths 2, 3, 4 something else each: two agree, three do not.
    assert majority["progress_tv"].value == pytest.approx(60.0)
    assert gold["accuracy"].value == pytest.approx(100.0)
    assert (gold["ece"].value, gold["progress_tv"].value) == (0.0, 0.0)
    assert gold["preference_bias"].value == pytest.approx(0.0, abs=1e-9)
    assert set(majority) > SPEED
    assert {"data:tiny", "split:valid", "ece:max-probability-equal-width-15"} <= set(result.signature.split("|"))
    assert result.seconds > 0 and result.details == {}
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


def test_runs_of_one_name_are_averaged(dialogues, question_planner, make_planner):
    runs = [make_planner("fast", lambda plan: plan), make_planner("fast", lambda _: (Q,))]
    benchmark = messages([question_planner], dialogues, trained=(*runs, make_planner("other", lambda _: (SU,))))
    assert list(benchmark.result.systems) == ["majority", "fast", "other"]
    assert benchmark.trained == ("fast", "other")
    accuracy = benchmark.result.systems["fast"]["accuracy"]
    assert (accuracy.value, accuracy.runs) == (pytest.approx(70.0), 2)  # 100 and 40
    assert accuracy.spread == pytest.approx(60 / np.sqrt(2))
    assert benchmark.result.systems["fast"]["decisions_per_second"].runs == 2
    assert benchmark.result.systems["other"]["accuracy"].runs == 1
    assert benchmark.predictions["fast"].shape == (2, 5)
    assert benchmark.confusion("fast").sum() == 5 and benchmark.confusion("fast")[SU].tolist()[SU] == 0.5
    assert benchmark.by_progress("fast")[4].tolist()[SU] == 0.5
    assert benchmark.reliability("fast").items.tolist() == [10]


def test_details_for_the_json(dialogues, make_planner):
    tfidf, own = make_planner("tfidf", lambda _: (Q,)), make_planner("run", lambda plan: plan)
    benchmark = messages([tfidf], dialogues, trained=(own,))
    details = json.loads(json.dumps(benchmark.result.to_json(), allow_nan=False))["details"]
    assert set(details) == {"confusion", "reliability", "progress", "differences_to_tfidf"}
    assert np.shape(details["confusion"]["run"]) == (8, 8) and np.shape(details["progress"]["gold"]) == (6, 8)
    assert details["reliability"]["run"] == {"confidence": [1.0], "accuracy": [1.0], "items": [5]}
    assert details["differences_to_tfidf"]["run"]["macro_f1"]["value"] == pytest.approx(
        benchmark.result.systems["run"]["macro_f1"].value - benchmark.result.systems["tfidf"]["macro_f1"].value
    )


def test_beliefs_without_offsets_are_what_is_called_calibrated(dialogues, question_planner):
    class Shifted(type(question_planner)):
        def calibrated_probabilities(self, histories):
            return np.tile([0.4, 0.0, 0.0, 0.0, 0.0, 0.6, 0.0, 0.0], (len(histories), 1))

    planner = Shifted("shifted", lambda _: (Q,))
    assert isinstance(planner, Calibrated) and not isinstance(question_planner, Calibrated)
    scores = messages([planner], dialogues).result.systems["shifted"]
    assert scores["accuracy"].value == pytest.approx(40.0)  # decides by its shifted probabilities: always Question
    assert scores["ece"].value == pytest.approx(40.0)  # believes in Suggestions at 0.6, right in one of five


def test_other_planners_do_not_change_an_interval(dialogues, question_planner, gold_planner):
    alone = messages([question_planner], dialogues).result.systems["majority"]
    together = messages([gold_planner, question_planner], dialogues).result.systems["majority"]
    for metric in set(alone) - SPEED:
        assert alone[metric] == together[metric]


def test_published_rows_are_of_the_same_protocol(dialogues, gold_planner):
    assert {table.protocol for table in messages([gold_planner], dialogues).published} == {"message"}


def test_probabilities_are_checked(dialogues, gold_planner, monkeypatch):
    for wrong in (np.ones((4, 8)), np.ones((5, 9)), np.full((5, 8), np.nan)):
        monkeypatch.setattr(gold_planner, "strategy_probabilities", lambda _, wrong=wrong: wrong)
        with pytest.raises(ValueError, match=r"planner gold: expected finite probabilities of shape \(5, 8\)"):
            messages([gold_planner], dialogues)
