"""Agreement between several raters beyond chance."""

import math

import numpy as np


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
