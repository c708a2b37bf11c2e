"""Human judgements of conversations, read from a CSV file: which were approved, which rejected."""

import csv
from collections.abc import Collection
from pathlib import Path

from corpus.errors import CorpusError
from corpus.json_records import read_text

COLUMNS = ("dialogue", "label")
_LABELS = {"approve": True, "reject": False}


def read_human_labels(path: Path, *, numbers: Collection[int]) -> dict[int, bool]:
    """Reads the columns ``dialogue`` (number) and ``label`` (approve or reject) of a CSV file; others are not looked at.

    Args:
        path: The file; its first line names the columns.
        numbers: Numbers of the dialogues there are.

    Returns:
        Dialogue number -> whether it was approved.

    Raises:
        CorpusError: The file cannot be read, lacks a column, or a line has no such dialogue, no such label, or a dialogue
            that had its label before; names the line.
    """
    rows = csv.DictReader(read_text(path).splitlines(), skipinitialspace=True)
    if missing := [name for name in COLUMNS if name not in (rows.fieldnames or [])]:
        raise CorpusError(f"no column {missing[0]!r}, expected the columns {', '.join(COLUMNS)}", path=path, line=1)
    labels: dict[int, bool] = {}
    for row in rows:
        number, label = (str(row[name] or "").strip() for name in COLUMNS)
        if not number.isdecimal() or int(number) not in numbers:
            raise CorpusError(f"no dialogue {number!r} in the data", path=path, line=rows.line_num, field="dialogue")
        if int(number) in labels:
            raise CorpusError(f"dialogue {number} has two labels", path=path, line=rows.line_num, field="dialogue")
        if label.lower() not in _LABELS:
            raise CorpusError(f"got {label!r}, expected approve or reject", path=path, line=rows.line_num, field="label")
        labels[int(number)] = _LABELS[label.lower()]
    if not labels:
        raise CorpusError("no labels, expected at least one line below the heading", path=path)
    return labels
