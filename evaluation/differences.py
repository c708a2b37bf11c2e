"""Paired differences of trained planners to one other system, measured on the same resampled dialogues."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.report.tables import UNDEFINED, Cell, Column, Row, Table
from evaluation.result import metric_columns, number
from metrics.statistics.bootstrap import Tally, paired_differences
from metrics.statistics.estimate import Difference

REFERENCE = "tfidf"  # unless told otherwise: the best rung of the ladder on ESConv, below gold


@dataclass(frozen=True)
class Differences:
    """Paired differences of trained planners to one system.

    Attributes:
        reference: That system.
        systems: Planner -> metric -> difference; empty where the reference was not scored.
    """

    reference: str
    systems: Mapping[str, Mapping[str, Difference]]


def differences_to_reference(
    tallies: Mapping[str, Tally],
    trained: Sequence[str],
    *,
    reference: str,
    metrics: Sequence[str],
    seed: int,
    samples: int,
) -> Differences:
    """Paired differences, trained planner minus reference.

    Args:
        tallies: Of every system; of one with more than one run their mean.
        trained: Systems to compare; the reference itself is left out.
        seed: Of the resamples; every difference sees the same.
    """
    if reference not in tallies:
        return Differences(reference, {})
    systems = {}
    for name in trained:
        if name != reference:
            rng = np.random.default_rng(seed)
            differences = paired_differences(tallies[name], tallies[reference], rng=rng, samples=samples)
            systems[name] = {metric: differences[metric] for metric in metrics}
    return Differences(reference, systems)


def difference_table(
    differences: Mapping[str, Mapping[str, Difference]], *, title: str = "", own: Collection[str] = ()
) -> Table:
    """A row for every system, each value with its interval, and ``*`` where the interval leaves zero out.

    Args:
        differences: System -> metric -> difference; the metrics of the first are the columns.
        title: What is shown, and what the star means.
    """
    metrics = list(next(iter(differences.values())))
    rows = tuple(
        Row.of(
            name, *(difference_cell(metric, scores[metric]) for metric in metrics), kind="own" if name in own else ""
        )
        for name, scores in differences.items()
    )
    # No arrows: whether a difference is an advance depends on who is subtracted.
    columns = tuple(Column(column.label, meaning=column.meaning) for column in metric_columns(metrics))
    return Table((Column("system", "left"), *columns), rows, title)


def difference_cell(metric: str, difference: Difference) -> Cell:
    """A difference with its sign, its interval, and ``*`` where that leaves zero out."""
    if not math.isfinite(difference.value):
        return Cell(UNDEFINED)
    value, low, high = (
        f"{'+' if one > 0 else ''}{number(metric, one)}" for one in (difference.value, difference.low, difference.high)
    )
    return Cell(value, f"[{low}, {high}]", mark="*" if difference.low > 0 or difference.high < 0 else "")


def differences_json(differences: Differences) -> dict[str, dict[str, dict[str, float | None]]]:
    """Planner -> metric -> ``value``, ``low``, ``high``, ``p``, for the JSON; what is undefined becomes ``None``."""
    return {
        name: {metric: one.as_json() for metric, one in scores.items()} for name, scores in differences.systems.items()
    }
