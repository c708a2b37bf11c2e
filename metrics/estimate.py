"""What a score is: a value with its interval, never a bare number."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """One metric of one system.

    Attributes:
        value: The metric on the whole corpus; NaN where it is undefined there (e.g. ``emr_multi`` without any gold
            turn of several messages). Of several runs (seeds) of one system: the mean over them.
        low: Lower end of the 95 % interval, same unit.
        high: Upper end of the 95 % interval, same unit.
        spread: Sample standard deviation (n - 1) of the runs' values, same unit; 0 for a single run.
        runs: How many runs the value is the mean of.
    """

    value: float
    low: float
    high: float
    spread: float = 0.0
    runs: int = 1

    def as_json(self) -> dict[str, float | None]:
        """The numbers for a JSON file; what is undefined becomes ``None``, because JSON knows no NaN.

        Returns:
            ``value``, ``low``, ``high``; of several runs also ``spread`` and ``runs``.
        """
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        if self.runs > 1:
            numbers |= {"spread": self.spread, "runs": self.runs}
        return {name: number if math.isfinite(number) else None for name, number in numbers.items()}

    @classmethod
    def from_json(cls, numbers: dict[str, float | None]) -> "Estimate":
        """Reads what :meth:`as_json` gave.

        Raises:
            KeyError: One of the three numbers is missing.
            TypeError: ``numbers`` is no object, or one of them is no number.
        """
        value, low, high = (_defined(numbers[name]) for name in ("value", "low", "high"))
        runs = numbers.get("runs", 1)
        if type(runs) is not int:
            raise TypeError(f"got {runs!r} runs, expected a whole number")
        return cls(value, low, high, _defined(numbers.get("spread", 0.0)), runs)


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


def _defined(number: float | None) -> float:
    """A number out of a JSON file; ``null`` is one that is not defined."""
    if number is None:
        return math.nan
    if not isinstance(number, (int, float)) or isinstance(number, bool):
        raise TypeError(f"got {number!r}, expected a number")
    return number
