import logging
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.dialogue import Dialogue, Message, message_view
from corpus.formats import windows as windows_format
from corpus.formats.detection import Content, read_dialogues
from corpus.strategy import Strategy
from tests.corpus.random_dialogues import seekers, supporters
from tests.messages import seeker, supporter

Row = tuple[Message, ...]


def stitched(text: str) -> tuple[Dialogue, ...]:
    return windows_format.FORMAT.parse(Content(text.encode()))


def rows_of(dialogues: tuple[Dialogue, ...]) -> list[Row]:
    """The windows of a file: every supporter message that has a history, with its last four predecessors."""
    return [(*item.history[-4:], item.message) for item in message_view(dialogues) if item.history]


def render(dialogues: tuple[Dialogue, ...]) -> str:
    lines = []
    for item in message_view(dialogues):
        if item.history:
            first = max(0, item.index - 4)
            window = item.dialogue.messages[first : item.index + 1]
            lines.append(" EOS ".join(piece(message, number) for number, message in enumerate(window, start=first)))
    return "\n".join(lines) + "\n"


def piece(message: Message, number: int) -> str:
    if message.strategy is None:
        return f"0.0 0 {number} {message.text} "
    return f"1.0 1 {number} [{message.strategy.label}] {message.text}"


def test_reads_roles_labels_and_text() -> None:
    text = (
        "1.0 0 0 Hi  EOS 1.0 1 1 [Questions] How are you ?\n"
        "1.0 0 0 Hi  EOS 1.0 1 1 [Questions] How are you ? "
        "EOS 1.0 0 2 I love the EOS camera [a lot] EOS 1.0 1 3 [Other] ok\r\n"
    )
    assert stitched(text) == (
        Dialogue(
            1,
            (
                seeker("Hi"),
                supporter("How are you ?", Strategy.QUESTION),
                seeker("I love the EOS camera [a lot]"),
                supporter("ok"),
            ),
        ),
    )


def test_a_number_that_restarts_begins_a_new_dialogue() -> None:
    first = Dialogue(1, (seeker("a"), supporter("b"), seeker("c"), supporter("d")))
    second = Dialogue(2, (seeker("e"), supporter("f")))
    assert stitched(render((first, second))) == (first, second)


def test_a_short_dialogue_is_told_from_the_next_by_its_messages() -> None:
    first = Dialogue(1, (seeker("a"), supporter("b")))
    second = Dialogue(2, (seeker("e"), seeker("f"), supporter("g")))  # its first target, 2, is above the last one, 1
    assert stitched(render((first, second))) == (first, second)


def test_messages_in_no_window_are_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    run = tuple(seeker(f"line {number}") for number in range(6))
    whole = Dialogue(1, (seeker("a"), supporter("b"), *run, supporter("c")))
    with caplog.at_level(logging.WARNING):
        (dialogue,) = stitched(render((whole,)))
    assert dialogue.messages == (seeker("a"), supporter("b"), *run[2:], supporter("c"))
    assert [turn.plan for turn in dialogue.turns()] == [turn.plan for turn in whole.turns()]
    assert caplog.messages == ["2 messages of 1 dialogues are in no window and are left out"]


def test_a_dialogue_may_begin_in_a_gap(caplog: pytest.LogCaptureFixture) -> None:
    run = tuple(seeker(f"line {number}") for number in range(6))
    first = Dialogue(1, (seeker("a"), supporter("b"), *run[:4], supporter("c")))
    second = Dialogue(2, (*run, supporter("d")))  # its first window begins at its third message
    with caplog.at_level(logging.WARNING):
        dialogues = stitched(render((first, second)))
    assert dialogues == (first, Dialogue(2, (*run[2:], supporter("d"))))
    assert caplog.messages == ["2 messages of 1 dialogues are in no window and are left out"]


def test_a_supporter_who_opens_has_no_window_but_is_read() -> None:
    dialogue = Dialogue(1, (supporter("hello"), seeker("a"), supporter("b")))
    assert stitched(render((dialogue,))) == (dialogue,)


@st.composite
def window_corpora(draw: st.DrawFn, *, longest_run: int) -> tuple[Dialogue, ...]:
    """Dialogues with other first messages that end with the supporter; ``longest_run`` limits the seeker's runs."""
    dialogues = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        content = [seeker(f"dialogue {number}"), draw(supporters(forbidden="\n"))]
        for run in draw(st.lists(st.integers(0, longest_run), max_size=3)):
            content += [draw(seekers(forbidden="\n", with_feedback=False)) for _ in range(run)]
            content.append(draw(supporters(forbidden="\n")))
        dialogues.append(Dialogue(number, tuple(content)))
    return tuple(dialogues)


@settings(max_examples=30, deadline=None)
@given(dialogues=window_corpora(longest_run=4))
def test_stitching_undoes_the_cutting(dialogues: tuple[Dialogue, ...]) -> None:
    assert stitched(render(dialogues)) == dialogues


@settings(max_examples=30, deadline=None)
@given(dialogues=window_corpora(longest_run=7))
def test_every_row_comes_back_from_the_dialogues_also_across_gaps(dialogues: tuple[Dialogue, ...]) -> None:
    assert rows_of(stitched(render(dialogues))) == rows_of(dialogues)


@pytest.fixture(scope="module")
def dev(shared: Path) -> Path:
    return shared / "data" / "esconv2021" / "devWithStrategy_short.tsv"


@pytest.mark.real_data
def test_every_real_row_is_one_supporter_message_with_at_most_four_before_it(dev: Path) -> None:
    dialogues = read_dialogues(dev)
    lines = [line for line in dev.read_text(encoding="utf-8").split("\n") if line]
    rows = rows_of(dialogues)
    assert len(lines) == len(rows) == 2568
    for line, row in zip(lines, rows, strict=True):
        # the pieces of the line, taken apart independently of the reader: FLAG, ROLE, NUMBER, text
        pieces = [piece.split(" ", 3) for piece in line.split(" EOS ")]
        assert [role for _, role, _, _ in pieces] == ["0" if message.strategy is None else "1" for message in row]
        for (_, _, _, text), message in zip(pieces, row, strict=True):
            label, _, rest = text[1:].partition("]") if message.strategy is not None else ("", "", text)
            assert rest.strip() == message.text
            assert message.strategy is None or message.strategy is Strategy.parse(label)


@pytest.mark.real_data
def test_real_supporter_messages_are_the_rows_and_the_opening_ones(dev: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        dialogues = read_dialogues(dev)
    assert len(dialogues) == 194
    opened_by_supporter = sum(dialogue.messages[0].strategy is not None for dialogue in dialogues)
    assert opened_by_supporter == 87  # these messages have no history, hence no row of their own
    assert len(message_view(dialogues)) == 2568 + opened_by_supporter
    assert caplog.messages == ["9 messages of 6 dialogues are in no window and are left out"]
