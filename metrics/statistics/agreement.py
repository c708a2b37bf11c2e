"""Agreement between several raters beyond chance.

Agreement of two judges beyond chance: Cohen's kappa (1960), as scikit-learn computes it.
"""

import math
from collections.abc import Sequence

import numpy as np
from sklearn.metrics import cohen_kappa_score

from metrics.statistics.estimate import Estimate


def fleiss_kappa(counts: np.ndarray) -> float:
    """Kappa of Fleiss ("Measuring Nominal Scale Agreement Among Many Raters", Psychological Bulletin 1971).

    Items may have different numbers of raters, as in his section on the general case: every item's agreement is the
    share of its pairs of raters that agree, averaged over the items with two raters or more; the others count nowhere.

    Args:
        counts: How many raters put item n into category k. Shape: (N, K), whole numbers.

    Returns:
        1 is full agreement, 0 what chance gives; NaN where no item has two raters, or where everybody always gave one
        and the same answer (agreement by chance is then full as well, and the ratio undefined).

    Raises:
        ValueError: Not a table of counts.
    """
    table = np.asarray(counts)
    if table.ndim != 2 or not np.issubdtype(table.dtype, np.integer) or (table < 0).any():
        raise ValueError(f"got {table.dtype} of shape {table.shape}, expected counts: raters of every item by category")
    table = table[table.sum(axis=1) >= 2].astype(np.float64)
    if not len(table):
        return math.nan
    raters = table.sum(axis=1)
    observed = ((table * (table - 1)).sum(axis=1) / (raters * (raters - 1))).mean()
    chance = ((table.sum(axis=0) / table.sum()) ** 2).sum()
    return float((observed - chance) / (1 - chance)) if chance < 1 else math.nan


def cohen_kappa(first: Sequence[bool] | np.ndarray, second: Sequence[bool] | np.ndarray) -> float:
    """Kappa of two judges who each said yes or no to the same items: (observed - chance) / (1 - chance) agreement.

    Args:
        first: (N,) answers of one judge.
        second: (N,) answers of the other one.

    Returns:
        -1..1; 0 is what chance gives. NaN where both always gave one and the same answer: chance agreement is 1.

    Raises:
        ValueError: Different lengths, or nothing to compare.
    """
    one, two = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if one.shape != two.shape or one.ndim != 1 or not one.size:
        raise ValueError(
            f"got answers of shapes {one.shape} and {two.shape}, expected one answer of each judge per item"
        )
    if (one.all() and two.all()) or not (one.any() or two.any()):
        return float("nan")
    return float(cohen_kappa_score(one, two))


def score_kappa(
    first: Sequence[bool] | np.ndarray,
    second: Sequence[bool] | np.ndarray,
    *,
    rng: np.random.Generator,
    samples: int = 1000,
) -> Estimate:
    """Kappa with a 95 % percentile interval over resampled items; resamples without a kappa are left out.

    Raises:
        ValueError: As in :func:`cohen_kappa`.
    """
    one, two = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    value = cohen_kappa(one, two)
    drawn = [rng.integers(one.size, size=one.size) for _ in range(samples)]
    kappas = np.array([cohen_kappa(one[items], two[items]) for items in drawn])
    if np.isnan(value) or np.isnan(kappas).all():
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.nanpercentile(kappas, [2.5, 97.5])
    return Estimate(value, float(low), float(high))
