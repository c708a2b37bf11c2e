import json
from pathlib import Path

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role, message_view, turn_view
from corpus.strategy import Strategy
from evaluation.planner.messages import benchmark_messages
from evaluation.planner.rows import check_runs, oracle, planner_rows
from evaluation.planner.turns import benchmark_turns

Q = Strategy.QUESTION


def run(folder: Path, **settings: object) -> Path:
    folder.mkdir(parents=True)
    if settings:
        (folder / "config.json").write_text(json.dumps({"config": settings, "seed": len(folder.parts)}), "utf-8")
    return folder


def test_baselines_stand_alone_and_runs_stand_together(make_planner):
    ladder = [make_planner("random", None), make_planner("gold", None)]
    trained = [make_planner(name, None) for name in ("fast", "best", "fast")]
    rows = planner_rows(ladder, trained, items=1)
    assert list(rows) == ["random", "gold", "fast", "best"]
    assert rows["fast"] == (trained[0], trained[2]) and rows["best"] == (trained[1],)


def test_refusals(make_planner):
    one = make_planner("gold", None)
    for planners, trained in (([one, one], []), ([one], [one]), ([one], [one, one])):
        with pytest.raises(ValueError, match="two planners are called 'gold'; each needs its own name in the table"):
            planner_rows(planners, trained, items=1)
    with pytest.raises(ValueError, match="nothing to evaluate: 0 planners"):
        planner_rows([], [], items=1)
    with pytest.raises(ValueError, match="nothing to evaluate: 1 planners, 0 items"):
        planner_rows([], [one], items=0)


def test_runs_that_differ_in_their_seed_are_one_system(tmp_path: Path):
    runs = [run(tmp_path / seed / "fast", mode="one-by-one") for seed in ("seed0", "a/seed1")]
    cloned = [run(folder / "cloned") for folder in runs]
    assert check_runs([*runs, *cloned]) == {"fast": tuple(runs), "cloned": tuple(cloned)}
    assert check_runs([]) == {}


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


def test_the_oracle_is_a_table_of_uncut_gold_plans_that_is_not_timed():
    long = Dialogue(1, (Message(Role.SEEKER, "hello"), *(Message(Role.SUPPORTER, "hi", Q) for _ in range(5))))
    table = oracle(turn_view([long]))
    assert (table.name, table.plans) == ("gold", ((Q,) * 5,))
    options = {"split": "valid", "data": "tiny", "rng": np.random.default_rng(0), "samples": 10}
    turns = benchmark_turns([table], turn_view([long]), **options).result.systems["gold"]
    messages = benchmark_messages([oracle(message_view([long]))], message_view([long]), **options).result.systems[
        "gold"
    ]
    assert (turns["emr"].value, turns["lr"].value, messages["accuracy"].value) == (100.0, 100.0, 100.0)
    assert "decisions_per_second" not in turns | messages
