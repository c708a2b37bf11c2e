import json
from pathlib import Path

import pytest

from evaluation.planner.rows import check_runs, planner_rows


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
