"""``python -m chat``: the terminal, and mistakes on the command line."""

import io
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import chat.__main__
import chat.system
from cli.command_line import run_command
from tests.chat.fake_system import fake_system

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The command with fake systems behind its run folders."""
    monkeypatch.setattr(
        chat.system, "load_system", lambda runs, *, name=None: fake_system(name or "+".join(map(str, runs)))
    )
    monkeypatch.setattr(chat.system, "system_runs", lambda runs: None)
    return chat.__main__


def run(script: ModuleType, *arguments: str) -> None:
    run_command(script.Chat, arguments, program="python -m chat")


def test_a_scripted_conversation(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "talk.json"
    monkeypatch.setattr("sys.stdin", io.StringIO(f"I failed my exam.\n/plan refl\nWhat now?\n/save {saved}\n/quit\n"))
    run(script, "runs/planner", "runs/generator")
    said = capsys.readouterr().out
    assert "You talk with runs/planner+runs/generator" in said
    assert "supporter [Question]: text QUESTION 1" in said
    assert "supporter [Reflection of feelings]: text REFLECTION 3" in said
    assert saved.is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--compare", "A=a", "B=b"], "needs --web"),
        (["a", "--web", "--compare", "A=a", "B=b"], "names both systems"),
        (["--web", "--compare", "A=a"], "python -m chat: error"),
        (["--web", "--compare", "a", "B=b"], "'a': expected NAME=RUN,RUN"),
        (["--web", "--compare", "A=a", "A=b"], "two systems named A"),
        (["--web", "--compare", "A=a", "B=b", "--study", "{text}"], "no study of this program"),
        (["--color"], "chat"),
    ],
)
def test_mistakes_are_one_line(
    script: ModuleType, arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text("no database " * 100)
    with pytest.raises(SystemExit) as end:
        run(script, *(argument.format(text=tmp_path / "text") for argument in arguments))
    assert end.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert said in lines[-1]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--color"], ["nowhere"], ["--web", "--compare", "A=nowhere", "B=nowhere"]]
)
def test_help_and_mistakes_import_nothing_heavy(arguments: list[str]) -> None:
    program = f"import sys, runpy; sys.argv[1:] = {arguments!r}\ntry: runpy.run_module('chat', run_name='__main__')\n"
    program += (
        "except SystemExit as end: print(end.code, {'torch', 'gradio', 'transformers', 'scipy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-1] == ("0 set()" if arguments == ["--help"] else "2 set()"), done.stderr
