"""The one error class of the corpus, which names file, dialogue, message and field."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class CorpusError(ValueError):
    """Wrong input data, located as closely as it can be.

    The text reads ``file: dialogue 3: message 7: field 'speaker': got 'bot', expected ...``; parts that are
    not known at the point of failure are left out and may be added by a caller with :meth:`within`.

    Args:
        problem: What is wrong and what was expected.
        path: File or directory the data come from.
        line: Line of the file, from 1; only where the format has lines or the text itself is broken.
        dialogue: Number of the dialogue in its file, from 1.
        message: Number of the message in its dialogue, from 1.
        field: Name of the offending field.
    """

    def __init__(
        self,
        problem: str,
        *,
        path: Path | str | None = None,
        line: int | None = None,
        dialogue: int | None = None,
        message: int | None = None,
        field: str | None = None,
    ) -> None:
        self.problem = problem
        self.path = path
        self.line = line
        self.dialogue = dialogue
        self.message = message
        self.field = field
        places = [
            str(path) if path is not None else "",
            f"line {line}" if line is not None else "",
            f"dialogue {dialogue}" if dialogue is not None else "",
            f"message {message}" if message is not None else "",
            f"field {field!r}" if field is not None else "",
        ]
        super().__init__(": ".join([place for place in places if place] + [problem]))

    def within(
        self,
        *,
        path: Path | str | None = None,
        line: int | None = None,
        dialogue: int | None = None,
        message: int | None = None,
    ) -> "CorpusError":
        """The same error with the places filled in that it did not know yet."""
        return CorpusError(
            self.problem,
            path=self.path if self.path is not None else path,
            line=self.line if self.line is not None else line,
            dialogue=self.dialogue if self.dialogue is not None else dialogue,
            message=self.message if self.message is not None else message,
            field=self.field,
        )


@contextmanager
def located(
    *,
    path: Path | str | None = None,
    line: int | None = None,
    dialogue: int | None = None,
    message: int | None = None,
) -> Iterator[None]:
    """Adds the given places to every :class:`CorpusError` that passes outward."""
    try:
        yield
    except CorpusError as error:
        raise error.within(path=path, line=line, dialogue=dialogue, message=message) from error
