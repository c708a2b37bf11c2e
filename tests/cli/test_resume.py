"""A training that is killed with signal 9 is resumed by the same command and ends with the same weights."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cli.train
from cli.command_line import run_command
from corpus.formats.official import write
from corpus.load import load_corpus

_ROOT = Path(__file__).resolve().parent.parent.parent
_SETTINGS = [
    "--backbone", "tiny-blenderbot",
    "--tiny.width", "16", "--tiny.layers", "1", "--tiny.heads", "2", "--tiny.vocabulary", "300",
    "--optimisation.epochs", "3", "--optimisation.evaluation-steps", "2", "--optimisation.batch-size", "8",
    "--optimisation.precision", "fp32", "--lengths.history-tokens", "24", "--lengths.response-tokens", "10",
]  # fmt: skip


def test_kill_and_resume(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dialogues = load_corpus(None).split("train")
    data = tmp_path / "data"
    data.mkdir()
    write(data / "train.json", dialogues[:8])
    write(data / "valid.json", dialogues[8:10])

    def command(out: str) -> list[str]:
        return ["generator", "--data", str(data), "--out", str(tmp_path / out), *_SETTINGS]

    def train(out: str) -> None:
        run_command(cli.train.COMMANDS, command(out), program="train.py")

    train("whole")
    with subprocess.Popen([sys.executable, "train.py", *command("killed")], cwd=_ROOT, stderr=subprocess.PIPE) as child:
        deadline = time.monotonic() + 120
        while not list((tmp_path / "killed").glob("checkpoints/checkpoint-*/trainer_state.json")):
            assert child.poll() is None, "ended before its first checkpoint"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        child.send_signal(signal.SIGSTOP)  # so that it cannot end before it is asked about
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            train("killed")
        child.send_signal(signal.SIGKILL)
    assert end.value.code == 2
    assert "killed: another process is training in it" in capsys.readouterr().err
    assert json.loads((tmp_path / "killed" / "manifest.json").read_text())["finished"] is None
    train("killed")
    weights = [(tmp_path / run / "model" / "model.safetensors").read_bytes() for run in ("whole", "killed")]
    assert weights[0] == weights[1]
