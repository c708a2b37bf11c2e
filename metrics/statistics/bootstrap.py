"""Intervals and paired tests: dialogues are resampled whole, because messages of one dialogue are not independent.

A metric is a formula over sums of per-dialogue statistics (counts of a confusion matrix, n-gram matches, ...). A
resample is then a row of weights - how often it holds each dialogue - and all resamples together are one matrix
product: (samples, dialogues) @ (dialogues, statistics). Percentile intervals: Efron and Tibshirani 1993, chapter 13;
resampling of whole clusters: Davison and Hinkley 1997, section 3.8; paired resampling of two systems: Koehn 2004
(EMNLP, "Statistical significance tests for machine translation evaluation"). By hand, because ``scipy.stats.bootstrap``
calls the statistic once a resample and knows no clusters.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from metrics.statistics.estimate import Difference, Estimate

LEVEL = (2.5, 97.5)  # percentiles of a 95 % interval

Formula = Callable[[np.ndarray], dict[str, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Tally:
    """What one system did, per dialogue, and the formula that makes metrics of any sum of it.

    Attributes:
        dialogues: (D,) the dialogue numbers, ascending.
        totals: (D, K) float64, each dialogue's sums of the statistics.
        formula: Takes sums (R, K), one row a resample, and returns every metric as (R,); NaN where undefined.
        centred: Metrics that are distances from gold (sums of absolute values). The noise of resampling only ever adds
            to these, so that their percentiles may all lie above the value: their intervals are moved onto it.
    """

    dialogues: np.ndarray
    totals: np.ndarray
    formula: Formula
    centred: frozenset[str] = frozenset()


def dialogue_index(dialogue: Sequence[int] | np.ndarray, *, items: int) -> tuple[np.ndarray, np.ndarray]:
    """Checks the (N,) dialogue numbers of N items and numbers the dialogues from 0.

    Returns:
        The D different numbers, ascending, and (N,) the position 0..D-1 of every item's number among them.

    Raises:
        ValueError: No items, or not one whole number for each.
    """
    if items == 0:
        raise ValueError("nothing to score: the corpus is empty")
    numbers = np.asarray(dialogue)
    if numbers.shape != (items,):
        raise ValueError(f"got dialogue numbers of shape {numbers.shape}, expected one for each of {items} items")
    if not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(f"got dialogue numbers of type {numbers.dtype}, expected whole numbers")
    return np.unique(numbers, return_inverse=True)


def dialogue_totals(statistics: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Sums (N, K) statistics of items over each dialogue: (D, K) float64; ``position`` (N,) as of dialogue_index."""
    totals = np.zeros((int(position.max()) + 1, statistics.shape[1]))
    np.add.at(totals, position, statistics)
    return totals


def resample_weights(dialogues: int, *, rng: np.random.Generator, samples: int) -> np.ndarray:
    """How often each resample holds each dialogue, sampling as many as there are with replacement.

    Returns:
        (samples, dialogues) float64, whole numbers; every row sums to ``dialogues``.

    Raises:
        ValueError: ``samples`` is below 1.
    """
    if samples < 1:
        raise ValueError(f"got {samples} bootstrap samples, expected at least 1")
    sampled = rng.integers(0, dialogues, size=(samples, dialogues))
    sampled += np.arange(samples)[:, None] * dialogues  # a range of bins for each sample: one bincount counts them all
    counts = np.bincount(sampled.ravel(), minlength=samples * dialogues)
    return counts.reshape(samples, dialogues).astype(np.float64)


def interval(value: float, resampled: np.ndarray) -> Estimate:
    """Percentile interval of one metric.

    Resamples on which the metric is undefined (NaN) are left out: the interval is that of the metric where it exists.
    Nothing is corrected: where a metric leans to one side under resampling (a bias near 0, an entropy near its
    maximum), the value may lie near an end of the interval, or outside.

    Args:
        value: The metric on the whole corpus.
        resampled: (R,) the metric on every resample.
    """
    defined = resampled[~np.isnan(resampled)]
    if np.isnan(value) or defined.size == 0:
        return Estimate(value=float(value), low=float("nan"), high=float("nan"))
    low, high = np.percentile(defined, LEVEL)
    return Estimate(value=float(value), low=float(low), high=float(high))


def centred_interval(value: float, resampled: np.ndarray) -> Estimate:
    """Percentile interval of a distance, which is never negative, without the noise that resampling adds to it.

    The mean of the resamples lies above the value by about as much as the value lies above the truth (Efron and
    Tibshirani 1993, section 10.2); the interval is moved down by that much, and cut at 0. The value is not corrected.
    """
    defined = resampled[~np.isnan(resampled)]
    lean = float(defined.mean()) - value if defined.size else 0.0
    return interval(value, np.maximum(resampled - lean, 0.0))


def estimates(tally: Tally, *, rng: np.random.Generator, samples: int) -> dict[str, Estimate]:
    """Every metric of a tally with its interval; all metrics see the same resamples."""
    weights = resample_weights(len(tally.totals), rng=rng, samples=samples)
    values = tally_values(tally)
    resampled = tally.formula(weights @ tally.totals)
    return {
        metric: (centred_interval if metric in tally.centred else interval)(value, resampled[metric])
        for metric, value in values.items()
    }


def tally_values(tally: Tally) -> dict[str, float]:
    """Every metric of a tally on the whole corpus."""
    return {metric: float(row[0]) for metric, row in tally.formula(tally.totals.sum(axis=0, keepdims=True)).items()}


def paired_differences(
    first: Tally, second: Tally, *, rng: np.random.Generator, samples: int = 1000
) -> dict[str, Difference]:
    """First system minus second in every metric that both have, all seen through the same resamples.

    The p-value is twice the smaller share of resamples on one side of zero (zero itself counts for both sides), at
    most 1, with one added to count and total, since the corpus itself is one possible draw (Davison and Hinkley 1997,
    section 4.2). So it is never 0, and up to that added one it is below 0.05 just where the interval leaves zero out.

    Raises:
        ValueError: The tallies are of different dialogues.
    """
    if not np.array_equal(first.dialogues, second.dialogues):
        raise ValueError("a paired difference needs both systems scored on the same dialogues")
    weights = resample_weights(len(first.totals), rng=rng, samples=samples)
    values = [tally_values(tally) for tally in (first, second)]
    resampled = [tally.formula(weights @ tally.totals) for tally in (first, second)]
    return {
        metric: _difference(values[0][metric] - values[1][metric], resampled[0][metric] - resampled[1][metric])
        for metric in values[0]
        if metric in values[1]
    }


def _difference(value: float, resampled: np.ndarray) -> Difference:
    """A difference with its percentile interval and p-value from (samples,) resampled ones."""
    differences = resampled[~np.isnan(resampled)]
    one_sided = min(np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0))
    estimate = interval(value, differences)
    return Difference(
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        p=min(1.0, 2.0 * (one_sided + 1) / (len(differences) + 1)),
    )


def joined_tally(tallies: Sequence[Tally]) -> Tally:
    """All metrics of some tallies on the same dialogues, side by side.

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
    """
    means = estimates(mean_tally(runs), rng=rng, samples=samples)
    if len(runs) == 1:
        return means
    values = [tally_values(tally) for tally in runs]
    return {
        metric: replace(estimate, spread=float(np.std([value[metric] for value in values], ddof=1)), runs=len(runs))
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
