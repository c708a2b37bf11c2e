"""Files appear whole or not at all: a reader never meets half of one.

Files of JSON lines, read line by line, so that what is wrong is named by file, line and field.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from corpus.errors import CorpusError, located


@contextmanager
def replace_whole(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside ``path`` to write to, and renames it when the block ends without an error.

    Args:
        path: Where the file shall stand; missing folders are made. A file that stands there already stays untouched
            until the rename, which is atomic on one file system.
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


Item = TypeVar("Item")


def read_lines(path: Path, read: Callable[[Mapping[str, Any]], Item]) -> list[Item]:
    """Reads one object a line; blank lines are passed over.

    Args:
        path: The file, UTF-8.
        read: Makes an item of a line's object; may raise a CorpusError, to which file and line are added.

    Raises:
        CorpusError: The file cannot be read, holds nothing, or a line is no JSON object; one line that names it.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")  # some editors put a byte order mark before the first word
    except UnicodeDecodeError as error:
        raise CorpusError(f"not UTF-8 (byte {error.start + 1}), expected UTF-8 text", path=path) from error
    except OSError as error:
        raise CorpusError(f"cannot be read ({error.strerror}), expected a file of JSON lines", path=path) from error
    items = []
    # Not str.splitlines: it also breaks at Unicode separators, which JSON allows inside a text.
    for number, line in enumerate(text.split("\n"), start=1):
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
    if not items:
        raise CorpusError("empty file, expected one JSON object a line", path=path)
    return items
