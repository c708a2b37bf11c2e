"""What a score is: a value with its interval, never a bare number."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """One metric of one system.

    Attributes:
        value: The metric on the whole corpus; NaN where it is undefined there (e.g. ``emr_multi`` without any gold
            turn of several messages).
        low: Lower end of the 95 % interval, same unit.
        high: Upper end of the 95 % interval, same unit.
    """

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float | None]:
        """The three numbers for a JSON file; what is undefined becomes ``None``, because JSON knows no NaN."""
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        return {name: number if math.isfinite(number) else None for name, number in numbers.items()}


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of a first system minus the same metric of a second one, on the same items.

    Attributes:
        value: First minus second, on the whole corpus.
        low: Lower end of the 95 % interval of the difference.
        high: Upper end of the 95 % interval of the difference.
        p: Two-sided p-value of "there is no difference", in (0, 1].
    """

    value: float
    low: float
    high: float
    p: float
