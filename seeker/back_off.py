"""How long to wait before a failed call is tried again."""

import email.utils
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np


@dataclass(frozen=True)
class BackOff:
    """Exponential back-off with jitter.

    Attributes:
        attempts: Calls tried before a failure is final, at least 1.
        first: Longest wait before the second attempt, in seconds; it doubles from attempt to attempt.
        longest: Longest wait, in seconds. A server that asks for more makes the failure final.
    """

    attempts: int = 6
    first: float = 1.0
    longest: float = 120.0

    def __post_init__(self) -> None:
        if self.attempts < 1 or not 0 < self.first <= self.longest:
            raise ValueError(
                f"back-off: got {self.attempts} attempts, {self.first} to {self.longest} seconds, expected at least "
                "one attempt and 0 < first <= longest"
            )

    def seconds(self, attempt: int, *, asked: float | None, rng: np.random.Generator) -> float:
        """The wait after a failed attempt.

        Half of it is random, so that calls which failed together do not come back together.

        Args:
            attempt: Number of the failed attempt, from 1.
            asked: What the server asked for (``Retry-After``), in seconds; never undercut.
            rng: Makes the jitter.

        Returns:
            Seconds, from half of ``first`` up; above ``longest`` only where the server asked for it.
        """
        ceiling = min(self.longest, self.first * 2.0 ** (attempt - 1))
        wait = float(ceiling * rng.uniform(0.5, 1.0))
        return wait if asked is None else max(asked, wait)


def retry_after(header: str | None, *, now: datetime) -> float | None:
    """Seconds that a ``Retry-After`` header asks for (RFC 9110, section 10.2.3: seconds, or a date).

    Args:
        header: Its value; ``None`` where it was not sent.
        now: The time, with its zone.

    Returns:
        At least 0; ``None`` where there is no header or it says neither a number nor a date.
    """
    if header is None:
        return None
    try:
        return max(0.0, float(header)) if float(header) < float("inf") else None
    except ValueError:
        pass  # not a number: a date, or nothing known
    try:
        moment = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
