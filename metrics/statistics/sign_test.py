"""The sign test: does one side win more often than chance, when ties are left out?

The 2021 paper marks its human comparison with it (Table 5): a dagger where p < 0.1, a double dagger where p < 0.05.
Source: Dixon and Mood, "The Statistical Sign Test", JASA 1946; intervals: Clopper and Pearson, Biometrika 1934.
"""

import math
from dataclasses import dataclass

from scipy.stats import binomtest

from metrics.statistics.estimate import Estimate

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
        return float(binomtest(self.wins, decided, 0.5).pvalue) if decided else math.nan

    @property
    def mark(self) -> str:
        """Double dagger, dagger, or nothing."""
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


def share(count: int, total: int) -> Estimate:
    """``count`` of ``total`` in percent with the exact 95 % interval of Clopper and Pearson; NaN where total is 0."""
    if total == 0:
        return Estimate(math.nan, math.nan, math.nan)
    ends = binomtest(count, total).proportion_ci(LEVEL, method="exact")
    return Estimate(100 * count / total, 100 * float(ends.low), 100 * float(ends.high))
