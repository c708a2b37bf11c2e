"""Typed access to the fields of a JSON record: what is missing or of another type is one located error."""

from collections.abc import Container, Mapping
from typing import Any, TypeVar

from corpus.dialogue import Role
from corpus.errors import CorpusError

Kind = TypeVar("Kind")


def list_field(record: Mapping[str, Any], name: str) -> list[Any]:
    """A required list."""
    return _typed(record, name, list, "a list")


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
    """A rating from 1 to 5, as a number or as text; ``None`` where absent, null or one of ``not_given``.

    Args:
        record: Where it stands.
        name: Its field.
        not_given: Values, as text, by which the format says that there is no rating.
    """
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
