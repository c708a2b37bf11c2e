"""Planners on the message and the turn protocol against figures counted by hand, and which runs make one row."""

import json
from pathlib import Path

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role, message_view, turn_view
from corpus.strategy import Strategy
from evaluation.planner.messages import MessageBenchmark, benchmark_messages
from evaluation.planner.setup import BenchmarkSetup, check_runs
from evaluation.planner.turns import TurnBenchmark, benchmark_turns
from planner.plan import Calibrated

SPEED = {"decisions_per_second", "latency_ms_p50", "latency_ms_p95"}
Q, RE, AF, SU = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


def setup(planners: list, trained: tuple = (), **options: object) -> BenchmarkSetup:
    return BenchmarkSetup("valid", "tiny", planners=tuple(planners), trained=trained, **({"samples": 50} | options))


def messages(planners: list, dialogues: tuple[Dialogue, ...], trained: tuple = ()) -> MessageBenchmark:
    return benchmark_messages(setup(planners, trained), message_view(dialogues), rng=np.random.default_rng(0))


def turns(planners: list, dialogues: tuple[Dialogue, ...], trained: tuple = ()) -> TurnBenchmark:
    return benchmark_turns(setup(planners, trained), turn_view(dialogues), rng=np.random.default_rng(0))


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


def test_message_runs_of_one_name_are_averaged(dialogues, question_planner, make_planner):
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


def test_calibration_is_that_of_the_probabilities_without_offsets(dialogues, question_planner):
    class Shifted(type(question_planner)):
        def calibrated_probabilities(self, histories):
            return np.tile([0.4, 0.0, 0.0, 0.0, 0.0, 0.6, 0.0, 0.0], (len(histories), 1))

    planner = Shifted("shifted", lambda _: (Q,))
    assert isinstance(planner, Calibrated) and not isinstance(question_planner, Calibrated)
    scores = messages([planner], dialogues).result.systems["shifted"]
    assert scores["accuracy"].value == pytest.approx(40.0)  # decides by its shifted probabilities: always Question
    assert scores["ece"].value == pytest.approx(40.0)  # Suggestions at 0.6, right in one of five


def test_other_planners_do_not_change_an_interval(dialogues, question_planner, gold_planner):
    alone = messages([question_planner], dialogues).result.systems["majority"]
    together = messages([gold_planner, question_planner], dialogues).result.systems["majority"]
    for metric in set(alone) - SPEED:
        assert alone[metric] == together[metric]


def test_probabilities_are_checked(dialogues, gold_planner, monkeypatch):
    for wrong in (np.ones((4, 8)), np.ones((5, 9)), np.full((5, 8), np.nan)):
        monkeypatch.setattr(gold_planner, "strategy_probabilities", lambda _, wrong=wrong: wrong)
        with pytest.raises(ValueError, match=r"planner gold: expected finite probabilities of shape \(5, 8\)"):
            messages([gold_planner], dialogues)


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


def test_turn_runs_of_one_name_are_averaged(dialogues, make_planner):
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
    assert {table.protocol for table in messages([gold_planner], dialogues).published} == {"message"}
    assert {table.protocol for table in turns([gold_planner], dialogues).published} == {"turn"}


def test_plans_are_checked(dialogues, gold_planner, make_planner, monkeypatch):
    with pytest.raises(ValueError, match="planner silent: expected 4 plans that are not empty, got 4, 4 of them empty"):
        turns([make_planner("silent", lambda _: ())], dialogues)
    monkeypatch.setattr(gold_planner, "plans", lambda _: [])
    with pytest.raises(ValueError, match="expected 4 plans that are not empty, got 0"):
        turns([gold_planner], dialogues)


def test_baselines_and_the_oracle_have_rows_of_their_own_and_runs_share_one(dialogues, make_planner):
    trained = tuple(make_planner(name, None) for name in ("fast", "best", "fast"))
    random = make_planner("random", None)
    rows = setup([random], trained, oracle=True).rows(turn_view(dialogues))
    assert list(rows) == ["random", "gold", "fast", "best"]
    assert rows["fast"] == (trained[0], trained[2]) and rows["best"] == (trained[1],)
    assert rows["gold"][0].plans == tuple(turn.plan for turn in turn_view(dialogues))


def test_refusals(dialogues, make_planner):
    one, items = make_planner("gold", None), turn_view(dialogues)
    same = "two planners are called 'gold'; each needs its own name in the table"
    for wrong in (setup([one, one]), setup([one], (one,)), setup([one], (one, one)), setup([one], oracle=True)):
        with pytest.raises(ValueError, match=same):
            wrong.rows(items)
    with pytest.raises(ValueError, match="nothing to evaluate: 0 planners"):
        setup([]).rows(items)
    with pytest.raises(ValueError, match="nothing to evaluate: 1 planners, 0 items"):
        setup([], (one,)).rows([])


def test_the_oracle_is_a_table_of_uncut_gold_plans_that_is_not_timed():
    long = Dialogue(1, (Message(Role.SEEKER, "hello"), *(Message(Role.SUPPORTER, "hi", Q) for _ in range(5))))
    alone = setup([], oracle=True, samples=10)
    planned = benchmark_turns(alone, turn_view([long]), rng=np.random.default_rng(0)).result.systems["gold"]
    decided = benchmark_messages(alone, message_view([long]), rng=np.random.default_rng(0)).result.systems["gold"]
    assert (planned["emr"].value, planned["lr"].value, decided["accuracy"].value) == (100.0, 100.0, 100.0)
    assert "decisions_per_second" not in planned | decided


def run(folder: Path, **settings: object) -> Path:
    folder.mkdir(parents=True)
    if settings:
        (folder / "config.json").write_text(json.dumps({"config": settings, "seed": len(folder.parts)}), "utf-8")
    return folder


def test_runs_that_differ_in_their_seed_are_one_system(tmp_path: Path):
    runs = [run(tmp_path / seed / "fast", mode="one-by-one") for seed in ("seed0", "a/seed1")]
    cloned = [run(folder / "cloned") for folder in runs]
    check_runs([*runs, *cloned])


def test_runs_that_differ_in_more_are_refused(tmp_path: Path):
    first = run(tmp_path / "a" / "fast", mode="one-by-one", width=8)
    other = run(tmp_path / "b" / "fast", mode="all-in-one", width=8)
    with pytest.raises(ValueError, match=r"a/fast and .*b/fast are both called 'fast' but differ in mode: only runs"):
        check_runs([first, other])
    cloned = [run(first / "cloned"), run(other / "cloned")]  # compared by the run they lie in
    with pytest.raises(ValueError, match="are both called 'cloned' but differ in mode"):
        check_runs(cloned)


def test_a_folder_counts_once(tmp_path: Path):
    folder = run(tmp_path / "fast", width=8)
    with pytest.raises(ValueError, match="is given twice"):
        check_runs([folder, tmp_path / "x" / ".." / "fast"])


def test_damaged_settings_are_named(tmp_path: Path):
    folder = run(tmp_path / "fast")
    (folder / "config.json").write_text("[]", "utf-8")
    with pytest.raises(ValueError, match=r"config\.json: damaged run"):
        check_runs([folder])
