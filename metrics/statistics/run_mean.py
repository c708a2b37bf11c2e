"""Several tallies as one: different metrics of one run side by side, or one metric's mean over several runs (seeds)."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from metrics.statistics.bootstrap import Tally, estimates, tally_values
from metrics.statistics.estimate import Estimate


def joined_tally(tallies: Sequence[Tally]) -> Tally:
    """All metrics of several tallies on the same dialogues.

    Raises:
        ValueError: No tallies, different dialogues, or a metric that two of them have.
    """

    def formula(sums: np.ndarray) -> dict[str, np.ndarray]:
        parts = [tally.formula(block) for tally, block in zip(tallies, _blocks(tallies, sums), strict=True)]
        scores = {metric: row for part in parts for metric, row in part.items()}
        if len(scores) != sum(map(len, parts)):
            raise ValueError("two tallies have a metric of one name")
        return scores

    return Tally(*_side_by_side(tallies), formula, frozenset().union(*(tally.centred for tally in tallies)))


def mean_tally(runs: Sequence[Tally]) -> Tally:
    """The mean over runs of every metric: resampling it resamples the dialogues for all runs at once.

    Args:
        runs: One tally a run, with the same metrics on the same dialogues.

    Raises:
        ValueError: No runs, or different dialogues.
    """
    if len(runs) == 1:
        return runs[0]

    def formula(sums: np.ndarray) -> dict[str, np.ndarray]:
        parts = [tally.formula(block) for tally, block in zip(runs, _blocks(runs, sums), strict=True)]
        return {metric: np.mean([part[metric] for part in parts], axis=0) for metric in parts[0]}

    return Tally(*_side_by_side(runs), formula, frozenset().union(*(tally.centred for tally in runs)))


def run_estimates(runs: Sequence[Tally], *, rng: np.random.Generator, samples: int) -> dict[str, Estimate]:
    """Every metric with the interval of its mean over the runs and its spread between them.

    The interval says how the mean would vary with other dialogues, the spread how a run varies with its seed.

    Args:
        runs: One tally a run.
        rng: Source of the resamples.
        samples: How many.
    """
    means = estimates(mean_tally(runs), rng=rng, samples=samples)
    if len(runs) == 1:
        return means
    values = [tally_values(tally) for tally in runs]
    return {
        metric: dataclasses.replace(
            estimate, spread=float(np.std([value[metric] for value in values], ddof=1)), runs=len(runs)
        )
        for metric, estimate in means.items()
    }


def _side_by_side(tallies: Sequence[Tally]) -> tuple[np.ndarray, np.ndarray]:
    """Dialogues (D,) and totals (D, sum of K) of tallies on the same dialogues."""
    if not tallies or any(not np.array_equal(tally.dialogues, tallies[0].dialogues) for tally in tallies):
        raise ValueError("only tallies of the same dialogues can stand together")
    return tallies[0].dialogues, np.concatenate([tally.totals for tally in tallies], axis=1)


def _blocks(tallies: Sequence[Tally], sums: np.ndarray) -> list[np.ndarray]:
    """Each tally's own columns of sums (R, sum of K)."""
    return np.split(sums, np.cumsum([tally.totals.shape[1] for tally in tallies])[:-1], axis=1)
