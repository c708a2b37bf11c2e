"""``python -m chat``: the terminal, and mistakes on the command line."""

import io
import json
from pathlib import Path
from types import ModuleType

import pytest

import chat.__main__
import chat.system
import cli.evaluate
from cli.command_line import run_command
from evaluation.human.study_file import Event, StudyStore
from evaluation.published import QUESTIONS
from tests.chat.fake_system import fake_system


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


def test_what_people_preferred_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = StudyStore(tmp_path / "study.sqlite", systems=("joint", "vanilla"))
    for person in range(6):
        events = [Event("joined", {"order": [person % 2, 1 - person % 2]})]
        events += [Event("intensity", {"value": value}) for value in (5, 4, 3)]
        better = person % 2  # always the first system, whenever it came
        events += [Event("answer", {"question": question, "verdict": better}) for question in QUESTIONS]
        for number, event in enumerate([*events, Event("submitted", {})]):
            store.append(str(person), number, event)
    given = ["human", "--study", str(tmp_path / "study.sqlite"), "--json", str(tmp_path / "human.json")]
    run_command(cli.evaluate.COMMANDS, given, program="evaluate.py")
    said = capsys.readouterr().out
    assert "100 / 0‡" in said  # 2 / 2^6 = 0.031
    assert "Joint vs Vanilla" in said
    scores = json.loads((tmp_path / "human.json").read_text())["systems"]["joint vs vanilla"]
    assert scores["overall_p"]["value"] == pytest.approx(2 / 64)
    with pytest.raises(SystemExit) as end:
        run_command(cli.evaluate.COMMANDS, ["human", "--study", "nowhere"], program="evaluate.py")
    assert end.value.code == 2
    assert "nowhere: no such file" in capsys.readouterr().err
