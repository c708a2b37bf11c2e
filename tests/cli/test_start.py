"""The scripts answer what needs no model without importing what trains or measures one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import cli.evaluate
import cli.train

_ROOT = Path(__file__).resolve().parent.parent.parent
HEAVY = (
    "torch", "transformers", "tokenizers", "sklearn", "scipy", "sentence_transformers", "stable_baselines3",
    "matplotlib", "gradio", "nltk",
)  # fmt: skip
_PROGRAM = """
import json, sys
from cli.{script} import main
try:
    main({arguments!r})
except SystemExit as end:
    status = end.code
print(json.dumps([status or 0, [name for name in {heavy!r} if name in sys.modules]]))
"""


def answer(script: str, *arguments: str) -> tuple[int, list[str]]:
    """Exit status and the heavy libraries that were imported on the way to it."""
    program = _PROGRAM.format(script=script, arguments=list(arguments), heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    status, heavy = json.loads(done.stdout.splitlines()[-1])
    return status, heavy


@pytest.mark.parametrize(
    ("script", "arguments", "status"),
    [
        ("train", ["--help"], 0),
        ("evaluate", ["--help"], 0),
        ("train", ["nothing"], 2),
        ("train", ["--colour", "red"], 2),
        *(("train", [command, "--help"], 0) for command in cli.train.COMMANDS),
        *(("evaluate", [command, "--help"], 0) for command in cli.evaluate.COMMANDS),
        ("evaluate", ["planner", "--colour", "red"], 2),
        ("evaluate", ["planner", "--data", "nowhere"], 2),
        ("train", ["planner", "--data", "nowhere"], 2),
    ],
)
def test_help_and_mistakes_import_nothing_heavy(script: str, arguments: list[str], status: int) -> None:
    assert answer(script, *arguments) == (status, [])


@pytest.mark.parametrize("commands", [cli.train.COMMANDS, cli.evaluate.COMMANDS])
def test_the_list_of_commands_says_what_each_says_of_itself(commands: dict) -> None:
    for command in commands.values():
        assert command.summary == command.load().__doc__.splitlines()[0]
