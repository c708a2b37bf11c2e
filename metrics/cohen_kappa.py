"""Agreement of two judges beyond chance: Cohen's kappa (1960), as scikit-learn computes it."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import cohen_kappa_score

from metrics.estimate import Estimate


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
