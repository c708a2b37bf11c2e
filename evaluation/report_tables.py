"""Turns results and published figures into plain rows and cells, so that the template holds no logic."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.metric_names import METRIC_NAMES, REPORT_COLUMNS
from evaluation.published import PublishedTable
from evaluation.result import UNDEFINED, heading, number
from metrics.estimate import Estimate

REFERENCES = ("random", "gold")  # rows to read the others against: they win no column


@dataclass(frozen=True, slots=True)
class Cell:
    """One number: its value, its interval (may be empty), and whether it is the best of its column."""

    value: str
    interval: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One system; ``kind`` is ``own`` (the trained one), ``gold``, ``baseline`` or ``published``."""

    name: str
    kind: str
    cells: tuple[Cell, ...]
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """Heading, direction (an arrow or nothing) and meaning of a column."""

    label: str
    arrow: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and rows of equal length."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str = ""
    source: str = ""


def measured_table(systems: Mapping[str, Mapping[str, Estimate]], *, protocol: str, own: Sequence[str]) -> Table:
    """The table of what was measured here: values with intervals, the best of each column marked.

    Args:
        systems: System -> metric -> estimate, in order.
        protocol: Chooses the columns; those that no system has are left out.
        own: Names of the trained systems.
    """
    present = {metric for scores in systems.values() for metric in scores}
    metrics = [metric for metric in REPORT_COLUMNS[protocol] if metric in present]
    best = {metric: _best(systems, metric) for metric in metrics}
    rows = tuple(
        Row(
            name,
            "own" if name in own else "gold" if name == "gold" else "baseline",
            tuple(_cell(metric, scores.get(metric), best=name in best[metric]) for metric in metrics),
        )
        for name, scores in systems.items()
    )
    return Table(_columns(metrics), rows)


def published_table(table: PublishedTable) -> Table:
    """The table of what others report: its own columns, no intervals, each row with its mark."""
    rows = tuple(
        Row(
            row.system,
            "published",
            tuple(Cell(_published(metric, row.metrics.get(metric))) for metric in table.columns),
            row.provenance.value,
        )
        for row in table.rows
    )
    return Table(_columns(table.columns), rows, caption=table.setting, source=table.source)


def _columns(metrics: Sequence[str]) -> tuple[Column, ...]:
    arrows = {"higher": "↑", "lower": "↓", "": ""}
    return tuple(
        Column(heading(metric), arrows[METRIC_NAMES[metric].better], METRIC_NAMES[metric].meaning) for metric in metrics
    )


def _cell(metric: str, estimate: Estimate | None, *, best: bool) -> Cell:
    if estimate is None or not math.isfinite(estimate.value):
        return Cell(UNDEFINED)
    ends = (estimate.low, estimate.high)
    # An interval without width (a constant, the gold ceiling) says nothing and takes room.
    wide = all(map(math.isfinite, ends)) and ends[0] < ends[1]
    interval = "–".join(number(metric, end) for end in ends) if wide else ""
    return Cell(number(metric, estimate.value), interval, best)


def _published(metric: str, value: float | tuple[float, float] | None) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return "–".join(f"{end:g}" for end in value)
    return number(metric, value)


def _best(systems: Mapping[str, Mapping[str, Estimate]], metric: str) -> set[str]:
    """The systems with the best value: several in a tie, none where all are equal or the metric has no direction."""
    better = METRIC_NAMES[metric].better
    values = {
        name: scores[metric].value
        for name, scores in systems.items()
        if name not in REFERENCES and metric in scores and math.isfinite(scores[metric].value)
    }
    if not better or len(set(values.values())) < 2:
        return set()
    top = max(values.values()) if better == "higher" else min(values.values())
    return {name for name, value in values.items() if value == top}
