"""A file's format is told by its content; a format is added by one module."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import corpus.formats
from corpus.dialogue import Dialogue, Message, Role
from corpus.errors import CorpusError
from corpus.formats import official as official_format
from corpus.formats.detection import read_dialogues
from corpus.strategy import Strategy
from tests.corpus.good_records import write_reformatted

DIALOGUE = Dialogue(
    1, (Message(Role.SEEKER, "I cannot sleep"), Message(Role.SUPPORTER, "Since when?", strategy=Strategy.QUESTION))
)


@pytest.mark.parametrize("name", ["a.json", "a.txt", "a.tsv", "a"])
@pytest.mark.parametrize("mark", ["", "\ufeff", "\n\n  "])
def test_the_name_does_not_matter(tmp_path: Path, name: str, mark: str) -> None:
    path = tmp_path / name
    windows = "1.0 0 0 I cannot sleep  EOS 1.0 1 1 [Questions] Since when?\n"
    for write in (
        lambda: official_format.write(path, [DIALOGUE]),
        lambda: write_reformatted(path, [DIALOGUE]),
        lambda: path.write_text(windows, encoding="utf-8"),
    ):
        write()
        path.write_text(mark + path.read_text(encoding="utf-8"), encoding="utf-8")
        assert read_dialogues(path) == (DIALOGUE,)


def test_reformatted_records_may_stand_in_an_array(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    write_reformatted(path, [DIALOGUE, DIALOGUE])
    path.write_text("[" + path.read_text(encoding="utf-8").strip().replace("\n", ",") + "]", encoding="utf-8")
    assert [dialogue.messages for dialogue in read_dialogues(path)] == [DIALOGUE.messages] * 2


PAIRS_FORMAT = '''
"""Lines ``ROLE<TAB>text``, a blank line between dialogues; roles are S and H."""
from corpus.dialogue import Dialogue, Message, Role
from corpus.formats.detection import Format


def parse(content):
    blocks = [block.split("\\n") for block in content.text.strip().split("\\n\\n")]
    roles = {"S\\t": Role.SEEKER, "H\\t": Role.SUPPORTER}
    messages = [[Message(roles[line[:2]], line[2:]) for line in lines] for lines in blocks]
    return tuple(Dialogue(number, tuple(one)) for number, one in enumerate(messages, start=1))


FORMAT = Format("lines of role and text", lambda content: content.text[:2] in ("S\\t", "H\\t"), parse)
'''


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Adds a format's module to the folder for the time of a test."""
    added: list[str] = []

    def module(name: str, source: str) -> None:
        (tmp_path / "more").mkdir()
        (tmp_path / "more" / f"{name}.py").write_text(source, encoding="utf-8")
        monkeypatch.setattr(corpus.formats, "__path__", [*corpus.formats.__path__, str(tmp_path / "more")])
        added.append(f"corpus.formats.{name}")

    yield module
    for name in added:
        sys.modules.pop(name, None)


def test_a_format_is_one_module(add: Callable[[str, str], None], tmp_path: Path) -> None:
    add("pairs", PAIRS_FORMAT)
    path = tmp_path / "mine.txt"
    path.write_text("S\tI cannot sleep\nH\tSince when?\n\nS\tHello\n", encoding="utf-8")
    first, second = read_dialogues(path)
    assert [message.text for message in first.messages] == ["I cannot sleep", "Since when?"]
    assert second == Dialogue(2, (Message(Role.SEEKER, "Hello"),))
    official_format.write(path, [DIALOGUE])
    assert read_dialogues(path) == (DIALOGUE,)
    path.write_text("Dear diary", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"in no known format, expected .*, lines of role and text, .* or windows"):
        read_dialogues(path)


def test_content_in_two_formats_is_refused(add: Callable[[str, str], None], tmp_path: Path) -> None:
    add("greedy", PAIRS_FORMAT.replace('content.text[:2] in ("S\\t", "H\\t")', "True"))
    official_format.write(tmp_path / "mine.json", [DIALOGUE])
    with pytest.raises(CorpusError, match="in two formats at once: lines of role and text and the official"):
        read_dialogues(tmp_path / "mine.json")
