"""The thresholds of the quality filter that agree best with people: every combination of a grid, by Cohen's kappa.

The human labels are read from a CSV file: which conversations people approved, which they rejected.
"""

import csv
import dataclasses
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from corpus.analysis.quality import Approval, Measurements, Thresholds, approvals
from corpus.errors import CorpusError, located
from corpus.files import read_text
from metrics.statistics.agreement import cohen_kappa

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
    rows = csv.DictReader(io.StringIO(read_text(path, expected="rows"), newline=""), skipinitialspace=True)
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


# Around the values that the 2021 paper chose; None: not required.
GRID: dict[str, tuple[float | None, ...]] = {
    "improvement": (0, 1, 2),
    "supporter_words": (4, 6, 8, 10, 12),
    "empathy": (2, 3, 4, 5),
    "relevance": (2, 3, 4, 5),
    "seeker_words": (4, 6, 8, 10),
    "detail": (None, 2, 3, 4),
}


@dataclass(frozen=True)
class ThresholdSearch:
    """The best combination found.

    Attributes:
        thresholds: The combination; of equally good ones the one that differs least from the start.
        kappa: Its agreement with the labels, -1..1; the best of many on these labels, and so an optimistic figure.
        tried: Combinations tried.
        tied: How many of them have this kappa.
    """

    thresholds: Thresholds
    kappa: float
    tried: int
    tied: int


def labelled(measured: Measurements, labels: Mapping[int, bool]) -> tuple[Measurements, np.ndarray]:
    """The conversations with a human label, M of the N measured, and (M,) bool: whether they approved.

    Raises:
        ValueError: The labels are all the same: agreement beyond chance does not exist.
    """
    chosen = np.isin(measured.number, list(labels))
    part = Measurements(
        measured.number[chosen],
        {name: values[chosen] for name, values in measured.values.items()},
        measured.ratings[chosen],
        measured.survey[chosen],
    )
    human = np.array([labels[int(number)] for number in part.number], dtype=bool)
    if human.all() or not human.any():
        raise ValueError("all human labels are the same, expected approved and rejected conversations")
    return part, human


def approved(measured: Measurements, thresholds: Thresholds) -> np.ndarray:
    """(N,) whether each conversation is approved; what is unknown is not."""
    return approvals(measured, thresholds) == Approval.APPROVE


def search_thresholds(
    measured: Measurements,
    human: np.ndarray,
    *,
    start: Thresholds,
    grid: Mapping[str, tuple[float | None, ...]] = GRID,
) -> ThresholdSearch:
    """Tries every combination of the grid on the conversations that people labelled.

    Args:
        measured: The conversations.
        human: Whether people approved each (:func:`labelled`). Shape: (N,) bool.
        start: What is not in the grid (how many criteria, the last ratings) is taken from here.
        grid: Field of :class:`Thresholds` -> values. ``detail`` is tried only where it is known of some conversation.
    """
    if np.isnan(measured.values["detail"]).all():
        grid = {**grid, "detail": (start.detail,)}
    known: dict[bytes, float] = {}  # many combinations give the same labels
    found: list[tuple[float, Thresholds]] = []
    for values in product(*grid.values()):
        setting: dict[str, Any] = dict(zip(grid, values, strict=True))
        thresholds = dataclasses.replace(start, **setting)
        said = approved(measured, thresholds)
        key = said.tobytes()
        if key not in known:
            known[key] = cohen_kappa(human, said)
        found.append((known[key], thresholds))
    best = max(kappa for kappa, _ in found)
    tied = [thresholds for kappa, thresholds in found if kappa == best]
    return ThresholdSearch(min(tied, key=lambda one: _distance(one, start)), best, len(found), len(tied))


def _distance(one: Thresholds, other: Thresholds) -> tuple[int, float]:
    """How many fields differ, then by how much; a detail that is not required counts as 0."""
    pairs = [(getattr(one, field.name) or 0, getattr(other, field.name) or 0) for field in dataclasses.fields(one)]
    return sum(a != b for a, b in pairs), sum(abs(a - b) for a, b in pairs)
