import json
from pathlib import Path

import numpy as np
import pytest

from planner.files import copy_fine_tuned
from planner.ppo.dialogues import load_start, read_fold_seed
from tests.planner.toy_planner import toy_planner
from tests.planner.toy_seekers import toy_profiles
from tests.planner.toy_task import FakeTextEncoder

_FINE_TUNED = "readers.safetensors"


def _run(folder: Path, **config: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"command": "planner", "seed": 3, **config}))
    (folder / "manifest.json").write_text(json.dumps({"corpus": {"splits": {"train": "abc"}}}))
    return folder


def test_the_seed_of_the_folds(tmp_path: Path) -> None:
    assert read_fold_seed(_run(tmp_path / "run"), train="abc") == 3
    (tmp_path / "run" / "cloned").mkdir()
    (tmp_path / "run" / "cloned" / "planner.json").touch()
    assert read_fold_seed(tmp_path / "run" / "cloned", train="abc") == 3
    assert read_fold_seed(_run(tmp_path / "next", command="dialogue", seed=9, fold_seed=4), train="abc") == 4


def test_what_is_no_start_is_refused(tmp_path: Path) -> None:
    run = _run(tmp_path / "run", command="generator")
    with pytest.raises(ValueError, match=r"run: a run of train\.py generator, expected a planner's"):
        read_fold_seed(run, train="abc")
    with pytest.raises(ValueError, match="run: trained on other training dialogues than those of --data"):
        read_fold_seed(_run(run), train="abd")
    with pytest.raises(ValueError, match=r"nowhere: no trained planner, config.json is missing or damaged"):
        read_fold_seed(tmp_path / "nowhere", train="abc")
    (run / "manifest.json").write_text("{")
    with pytest.raises(ValueError, match=r"run: no trained planner, manifest.json is missing or damaged"):
        read_fold_seed(run, train="abc")


@pytest.mark.parametrize("written", ["[]", "{}", '{"command": "planner"}', '{"command": "planner", "seed": "x"}'])
def test_a_damaged_configuration_is_one_line(tmp_path: Path, written: str) -> None:
    (tmp_path / "manifest.json").write_text('{"corpus": {"splits": {"train": "t"}}}')
    (tmp_path / "config.json").write_text(written)
    with pytest.raises(ValueError, match=r"no trained planner, config\.json is|expected a planner's"):
        read_fold_seed(tmp_path, train="t")


def test_a_start_predicts_what_the_planner_does(tmp_path: Path) -> None:
    planner = toy_planner()
    planner.save(tmp_path)
    start = load_start(tmp_path, text_encoder=FakeTextEncoder())
    histories = [profile.opening for profile in toy_profiles(4)]
    for _ in range(2):
        assert np.array_equal(start.predictions(histories), planner.predictions(histories))


def test_fine_tuned_encoders_come_along(tmp_path: Path) -> None:
    for name in ("run", "run/cloned", "one", "two", "bare"):
        (tmp_path / name).mkdir()
    (tmp_path / "run" / _FINE_TUNED).write_bytes(b"weights")
    copy_fine_tuned(tmp_path / "run", tmp_path / "one")
    copy_fine_tuned(tmp_path / "run" / "cloned", tmp_path / "two")  # shares those of its run
    assert (tmp_path / "one" / _FINE_TUNED).read_bytes() == (tmp_path / "two" / _FINE_TUNED).read_bytes() == b"weights"
    copy_fine_tuned(tmp_path / "bare", tmp_path / "bare")
    assert not (tmp_path / "bare" / _FINE_TUNED).exists()
