"""What a score is: a value with its interval, and a signature that says what it was computed with.

Scores compare only under equal signatures. These are written as sacrebleu writes them (Post 2018, "A call for clarity
in reporting BLEU scores"): ``name:value`` fields joined by ``|``.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Estimate:
    """One metric of one system.

    Attributes:
        value: The metric on the whole corpus; NaN where it is undefined there (e.g. ``emr_multi`` without any gold
            turn of two or more messages). Of more than one run (seed) of a system: the mean over them.
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
        """The numbers; ``spread`` and ``runs`` only of more than one run, ``None`` for NaN, which JSON lacks."""
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        if self.runs > 1:
            numbers |= {"spread": self.spread, "runs": self.runs}
        return _without_nan(numbers)

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

    def as_json(self) -> dict[str, float | None]:
        """The four numbers for a JSON file; what is undefined becomes ``None``."""
        return _without_nan(asdict(self))

    @classmethod
    def from_json(cls, numbers: dict[str, float | None]) -> "Difference":
        """Reads what :meth:`as_json` gave; errors as of :meth:`Estimate.from_json`."""
        return cls(*(_defined(numbers[name]) for name in ("value", "low", "high", "p")))


def _without_nan(numbers: dict[str, float]) -> dict[str, float | None]:
    return {name: number if math.isfinite(number) else None for name, number in numbers.items()}


def _defined(number: float | None) -> float:
    """A number out of a JSON file; ``null`` is one that is not defined."""
    if number is None:
        return math.nan
    if not isinstance(number, (int, float)) or isinstance(number, bool):
        raise TypeError(f"got {number!r}, expected a number")
    return number


def ratio(numerator: np.ndarray, denominator: np.ndarray, *, empty: float) -> np.ndarray:
    """Divides element by element, float64; shapes broadcast.

    Args:
        numerator: Of any values.
        denominator: Counts or other sums that are never negative.
        empty: The result where the denominator is 0.
    """
    shape = np.broadcast_shapes(np.shape(numerator), np.shape(denominator))
    result = np.full(shape, empty, dtype=np.float64)
    return np.divide(numerator, denominator, out=result, where=np.asarray(denominator) > 0)


VERSION = 1  # Raised whenever any metric may give another figure for the same input.


def signature(protocol: str, **fields: object) -> str:
    """One line that names everything a score depends on beside the outputs themselves, fields in the given order.

    Returns:
        E.g. ``protocol:message|classes:8|bootstrap:dialogue-1000|version:1``.

    Raises:
        ValueError: A value is empty or holds a character that the line itself is made of.
    """
    parts = []
    for name, value in {"protocol": protocol, **fields, "version": VERSION}.items():
        text = str(value)
        if not text or any(character in text for character in "|:\n\r"):
            raise ValueError(f"signature field {name!r}: got {text!r}, expected text without '|', ':' and line breaks")
        parts.append(f"{name}:{text}")
    return "|".join(parts)
