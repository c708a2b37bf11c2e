"""What trained planners are ahead of one other system, measured on the same resampled dialogues."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from evaluation.result import aligned, heading, number
from metrics.statistics.bootstrap import Tally, paired_difference
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
        tallies: Of every system, means over its runs included.
        trained: Systems to compare; the reference itself is left out.
        reference: What they are compared with.
        metrics: What to compare them in.
        seed: Of the resamples; every difference sees the same.
        samples: How many.
    """
    if reference not in tallies:
        return Differences(reference, {})
    systems = {
        name: {
            metric: paired_difference(
                tallies[name], tallies[reference], metric=metric, rng=np.random.default_rng(seed), samples=samples
            )
            for metric in metrics
        }
        for name in trained
        if name != reference
    }
    return Differences(reference, systems)


def differences_table(differences: Mapping[str, Mapping[str, Difference]]) -> str:
    """One line a planner, cells ``value [low, high]``, with ``*`` where the interval leaves zero out."""
    metrics = list(next(iter(differences.values())))
    rows = [["system", *(heading(metric) for metric in metrics)]]
    rows += [[name, *(_cell(metric, scores[metric]) for metric in metrics)] for name, scores in differences.items()]
    return aligned(rows)


def _cell(metric: str, difference: Difference) -> str:
    value, low, high = (
        f"{'+' if end > 0 else ''}{number(metric, end)}" for end in (difference.value, difference.low, difference.high)
    )
    return f"{value} [{low}, {high}]{'*' if difference.low > 0 or difference.high < 0 else ' '}"


def differences_json(differences: Differences) -> dict[str, dict[str, dict[str, float | None]]]:
    """The same for the JSON: planner -> metric -> ``value``, ``low``, ``high``, ``p``; undefined becomes ``None``."""
    return {
        name: {
            metric: {part: number if math.isfinite(number) else None for part, number in asdict(one).items()}
            for metric, one in scores.items()
        }
        for name, scores in differences.systems.items()
    }
