"""Turns results and published figures into plain rows and cells, so that the template holds no logic."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evaluation.metric_names import METRIC_NAMES
from evaluation.published import PublishedTable, published_number
from evaluation.result import UNDEFINED, heading, number, system_name
from metrics.statistics.estimate import Difference, Estimate

REFERENCES = ("random", "gold")  # rows to read the others against: they win no column


@dataclass(frozen=True, slots=True)
class Cell:
    """One number: its value, its interval, whether it is in bold, its spread over runs; texts may be empty."""

    value: str
    interval: str = ""
    best: bool = False
    spread: str = ""


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


def measured_table(
    systems: Mapping[str, Mapping[str, Estimate]], *, columns: Sequence[str], own: Sequence[str], caption: str = ""
) -> Table:
    """The table of what was measured here: values with intervals, the best of each column marked.

    Args:
        systems: System -> metric -> estimate, in order.
        columns: Metric keys; those that no system has are left out.
        own: Names of the trained systems.
        caption: What stands above the table.
    """
    present = {metric for scores in systems.values() for metric in scores}
    metrics = [metric for metric in columns if metric in present]
    best = {metric: _best(systems, metric) for metric in metrics}
    rows = tuple(
        Row(
            system_name(name, scores),
            "own" if name in own else "gold" if name == "gold" else "baseline",
            tuple(_cell(metric, scores.get(metric), best=name in best[metric]) for metric in metrics),
        )
        for name, scores in systems.items()
    )
    return Table(_columns(metrics), rows, caption)


def difference_table(differences: Mapping[str, Mapping[str, Difference]], *, caption: str, own: Sequence[str]) -> Table:
    """Systems against the reference, trained planners (``own``) marked; bold where the interval leaves zero out."""
    metrics = list(next(iter(differences.values())))
    rows = tuple(
        Row(
            name,
            "own" if name in own else "baseline",
            tuple(_difference(metric, scores[metric]) for metric in metrics),
        )
        for name, scores in differences.items()
    )
    return Table(tuple(replace(column, arrow="") for column in _columns(metrics)), rows, caption)


def published_table(table: PublishedTable) -> Table:
    """The table of what others report: its own columns, no intervals, each row with its mark."""
    rows = tuple(
        Row(
            row.system,
            "published",
            tuple(Cell(published_number(metric, row.metrics.get(metric))) for metric in table.columns),
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
    spread = f"± {number(metric, estimate.spread)}" if estimate.runs > 1 else ""
    return Cell(number(metric, estimate.value), interval, best, spread)


def _difference(metric: str, difference: Difference) -> Cell:
    if not math.isfinite(difference.value):
        return Cell(UNDEFINED)
    value, low, high = (
        f"{'+' if one > 0 else ''}{number(metric, one)}" for one in (difference.value, difference.low, difference.high)
    )
    return Cell(value, f"{low} to {high}", difference.low > 0 or difference.high < 0)


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
