import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from corpus.formats.official import write
from corpus.load import load_corpus
from language_models.training_record import Checkpoints
from tests.generator.several_processes import train

ROOT = Path(__file__).resolve().parent.parent.parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
ACCELERATE = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]


def start(*command: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    return subprocess.run(
        command, cwd=ROOT, env=clean | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=300
    )


@pytest.fixture(autouse=True)
def every_step_is_logged(monkeypatch):
    monkeypatch.setattr("language_models.trainer.LOGGED_STEPS", 1)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Folder of what two processes trained, and what each of them reports."""
    out = tmp_path_factory.mktemp("together")
    done = start(sys.executable, "tests/generator/several_processes.py", str(out))
    assert done.returncode == 0, done.stderr[-3000:]
    return out, [json.loads((out / f"process-{rank}.json").read_text()) for rank in (0, 1)]


def curve(run):
    points = json.loads((run / "training_curve.json").read_text())
    return [{name: value for name, value in point.items() if value is not None} for point in points]


def assert_same_training(one, two, tolerance):
    assert len(curve(one)) == len(curve(two)) == 6 + 2  # losses and validations
    for here, there in zip(curve(one), curve(two), strict=True):
        assert here == pytest.approx(there, rel=1e-5)
    first, second = (load_file(run / "model" / "model.safetensors") for run in (one, two))
    assert first.keys() == second.keys()
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=1e-4, atol=tolerance)


# Each epoch ends in a step of five examples of eight, so one process has three and one two, or two and three blanks.
def test_two_processes_train_as_one_with_the_same_global_batch(together, tmp_path):
    train(tmp_path, processes=1)
    assert_same_training(tmp_path, together[0] / "whole", 1e-5)


def test_two_processes_that_accumulate_train_as_one_big_batch(together, tmp_path):
    train(tmp_path, processes=1, backbone="tiny-dialogpt")
    assert_same_training(tmp_path, together[0] / "accumulated", 1e-5)


def test_two_processes_resume_after_a_kill(together):
    out, reports = together
    # Killed in the fifth step, resumed from the checkpoint of the third: 5 and 6 - 3 steps.
    assert [(report["killed"], report["steps"]) for report in reports] == [(True, 8)] * 2
    whole, cut = (load_file(out / name / "model" / "model.safetensors") for name in ("whole", "cut"))
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_only_the_first_process_writes(together):
    out, (first, second) = together
    assert {"trainer_state.json", "config.json"} <= set(first["written"])
    assert second["written"] == []
    assert len(list((out / "whole" / "tensorboard").iterdir())) == 1
    assert json.loads((out / "whole" / "generator.json").read_text())["processes"] == 2


def test_another_number_of_processes_cannot_resume(tmp_path):
    Checkpoints(tmp_path / "checkpoints", processes=2).begin()
    Checkpoints(tmp_path / "checkpoints", processes=2).check()
    with pytest.raises(ValueError, match="begun in 2 processes; resume it with 2 instead of 1"):
        Checkpoints(tmp_path / "checkpoints").check()


def test_a_checkpoint_without_the_random_state_of_every_process_was_cut_off(tmp_path):
    for step in (3, 6):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
        (folder / "rng_state_0.pth").touch()
    (tmp_path / "checkpoint-3" / "rng_state_1.pth").touch()
    assert Checkpoints(tmp_path, processes=2).last() == tmp_path / "checkpoint-3"


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE], ids=["torchrun", "accelerate"])
def test_the_script_runs_under_a_launcher(launcher, tmp_path):
    sample = load_corpus(None).split("train")
    write(tmp_path / "train.json", sample[:6])
    write(tmp_path / "valid.json", sample[6:8])
    options = ["--tiny.width", "16", "--tiny.layers", "1", "--tiny.heads", "2", "--tiny.vocabulary", "300"]
    command = [
        "train.py",
        "generator",
        "--data",
        str(tmp_path),
        "--out",
        str(tmp_path / "run"),
        "--optimisation.epochs",
        "1",
        *options,
    ]
    first = start(*launcher, *command)
    assert first.returncode == 0, first.stderr[-3000:]
    assert first.stdout.count("perplexity on valid") == 1
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["valid"]["ppl"] > 1
    again = start(*launcher, *command)
    assert again.returncode == 0, again.stderr[-3000:]
    assert again.stdout == first.stdout
