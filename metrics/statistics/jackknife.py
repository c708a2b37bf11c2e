"""Delete-one jackknife: how a score varies when each dialogue is left out once, for scores that a bootstrap misleads.

Efron and Tibshirani 1993, chapter 11. A dialogue drawn twice brings no new n-gram, so that Distinct-n of a resample
with replacement lies far below the true one, and differences of it shrink; with one dialogue left out it hardly moves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from metrics.statistics.estimate import Difference, Estimate

LEVEL = 0.975  # quantile of Student's t at the ends of a 95 % interval


@dataclass(frozen=True, eq=False)
class LeftOut:
    """One score of one system.

    Attributes:
        value: On all D dialogues, 0..100.
        left_out: The same with each dialogue left out. Shape: (D,).
    """

    value: float
    left_out: np.ndarray


def jackknife(runs: Sequence[LeftOut]) -> Estimate:
    """The mean over runs (seeds) on the same D dialogues, with its 95 % interval and the runs' spread.

    The interval is value +- t s, with t of Student with D - 1 degrees of freedom and
    s^2 = (D - 1) / D sum (x_d - mean x)^2, cut at 0 and 100. One dialogue alone shows no spread: low = high = value, as
    in the bootstrap.

    Raises:
        ValueError: No runs, or different numbers of dialogues.
    """
    mean = run_mean(runs)
    half = _half_width(mean.left_out)
    estimate = Estimate(mean.value, max(0.0, mean.value - half), min(100.0, mean.value + half))
    if len(runs) == 1:
        return estimate
    return replace(estimate, spread=float(np.std([run.value for run in runs], ddof=1)), runs=len(runs))


def run_mean(runs: Sequence[LeftOut]) -> LeftOut:
    """The mean over runs, dialogue by dialogue.

    Raises:
        ValueError: No runs, or different numbers of dialogues.
    """
    if not runs or len({len(run.left_out) for run in runs}) != 1:
        raise ValueError("only runs on the same dialogues have a mean")
    return LeftOut(float(np.mean([run.value for run in runs])), np.mean([run.left_out for run in runs], axis=0))


def jackknife_difference(first: LeftOut, second: LeftOut) -> Difference:
    """First score minus second, the same dialogue left out of both each time.

    Returns:
        The difference with its interval and the two-sided p-value of t = difference / s, Student with D - 1 degrees of
        freedom. One dialogue alone, or scores that never differ, test nothing: p = 1.

    Raises:
        ValueError: Different numbers of dialogues.
    """
    if len(first.left_out) != len(second.left_out):
        raise ValueError("a paired difference needs both systems scored on the same dialogues")
    value, differences = first.value - second.value, first.left_out - second.left_out
    half = _half_width(differences)
    if half == 0.0:
        return Difference(value=value, low=value, high=value, p=1.0)
    from scipy.special import stdtr, stdtrit

    freedom = len(differences) - 1
    statistic = abs(value) / (half / float(stdtrit(freedom, LEVEL)))
    return Difference(value=value, low=value - half, high=value + half, p=2.0 * float(stdtr(freedom, -statistic)))


def _half_width(left_out: np.ndarray) -> float:
    """Half of the interval: t times s of :func:`jackknife`, 0 for a single dialogue."""
    dialogues = len(left_out)
    if dialogues == 1:
        return 0.0
    from scipy.special import stdtrit  # where it is needed: modules that only name metrics start fast

    deviation = np.sqrt((dialogues - 1) / dialogues * np.square(left_out - left_out.mean()).sum())
    return float(stdtrit(dialogues - 1, LEVEL) * deviation)
