"""The terminal: what it shows for lines and commands, and that a mistake is one line."""

from pathlib import Path

import pytest

from chat.conversation import NOTICE, ChatSession
from chat.terminal import Terminal, prompted_lines
from safety.reply import CRISIS_REPLY
from tests.chat.fake_system import ALARM, fake_system


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
    assert shown.count(CRISIS_REPLY.strip()) == 2
    assert "text QUESTION" not in shown


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
