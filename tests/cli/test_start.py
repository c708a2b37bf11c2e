"""The scripts answer what needs no model without importing what trains or measures one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import cli.evaluate
import cli.train

_ROOT = Path(__file__).resolve().parent.parent.parent
_HEAVY = (
    "torch", "transformers", "tokenizers", "sklearn", "scipy", "sentence_transformers", "stable_baselines3",
    "matplotlib", "gradio", "nltk",
)  # fmt: skip
# Answers every call in one process and prints the exit status of each, and what the calls up to there imported.
_PROGRAM = """
import json, sys
from cli.{script} import main
answers = []
for arguments in {calls!r}:
    try:
        main(arguments)
        status = 0
    except SystemExit as end:
        status = end.code or 0
    answers.append([arguments, status, [name for name in {heavy!r} if name in sys.modules]])
print(json.dumps(answers))
"""
_MISTAKES = [
    ["nothing"], ["planner", "--colour", "red"], ["planner", "--data", "nowhere"], ["dialogue", "--planner", "nowhere"],
]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "commands"),
    [("train", cli.train.COMMANDS), ("evaluate", cli.evaluate.COMMANDS)],
    ids=["train", "evaluate"],
)
def test_help_and_mistakes_import_nothing_heavy(script: str, commands: dict) -> None:
    helps = [["--help"], *([name, "--help"] for name in commands)]
    program = _PROGRAM.format(script=script, calls=[*helps, *_MISTAKES], heavy=_HEAVY)
    done = subprocess.run([sys.executable, "-c", program], cwd=_ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert answers == [*([call, 0, []] for call in helps), *([call, 2, []] for call in _MISTAKES)]
    assert len(done.stderr.splitlines()) == len(_MISTAKES)


@pytest.mark.parametrize("commands", [cli.train.COMMANDS, cli.evaluate.COMMANDS])
def test_the_list_of_commands_says_what_each_says_of_itself(commands: dict) -> None:
    for command in commands.values():
        assert command.summary == command.load().__doc__.splitlines()[0]
