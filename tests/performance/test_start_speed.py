"""Help and mistakes are answered within 1.5 seconds, and the quickstart's first line within 3, on two quiet cores."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(
    "command",
    [
        "train.py --help",
        "train.py planner --help",
        "train.py generator --help",
        "evaluate.py planner --help",
        "evaluate.py dialogue --help",
        "train.py planner --colour red",
        "evaluate.py corpus --split nowhere",
        "-m chat --help",
        "-m chat nowhere",
        "-m chat --web --compare A=nowhere B=nowhere",
    ],
)
def test_help_and_mistakes(command: str) -> None:
    assert min(_seconds(command) for _ in range(3)) < 1.5


def test_first_line_of_the_quickstart(tmp_path: Path) -> None:
    began = time.perf_counter()
    arguments = [sys.executable, "train.py", "--out", str(tmp_path / "run")]
    with subprocess.Popen(arguments, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as quickstart:
        assert quickstart.stdout is not None
        line = quickstart.stdout.readline()
        seconds = time.perf_counter() - began
        quickstart.kill()
    assert "about three minutes" in line
    assert seconds < 3


def _seconds(command: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *command.split()], cwd=_ROOT, capture_output=True, check=False)
    return time.perf_counter() - began
