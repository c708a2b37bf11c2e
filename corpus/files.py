"""Files of UTF-8 text and JSON lines: written whole or not at all, read with errors that name file and line."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from corpus.errors import CorpusError, located


@contextmanager
def replace_whole(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path`` to write to, and renames it when the block ends without an error.

    Missing folders are made. An earlier file stays as it is until the rename, which is atomic on one file system.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Writes ``text`` as UTF-8, whole."""
    with replace_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Writes one object a line, the file whole; :func:`read_json_lines` reads it."""
    write_whole(path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))


def read_bytes(path: Path) -> bytes:
    """What a file holds; a CorpusError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CorpusError(f"cannot be read ({error.strerror or error}), expected a file", path=path) from error


def decoded(data: bytes, *, expected: str) -> str:
    """UTF-8 bytes as text, without the byte order mark that some editors put in front.

    Raises:
        CorpusError: Not UTF-8, or blank; ``expected`` says in it what should be there.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError(f"not UTF-8 at byte {error.start}, expected UTF-8 text") from error
    if not text.strip():
        raise CorpusError(f"empty file, expected {expected}")
    return text


def read_text(path: Path, *, expected: str) -> str:
    """The text of a file; :func:`read_bytes`, then :func:`decoded`."""
    with located(path=path):
        return decoded(read_bytes(path), expected=expected)


Parsed = TypeVar("Parsed")


def read_json_lines(path: Path, read: Callable[[Mapping[str, Any]], Parsed]) -> list[Parsed]:
    """Reads JSON lines, one object a line; blank lines are skipped.

    Args:
        path: The file, UTF-8.
        read: Makes an item of a line's object; may raise a CorpusError, to which file and line are added.

    Raises:
        CorpusError: The file cannot be read, holds nothing, or a line is no JSON object; one line that names it.
    """
    items = []
    # Not str.splitlines: it also breaks at Unicode separators, which JSON allows inside a text.
    for number, line in enumerate(read_text(path, expected="one JSON object a line").split("\n"), start=1):
        if not line.strip():
            continue
        with located(path=path, line=number):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise CorpusError(f"no JSON ({str(error)[:80]}), expected one object a line") from error
            if not isinstance(record, dict):
                raise CorpusError(f"got {record!r:.60}, expected an object")
            items.append(read(record))
    return items
