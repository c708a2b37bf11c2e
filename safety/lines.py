"""Labelled lines: messages or replies with what they are, from JSON lines or CSV, for training and for measuring."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from corpus.errors import CorpusError, located
from corpus.files import read_json_lines, read_text

Side = Literal["person", "supporter"]
DANGER: dict[Side, str] = {"person": "crisis", "supporter": "unsafe"}
HARMLESS = "harmless"
_FOLDER = Path(__file__).parent
LINES = _FOLDER / "lines"
# Author -> side; one file for each author. No author stands in both: what is measured is what others write. Authors k
# to n, q and r are not trained on and v is not measured yet: their lines were written after the present weights.
TRAINING: dict[Side, tuple[str, ...]] = {
    "person": ("testset/development", "testset/held_out", *(f"lines/{author}" for author in "abcdef")),
    "supporter": tuple(f"lines/{author}" for author in "ghij"),
}
TEST: dict[Side, tuple[str, ...]] = {
    "person": ("lines/y", "lines/z"),
    "supporter": ("lines/x",),
}


@dataclass(frozen=True, slots=True)
class LabelledLine:
    """One line with what it is.

    Attributes:
        text: The message, or the reply.
        dangerous: Whether it is labelled ``crisis`` (of a person) or ``unsafe`` (of a supporter), and not harmless.
        kind: Which danger, in the words of the file; empty where it does not say.
        manner: How it is said; empty where the file does not say.
        history: What was said before by both, oldest first.
    """

    text: str
    dangerous: bool
    kind: str = ""
    manner: str = ""
    history: tuple[str, ...] = ()


def read_lines(path: Path, *, side: Side = "person") -> list[LabelledLine]:
    """Reads JSON lines, or CSV where the name ends in ``.csv``, with ``text`` and ``label``.

    ``kind``, ``manner`` and ``history`` (a list of texts, or one text) are read where they are there; other fields are
    passed over, so that lines may carry notes.

    Raises:
        CorpusError: A line lacks a field or has another label; one line that names file, line and field.
    """
    if path.suffix.lower() != ".csv":
        return read_json_lines(path, lambda record: labelled_line(record, side=side))
    with located(path=path):
        reader = csv.DictReader(io.StringIO(read_text(path, expected="a table with text and label")), strict=True)
        lines = []
        try:
            for record in reader:
                with located(line=reader.line_num):
                    if None in record:
                        raise CorpusError("more fields than the first line names")
                    lines.append(labelled_line({name: field for name, field in record.items() if field}, side=side))
        except csv.Error as error:
            raise CorpusError(f"no CSV ({error})") from error
    if not lines:
        raise CorpusError("no lines below the first, which names the fields", path=path)
    return lines


def labelled_line(record: Mapping[str, Any], *, side: Side) -> LabelledLine:
    """The line of a file's record.

    Raises:
        CorpusError: A field is missing or wrong.
    """
    danger = DANGER[side]
    for field in ("text", "label"):
        if not isinstance(record.get(field), str) or not record[field].strip():
            raise CorpusError(f"got {record.get(field)!r:.60}, expected text", field=field)
    if record["label"] not in (danger, HARMLESS):
        raise CorpusError(f"got {record['label']!r:.60}, expected {danger} or {HARMLESS}", field="label")
    for field in ("kind", "manner"):
        if not isinstance(record.get(field) or "", str):
            raise CorpusError(f"got {record[field]!r:.60}, expected text", field=field)
    history = record.get("history") or ()
    history = [history] if isinstance(history, str) else history
    if not all(isinstance(message, str) for message in history):
        raise CorpusError("expected a list of texts", field="history")
    return LabelledLine(
        record["text"],
        record["label"] == danger,
        record.get("kind") or "",
        record.get("manner") or "",
        tuple(history),
    )


def training_files(side: Side) -> list[Path]:
    """The files that the detectors are trained on, one or more for each author."""
    return [_FOLDER / f"{name}.jsonl" for name in TRAINING[side]]


def measuring_files(side: Side) -> list[Path]:
    """The files that nothing was trained or chosen on."""
    return [_FOLDER / f"{name}.jsonl" for name in TEST[side]]
