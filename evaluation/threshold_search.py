"""Which thresholds of the quality filter agree best with people: every combination of a grid, by Cohen's kappa."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from corpus.quality import Measurements, Thresholds, Verdict, verdicts
from metrics.cohen_kappa import cohen_kappa

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
        thresholds: The combination; of several equally good ones, the one that differs least from the start.
        kappa: Its agreement with the labels, -1..1; the best of many on these labels, and so an optimistic figure.
        tried: Combinations tried.
        tied: How many of them have this kappa.
    """

    thresholds: Thresholds
    kappa: float
    tried: int
    tied: int


def labelled(measured: Measurements, labels: Mapping[int, bool]) -> tuple[Measurements, np.ndarray]:
    """The conversations that people judged, M of the N measured, and (M,) bool: whether they approved.

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
    return verdicts(measured, thresholds) == Verdict.APPROVE


def search_thresholds(
    measured: Measurements,
    labels: Mapping[int, bool],
    *,
    start: Thresholds,
    grid: Mapping[str, tuple[float | None, ...]] = GRID,
) -> ThresholdSearch:
    """Tries every combination of the grid on the labelled conversations.

    Args:
        measured: The conversations; those without a label are not looked at.
        labels: Number of a conversation -> whether people approved it.
        start: What is not in the grid (how many criteria, the last ratings) is kept from here.
        grid: Field of :class:`Thresholds` -> values. ``detail`` is tried only where it is known of some conversation.

    Raises:
        ValueError: The labels are all the same: agreement beyond chance does not exist.
    """
    part, human = labelled(measured, labels)
    if np.isnan(part.values["detail"]).all():
        grid = {**grid, "detail": (start.detail,)}
    known: dict[bytes, float] = {}  # many combinations give the same labels
    found: list[tuple[float, Thresholds]] = []
    for values in product(*grid.values()):
        setting: dict[str, Any] = dict(zip(grid, values, strict=True))
        thresholds = dataclasses.replace(start, **setting)
        said = approved(part, thresholds)
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
