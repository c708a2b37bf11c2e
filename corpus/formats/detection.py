"""Which format a file has, told from its content, never from its name."""

from pathlib import Path

from corpus.dialogue import Dialogue
from corpus.errors import CorpusError, located
from corpus.formats import official as official_format
from corpus.formats import reformatted as reformatted_format
from corpus.formats import windows as windows_format
from corpus.formats.records import Record, decode_records, read_text

_EXPECTED = (
    "expected the official ESConv.json schema (messages with 'content'), reformatted JSON lines (messages with 'text') "
    "or windows of the 2021 release ('FLAG ROLE NUMBER text EOS ...')"
)


def read_dialogues(path: Path) -> tuple[Dialogue, ...]:
    """Reads a file in any known format; dialogues are numbered from 1 in its order.

    Raises:
        CorpusError: The file is in no known format, or not what its format says.
    """
    text = read_text(path)
    with located(path=path):
        if windows_format.FIRST_LINE.match(text):
            return windows_format.parse(text)
        if text.lstrip()[0] not in "[{":
            raise CorpusError(f"in no known format, {_EXPECTED}")
        records = decode_records(text)
        if _text_field(records) == "content":
            return official_format.parse(records)
        return reformatted_format.parse(records)


def _text_field(records: list[Record]) -> str:
    """The name under which messages hold their text: what tells the two JSON formats apart.

    The first message that has either decides, so that a fault in one record is reported as that fault.
    """
    for record in records:
        messages = record.get("dialog")
        for message in messages if isinstance(messages, list) else []:
            for name in ("content", "text"):
                if isinstance(message, dict) and name in message:
                    return name
    for number, record in enumerate(records, start=1):
        if record.get("dialog") == []:
            raise CorpusError("empty dialogue, expected at least one message", dialogue=number, field="dialog")
    raise CorpusError(f"in no known format, {_EXPECTED}")
