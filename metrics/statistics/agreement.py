"""Agreement of raters beyond chance, sign tests, and shares with exact intervals.

Kappas are those of Cohen (1960) and Fleiss (1971). The sign test (Dixon and Mood, JASA 1946) asks whether one side wins
more often than chance when ties are left out; the 2021 paper marks its human comparison with it (Table 5): a dagger
where p < 0.1, a double dagger where p < 0.05. scipy and scikit-learn are imported where they are needed, so that
modules which only name these scores start fast.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from metrics.statistics.estimate import Estimate


def fleiss_kappa(counts: np.ndarray) -> float:
    """Kappa of Fleiss ("Measuring Nominal Scale Agreement Among Many Raters", Psychological Bulletin 1971).

    Items may have different numbers of raters, as in his section on the general case: every item's agreement is the
    share of its pairs of raters that agree, averaged over the items with two raters or more; the others count nowhere.
    By hand, because statsmodels knows the case of equally many raters only.

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
    """Kappa of two raters who each said yes or no to the same N items: (observed - chance) / (1 - chance) agreement.

    Returns:
        -1..1; 0 is what chance gives. NaN where both always gave one and the same answer: chance agreement is 1.

    Raises:
        ValueError: Different lengths, or nothing to compare.
    """
    one, two = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if one.shape != two.shape or one.ndim != 1 or not one.size:
        raise ValueError(
            f"got answers of shapes {one.shape} and {two.shape}, expected one answer of each rater per item"
        )
    if (one.all() and two.all()) or not (one.any() or two.any()):
        return float("nan")
    from sklearn.metrics import cohen_kappa_score

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
    resamples = [rng.integers(one.size, size=one.size) for _ in range(samples)]
    kappas = np.array([cohen_kappa(one[items], two[items]) for items in resamples])
    if np.isnan(value) or np.isnan(kappas).all():
        return Estimate(value, float("nan"), float("nan"))
    low, high = np.nanpercentile(kappas, [2.5, 97.5])
    return Estimate(value, float(low), float(high))


MARKS = ((0.05, "‡"), (0.1, "†"))  # Table 5, the stricter first
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class SignTest:
    """One comparison of a first side with a second one.

    Attributes:
        wins: How often the first won.
        losses: How often the second won.
        ties: How often neither did; they count in the shares and not in the test.
    """

    wins: int
    losses: int
    ties: int = 0

    def __post_init__(self) -> None:
        if min(self.wins, self.losses, self.ties) < 0:
            raise ValueError(f"got {self.wins} wins, {self.losses} losses, {self.ties} ties, expected counts")

    @property
    def p(self) -> float:
        """Two-sided exact p-value of "both win equally often", in (0, 1]; NaN where nobody ever won."""
        decided = self.wins + self.losses
        if not decided:
            return math.nan
        from scipy.stats import binomtest

        return float(binomtest(self.wins, decided, 0.5).pvalue)

    @property
    def mark(self) -> str:
        """:func:`sign_mark` of p."""
        return sign_mark(self.p)

    @property
    def win(self) -> Estimate:
        """Share of wins among all, percent, with its exact interval."""
        return share(self.wins, self.wins + self.losses + self.ties)

    @property
    def lose(self) -> Estimate:
        """Share of losses among all, percent, with its exact interval."""
        return share(self.losses, self.wins + self.losses + self.ties)

    @property
    def preference(self) -> Estimate:
        """Share of wins among what was decided, percent: what the test is about (50 = no preference)."""
        return share(self.wins, self.wins + self.losses)


def sign_mark(p: float) -> str:
    """Double dagger, dagger, or nothing (also where p is NaN)."""
    return next((mark for level, mark in MARKS if p < level), "")


def share(count: int, total: int, *, method: Literal["exact", "wilson"] = "exact") -> Estimate:
    """``count`` of ``total`` in percent with its 95 % interval; NaN where ``total`` is 0.

    The interval is the exact one (Clopper and Pearson, Biometrika 1934: covers at least 95 %) or Wilson's (JASA 1927:
    covers 95 % on average, and is narrower).
    """
    if total == 0:
        return Estimate(math.nan, math.nan, math.nan)
    from scipy.stats import binomtest

    ends = binomtest(count, total).proportion_ci(LEVEL, method=method)
    return Estimate(100 * count / total, 100 * float(ends.low), 100 * float(ends.high))
