"""Files of JSON lines, read line by line, so that what is wrong is named by file, line and field."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from corpus.errors import CorpusError, located

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
