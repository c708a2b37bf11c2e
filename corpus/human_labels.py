"""Human judgements of conversations, read from a CSV file: which were approved, which rejected."""

import csv
import io
from collections.abc import Collection, Mapping
from pathlib import Path

from corpus.errors import CorpusError, located
from corpus.json_records import read_text

COLUMNS = ("dialogue", "label")
_LABELS = {"approve": True, "approved": True, "reject": False, "rejected": False}


def read_human_labels(path: Path, *, numbers: Collection[int]) -> dict[int, bool]:
    """Reads the columns ``dialogue`` (number) and ``label`` of a CSV file; others are not looked at.

    Labels are approved or approve, rejected or reject, in any case. There is no third: what a person is not sure of
    is left out.

    Args:
        path: The file; its first line names the columns.
        numbers: Numbers of the dialogues there are.

    Returns:
        Dialogue number -> whether it was approved.

    Raises:
        CorpusError: The file cannot be read, lacks a column, or a line has no such dialogue, no such label, or a
            dialogue that had its label before; names file and line.
    """
    known = {str(number): number for number in numbers}
    rows = csv.DictReader(io.StringIO(read_text(path), newline=""), skipinitialspace=True)
    labels: dict[int, bool] = {}
    try:
        if missing := [name for name in COLUMNS if name not in (rows.fieldnames or [])]:
            raise CorpusError(f"no column {missing[0]!r}, expected the columns {', '.join(COLUMNS)}", path=path, line=1)
        for row in rows:
            with located(path=path, line=rows.line_num):
                number, approved = _parse(row, known)
                if number in labels:
                    raise CorpusError(f"dialogue {number} has two labels", field="dialogue")
                labels[number] = approved
    except csv.Error as error:
        raise CorpusError(f"not CSV ({error})", path=path, line=rows.line_num + 1) from error
    if not labels:
        raise CorpusError("no labels, expected at least one line below the heading", path=path)
    return labels


def _parse(row: Mapping[str, str | None], known: Mapping[str, int]) -> tuple[int, bool]:
    number, label = ((row[name] or "").strip() for name in COLUMNS)
    if number not in known:
        raise CorpusError(f"no dialogue {number!r:.60} in the data", field="dialogue")
    if label.lower() not in _LABELS:
        raise CorpusError(f"got {label!r:.60}, expected approved or rejected", field="label")
    return known[number], _LABELS[label.lower()]
