"""A plan as numbers: strategy slots filled up with STOP, and one code per plan for table look-ups."""

from collections.abc import Sequence
from functools import cached_property
from itertools import product

import numpy as np

from corpus.strategy import Strategy

# The ninth action of One-by-One, and the filling of an All-in-One plan's unused slots.
STOP = len(Strategy)
_BASE = STOP + 1


class PlanCodec:
    """Turns plans of at most ``max_strategies`` strategies into slots and codes, and back.

    Slots of (QUESTION, OTHERS) with three slots: ``[0, 7, 8]``; the code reads slots as digits to the base 9. Slots
    after the first STOP never count: ``[8, 3, 1]`` is the empty plan.

    Args:
        max_strategies: K, number of slots. The 2026 paper plans at most 3 steps; 99.6 % of ESConv's turns fit.
    """

    def __init__(self, max_strategies: int = 3) -> None:
        if not 1 <= max_strategies <= 4:
            raise ValueError(f"max_strategies: got {max_strategies}, expected 1 to 4 (all 8^K plans are tabulated)")
        self.max_strategies = max_strategies
        self._weights = _BASE ** np.arange(max_strategies - 1, -1, -1)

    @property
    def codes(self) -> int:
        """Number of codes, 9^K; plans shorter than K have more than one."""
        return _BASE**self.max_strategies

    @cached_property
    def plans(self) -> tuple[tuple[int, ...], ...]:
        """Every plan with 0 to K strategies, short ones first: 585 for K = 3."""
        return tuple(plan for length in range(self.max_strategies + 1) for plan in product(range(STOP), repeat=length))

    @cached_property
    def plan_of_code(self) -> np.ndarray:
        """Index into :attr:`plans` for every code. Shape: (9^K,), int."""
        index = {plan: number for number, plan in enumerate(self.plans)}
        slots = np.array(list(product(range(_BASE), repeat=self.max_strategies)))
        return np.array([index[self.plan(row)] for row in slots])

    def slots(self, plan: Sequence[int]) -> np.ndarray:
        """Slots of a plan. Shape: (K,), int64, 0..8.

        Raises:
            ValueError: The plan is longer than K.
        """
        if len(plan) > self.max_strategies:
            raise ValueError(f"plan of {len(plan)} strategies, expected at most {self.max_strategies}")
        return np.array([*map(int, plan), *[STOP] * (self.max_strategies - len(plan))], np.int64)

    def prefix_slots(self, prefix: Sequence[int]) -> np.ndarray:
        """Slots of what a turn holds already (:func:`encoding.observation.turn_prefix`). Shape: (K,), int64, 0..8.

        Turns may be longer than any plan: of a prefix longer than K the last K strategies count, because what comes
        next depends on what was said last.
        """
        return self.slots(prefix[-self.max_strategies :])

    def plan(self, slots: Sequence[int] | np.ndarray) -> tuple[int, ...]:
        """The strategies before the first STOP."""
        plan: list[int] = []
        for slot in slots:
            if slot == STOP:
                break
            plan.append(int(slot))
        return tuple(plan)

    def code(self, slots: np.ndarray) -> np.ndarray:
        """Codes of slots. Shape: (..., K) -> (...), 0..9^K - 1."""
        return slots @ self._weights

    @staticmethod
    def lengths(slots: np.ndarray) -> np.ndarray:
        """Strategies before the first STOP. Shape: (..., K) -> (...), 0..K."""
        return np.cumprod(slots != STOP, axis=-1).sum(axis=-1)
