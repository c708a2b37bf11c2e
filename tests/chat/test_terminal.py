"""``python -m chat`` in the terminal: lines and commands of a conversation, options, and that a mistake is one line."""

import io
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import chat.__main__
import chat.system
from chat.conversation import NOTICE, ChatSession
from chat.terminal import Terminal, prompted_lines
from cli.command_line import run_command
from safety.care import rules_alone
from safety.helplines import read_helplines
from safety.reply import CRISIS_REPLY, short_reply
from tests.chat.fake_system import ALARM, WORRY, fake_system


def talk(*lines: str, **system: object) -> list[str]:
    """What the terminal shows for these lines, after its greeting."""
    shown: list[str] = []
    Terminal(ChatSession(fake_system(**system)), show=shown.append).run(iter(lines))
    assert NOTICE in " ".join(shown[0].split())
    assert "/help" in shown[1]
    return shown[2:]


def test_plan_probabilities_and_text_are_shown() -> None:
    shown = talk("My exam went badly.", "/quit", "never read")
    assert "plan (one-by-one): Question (65%)" in shown[0]
    assert "Question 65%, Restatement or Paraphrasing 5%" in shown[1]
    assert shown[2].strip() == "Context: The seeker's problem is job crisis (60%)."
    assert shown[6].startswith("supporter [Question]: text QUESTION 1 ")
    assert shown[7:] == [""]


def test_a_chosen_plan_holds_for_one_reply() -> None:
    shown = "\n".join(talk("/plan sugg, others", "hello", "hello again", "/plan q", "/plan", "once more"))
    assert "next reply: Providing Suggestions -> Others" in shown
    assert shown.count("chosen by hand") == 1
    assert "next reply: as the system chooses" in shown


def test_a_refused_message_keeps_the_choice() -> None:
    shown = "\n".join(talk("/plan Others", "x" * 1001, "hello"))
    assert "! message of 1001 characters" in shown
    assert "chosen by hand: Others" in shown


def test_undo_save_help(tmp_path: Path) -> None:
    file = tmp_path / "a talk.txt"
    shown = "\n".join(talk("/undo", "hello", "oops", "/undo", f"/save '{file}'", f"/save '{file}'", "/help"))
    assert "nothing to take back" in shown
    assert "taken back: oops" in shown
    assert f"saved: {file}" in shown
    assert "exists already" in shown
    assert "/plan A,B" in shown
    assert "hello" in file.read_text()
    assert "oops" not in file.read_text()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/plan hug", "unknown strategy 'hug'"),
        ("/fly", "unknown command /fly"),
        ("/save", "expected /save FILE"),
        ("/save 'a", "No closing quotation"),
        ("/save a.txt", "nothing to save yet"),
    ],
)
def test_mistakes_are_one_line_and_the_chat_goes_on(line: str, said: str) -> None:
    shown = talk(line, "hello")
    assert shown[0].startswith("  ! ")
    assert said in shown[0]
    assert any(one.startswith("supporter") for one in shown)


def test_crisis() -> None:
    shown = "\n".join(talk("/plan Question", ALARM, "never mind"))
    assert shown.count(CRISIS_REPLY.strip()) == 1
    assert shown.count(short_reply(read_helplines())) == 1
    assert "text QUESTION" not in shown


def test_worried_and_replaced() -> None:
    shown = "\n".join(talk(WORRY, "no", words="unsafe"))
    assert "crisis screening: worried, suicide; a fixed text" in shown
    assert "supporter: Thank you for telling me how hard it is." in shown
    assert "You can also talk with a person" in shown
    assert "texts replaced by fixed sentences: 2" in shown


def test_a_screening_without_its_detector_is_said_once() -> None:
    shown: list[str] = []
    Terminal(ChatSession(fake_system(care=rules_alone())), show=shown.append).run(iter(["hello", "again"]))
    assert "The learned screening is missing: the rules alone" in shown[1]
    assert sum("learned screening" in line for line in shown) == 1


def test_vanilla_refuses_a_plan() -> None:
    shown = talk("/plan Question", "hello", variant="vanilla", planned=False)
    assert "knows no strategies" in shown[0]
    assert shown[1].strip() == "plan: the generator's own"


def test_the_end_of_the_input_ends_the_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    given = iter(["one", "two"])

    def ask(_: str) -> str:
        try:
            return next(given)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", ask)
    assert list(prompted_lines()) == ["one", "two"]


ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The command with fake systems behind its run folders."""
    monkeypatch.setattr(
        chat.system,
        "load_system",
        lambda runs, *, name=None, **_: fake_system(name or "+".join(map(str, runs))),
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
