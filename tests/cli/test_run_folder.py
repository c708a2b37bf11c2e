"""Run folders: one run each, resumed by the same command, for one process at a time."""

import json
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import cli.train
from cli.configuration import overlaid
from cli.machine import check_seed, choose_device, seed_everything
from cli.run_folder import RunFolder
from corpus.dialogue import Dialogue, Message, Role
from corpus.splits import Corpus

_ROOT = Path(__file__).resolve().parent.parent.parent
_GOLDEN = _ROOT / "tests" / "data" / "golden"


def _corpus(text: str = "hi") -> Corpus:
    return Corpus("toy", "toy.json", {"train": (Dialogue(1, (Message(Role.SEEKER, text),)),)})


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"b": {"c": 2}, **values}


def _open(folder: Path, corpus: Corpus | None = None, **settings: object) -> RunFolder:
    settings = settings or {"config": {"a": 1, "b": {"c": 2}}, "seed": 0}
    return RunFolder(folder, command="planner", settings=settings, corpus=corpus or _corpus(), upgraded=_nested)


def _begin(folder: Path) -> None:
    """A run that was killed after it had made something."""
    with _open(folder):
        (folder / "curves.json").write_text("{}")


def test_a_new_run_writes_configuration_and_manifest(tmp_path: Path) -> None:
    with _open(tmp_path / "run") as run:
        assert not run.finished
    assert json.loads((run.folder / "config.json").read_text()) == {
        "format": 2, "command": "planner", "config": {"a": 1, "b": {"c": 2}}, "seed": 0, "processes": 1,
    }  # fmt: skip
    manifest = json.loads((run.folder / "manifest.json").read_text())
    assert manifest["corpus"] == {"name": "toy", "source": "toy.json", "splits": {"train": _corpus().digest("train")}}
    assert {"python", "torch", "stable-baselines3"} <= set(manifest["versions"])
    assert (manifest["seed"], manifest["precision"], manifest["finished"]) == (0, "fp32", None)


def test_the_same_command_resumes_and_finishing_is_remembered(tmp_path: Path) -> None:
    with _open(tmp_path / "run") as run:
        run.finish({"score": 1.5})
    with _open(tmp_path / "run") as again:
        assert again.finished
        assert again.metrics() == {"score": 1.5}
        assert again.minutes < 1


@pytest.mark.parametrize(
    ("config", "seed", "corpus", "said"),
    [
        ({"a": 2, "b": {"c": 2}}, 0, None, r"holds another run \(a 1 there\), choose another --out"),
        ({"a": 1, "b": {"c": 3}}, 0, None, r"holds another run \(b.c 2 there\)"),
        ({"b": {"c": 2}}, 0, None, r"holds another run \(a 1 there\)"),
        ({"a": 1, "b": {"c": 2}, "d": 3}, 0, None, r"holds another run \(d None there\)"),
        ({"a": 1, "b": {"c": 2}}, 1, None, r"holds another run \(seed 0 there\)"),
        ({"a": 1, "b": {"c": 2}}, 0, _corpus("bye"), r"holds another run \(data\)"),
    ],
)
def test_another_command_is_refused(
    tmp_path: Path, config: dict[str, object], seed: int, corpus: Corpus | None, said: str
) -> None:
    _begin(tmp_path / "run")
    with pytest.raises(ValueError, match=said):
        _open(tmp_path / "run", corpus, config=config, seed=seed)


def test_other_processes_or_facts_are_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _begin(tmp_path / "run")
    with pytest.raises(ValueError, match=r"\(planner None there\)"):
        _open(tmp_path / "run", config={"a": 1, "b": {"c": 2}}, seed=0, planner="abc")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match=r"\(processes 1 there\)"):
        _open(tmp_path / "run")


def test_an_earlier_configuration_is_upgraded_before_it_is_compared(tmp_path: Path) -> None:
    _begin(tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    path.write_text(json.dumps({"command": "planner", "config": {"a": 1}, "seed": 0}))
    with _open(tmp_path / "run") as run:
        assert not run.finished
    path.write_text(json.dumps({"command": "planner", "config": {"a": 1, "extra": 5}, "seed": 0}))
    with pytest.raises(ValueError, match=r"holds another run \(extra 5 there\)"):
        _open(tmp_path / "run")


def test_a_start_that_made_nothing_does_not_block_the_folder(tmp_path: Path) -> None:
    with _open(tmp_path / "run", config={"a": 1}, seed=0):
        pass
    with _open(tmp_path / "run", config={"a": 2}, seed=0) as run:
        assert json.loads((run.folder / "config.json").read_text())["config"] == {"a": 2}


def test_a_damaged_run_is_named(tmp_path: Path) -> None:
    with _open(tmp_path / "run") as run:
        run.finish({})
    (tmp_path / "run" / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json: missing or damaged"):
        _open(tmp_path / "run")


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ValueError, match="not empty, and no run"):
        _open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


_HOLDER = """
import sys, time
from pathlib import Path
from tests.cli.test_run_folder import _open
with _open(Path({folder!r})) as run:
    print("open", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_and_a_killed_one_leaves_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _HOLDER.format(folder=str(tmp_path / "run"))
    with subprocess.Popen([sys.executable, "-c", program], cwd=_ROOT, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None and holder.stdout.readline() == "open\n"
            with pytest.raises(ValueError, match="run: another process is training in it"):
                _open(tmp_path / "run")
            with monkeypatch.context() as second:  # of the processes that torchrun started for one training
                second.setenv("RANK", "1")
                with _open(tmp_path / "run") as shared:
                    assert not shared.leads
        finally:
            holder.send_signal(signal.SIGKILL)
    with _open(tmp_path / "run") as run:
        run.finish({})
    with _open(tmp_path / "run"), _open(tmp_path / "run") as again:  # a finished run is only looked at
        assert again.finished


@pytest.mark.parametrize("name", ["planner-quickstart", "planner-fast", "planner-all-in-one", "generator", "seeker"])
def test_finished_runs_of_the_flat_configuration_are_recognised(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kind = cli.train.COMMANDS[name.partition("-")[0]].load()
    shutil.copytree(_GOLDEN / name, tmp_path / name)
    values = json.loads((tmp_path / name / "config.json").read_text())["config"]
    config = overlaid(kind().config, kind.upgraded(values), source=name)
    kind(config=config, out=tmp_path / name).start()
    assert f"{name}: finished" in capsys.readouterr().out
    with pytest.raises(ValueError, match="holds another run"):
        kind(config=config, out=tmp_path / name, seed=1).start()


def test_seeding_repeats_every_generator() -> None:
    def draw() -> tuple[float, float, float]:
        seed_everything(5)
        return random.random(), float(np.random.rand()), float(torch.rand(1))  # noqa: NPY002

    assert draw() == draw()


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_that_no_generator_takes_are_refused(seed: int) -> None:
    with pytest.raises(ValueError, match=f"seed: got {seed}, expected 0 to 4294967295"):
        check_seed(seed)


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cuda:99"])
def test_devices_that_are_not_there_are_refused(device: str) -> None:
    with pytest.raises(ValueError, match=f"device: got '{device}'"):
        choose_device(device)


def test_cpu_hides_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    choose_device("cpu")
    assert not torch.cuda.is_available()
