"""What a file format is, and which one a file has, recognised by its content and never by its name.

Every module of this folder that holds ``FORMAT`` is a format. To add one is to add such a module: how it recognises
content, and how it makes dialogues of it.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import corpus.formats
from corpus.dialogue import Dialogue
from corpus.errors import CorpusError, located
from corpus.files import decoded, read_bytes
from corpus.formats.records import Record, decode_records


@dataclass(frozen=True)
class Content:
    """What a file holds, decoded only as far as a format asks for it."""

    data: bytes

    @cached_property
    def text(self) -> str:
        """As UTF-8 text that is not blank.

        Raises:
            CorpusError: It is none.
        """
        return decoded(self.data, expected="dialogues")

    @cached_property
    def records(self) -> list[Record]:
        """As JSON objects, in an array or one after the other; none where the text begins with neither.

        Raises:
            CorpusError: It begins like JSON and is broken.
        """
        return decode_records(self.text) if self.text.lstrip()[0] in "[{" else []


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes:
        name: What it is and how it is recognised, for error messages, after "expected".
        recognises: Whether content has this format. What the content cannot be made into (text, records) is not an
            error here: then it is of another format, or of none.
        parse: The dialogues, numbered from 1 in the file's order; raises a CorpusError where the content is not what
            the format says, with dialogue, message and field.
    """

    name: str
    recognises: Callable[[Content], bool]
    parse: Callable[[Content], tuple[Dialogue, ...]]


def known_formats() -> tuple[Format, ...]:
    """The formats of this folder, by their module's name."""
    names = sorted(module.name for module in pkgutil.iter_modules(corpus.formats.__path__))
    modules = [importlib.import_module(f"{corpus.formats.__name__}.{name}") for name in names]
    return tuple(module.FORMAT for module in modules if hasattr(module, "FORMAT"))


def read_dialogues(path: Path) -> tuple[Dialogue, ...]:
    """Reads a file in any known format; dialogues are numbered from 1 in its order.

    Raises:
        CorpusError: The file is in no known format or in two, or not what its format says.
    """
    with located(path=path):
        content = Content(read_bytes(path))
        return _format_of(content).parse(content)


def _format_of(content: Content) -> Format:
    formats, unreadable, recognised = known_formats(), None, []
    for one in formats:
        try:
            if one.recognises(content):
                recognised.append(one)
        except CorpusError as error:
            unreadable = unreadable or error
    if len(recognised) == 1:
        return recognised[0]
    if recognised:
        raise CorpusError(f"in two formats at once: {' and '.join(one.name for one in recognised)}")
    if unreadable is not None:
        raise unreadable
    for number, record in enumerate(content.records, start=1):
        if record.get("dialog") == []:
            raise CorpusError("empty dialogue, expected at least one message", dialogue=number, field="dialog")
    *names, last = (one.name for one in formats)
    raise CorpusError(f"in no known format, expected {', '.join(names)} or {last}")
