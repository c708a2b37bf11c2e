"""JSON text as dialogue records with typed fields; what is broken, missing or of another type is one located error."""

import json
import re
from collections.abc import Callable, Container, Mapping
from typing import Any, TypeVar

from corpus.dialogue import Message, Role
from corpus.errors import CorpusError, located
from corpus.strategy import Strategy

Record = dict[str, Any]

_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


def decode_records(text: str) -> list[Record]:
    """Reads the records one by one, so that an error can say in which dialogue the text is broken.

    Args:
        text: Either one JSON array of objects or JSON lines. Line ends inside JSON lines are not relied upon:
            one object follows the other, and U+2028 in a message does not cut it in two.

    Raises:
        CorpusError: The text is not valid JSON, or a record is not an object.
    """
    records: list[Record] = []
    position = _skip_blanks(text, 0)
    in_array = text[position] == "["
    if in_array:
        position = _skip_blanks(text, position + 1)
    while position < len(text) and not (in_array and text[position] == "]"):
        number = len(records) + 1
        try:
            record, position = _DECODER.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise _broken(text, error.pos, error.msg, number) from error
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
            raise _broken(text, position, f"unreadable: {str(error)[:60]}", number) from error
        if not isinstance(record, dict):
            raise CorpusError(f"got {record!r:.60}, expected an object with a field 'dialog'", dialogue=number)
        records.append(record)
        position = _skip_blanks(text, position)
        if in_array and text[position : position + 1] != "]":
            if text[position : position + 1] != ",":
                raise _broken(text, position, "Expecting ',' or ']'", number)
            position = _skip_blanks(text, position + 1)
            if text[position : position + 1] == "]":
                raise _broken(text, position, "Illegal trailing comma", number)
    if in_array:
        if position == len(text):
            raise _broken(text, position, "Expecting ']'", len(records))
        if _skip_blanks(text, position + 1) != len(text):
            raise _broken(text, position + 1, "Extra data after the array", len(records))
    if not records:
        raise CorpusError("an empty array, expected dialogues")
    return records


def _skip_blanks(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _broken(text: str, position: int, problem: str, dialogue: int) -> CorpusError:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return CorpusError(
        f"broken JSON at column {column} ({problem}), expected valid JSON", line=line, dialogue=dialogue or None
    )


def message_key(records: list[Record], *keys: str) -> str | None:
    """The first of the keys that the first message with any of them has: what tells JSON formats apart.

    One message decides, so that a fault in one record is reported as that fault; ``None`` where no message has any.
    """
    for record in records:
        messages = record.get("dialog")
        for message in messages if isinstance(messages, list) else []:
            for key in keys:
                if isinstance(message, dict) and key in message:
                    return key
    return None


Kind = TypeVar("Kind")


def messages_field(record: Mapping[str, Any], name: str, read: Callable[[Record], Message]) -> tuple[Message, ...]:
    """A required list of objects, each made into a message by ``read``."""
    messages = []
    for place, entry in enumerate(_typed(record, name, list, "a list"), start=1):
        with located(message=place):
            if not isinstance(entry, dict):
                raise CorpusError(f"got {entry!r:.60}, expected an object", field=name)
            messages.append(read(entry))
    return tuple(messages)


def strategy_field(record: Mapping[str, Any], name: str, *, role: Role) -> Strategy | None:
    """A strategy's label; required of supporters, ``None`` where absent or null elsewhere."""
    label = record.get(name)
    if label is None and role is Role.SUPPORTER:
        raise CorpusError("missing, expected a strategy on every supporter message", field=name)
    return None if label is None else Strategy.parse(label)


def object_field(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object; an absent or null one is empty."""
    return {} if record.get(name) is None else _typed(record, name, dict, "an object")


def text_field(record: Mapping[str, Any], name: str) -> str:
    """A required text without surrounding white space; may be empty."""
    text = _typed(record, name, str, "text").strip()
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:  # JSON can escape half a character: "\ud83d"
        raise CorpusError("holds half a character (a lone surrogate), expected Unicode text", field=name) from error
    return text


def filled_text_field(record: Mapping[str, Any], name: str) -> str:
    """A required text without surrounding white space that is not empty."""
    text = text_field(record, name)
    if not text:
        raise CorpusError(f"got {record[name]!r}, expected text that is not empty", field=name)
    return text


def optional_text_field(record: Mapping[str, Any], name: str) -> str:
    """A text without surrounding white space; an absent or null one is empty."""
    return "" if record.get(name) is None else text_field(record, name)


def role_field(record: Mapping[str, Any], name: str, *, roles: Mapping[str, Role]) -> Role:
    """A required role in one of the format's spellings."""
    value = _typed(record, name, str, "a role")
    if value not in roles:
        raise CorpusError(f"unknown role {value!r}, expected one of {', '.join(roles)}", field=name)
    return roles[value]


def rating_field(record: Mapping[str, Any], name: str, *, not_given: Container[str] = ()) -> int | None:
    """A rating from 1 to 5, as a number or as text; ``None`` where absent, null or, as text, in ``not_given``."""
    value = record.get(name)
    if value is None:
        return None
    if isinstance(value, str | int) and not isinstance(value, bool):
        text = str(value).strip()
        if text in not_given:
            return None
        if text in ("1", "2", "3", "4", "5"):
            return int(text)
    raise CorpusError(f"got {value!r}, expected a whole number from 1 to 5", field=name)


def _typed(record: Mapping[str, Any], name: str, kind: type[Kind], description: str) -> Kind:
    if name not in record:
        raise CorpusError(f"missing, expected {description}", field=name)
    value = record[name]
    if not isinstance(value, kind):
        raise CorpusError(f"got {value!r:.60}, expected {description}", field=name)
    return value
