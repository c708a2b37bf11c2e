"""A system a person can talk with: a planner and a generator, whatever they are made of."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from corpus.dialogue import Message
from corpus.strategy import Strategy
from planner.plan import Plan

Response = tuple[Strategy | None, str]


class PlansTurns(Protocol):
    """History to plan."""

    def plan(self, history: Sequence[Message]) -> Plan:
        """Plans what the supporter does next."""


class WritesTurns(Protocol):
    """History and strategies to texts."""

    @property
    def variant(self) -> str:
        """``vanilla`` knows no strategies."""

    def realize(
        self,
        history: Sequence[Message],
        strategies: Sequence[Strategy] | None = None,
        *,
        rng: np.random.Generator | None = None,
    ) -> list[Response]:
        """Writes the next turn; without strategies the model chooses them itself."""


@dataclass(frozen=True)
class System:
    """A planner and a generator. Several people may talk with it at once: it answers them one after the other.

    Attributes:
        name: What tables call it; a participant of a comparison never sees it.
        generator: Writes the texts.
        planner: Chooses the strategies; ``None``: the generator does (the 2021 paper's *Joint*, or *Vanilla*).
    """

    name: str
    generator: WritesTurns
    planner: PlansTurns | None = None
    _busy: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def knows_strategies(self) -> bool:
        """Whether the texts follow strategies, so that they can be chosen by hand."""
        return self.generator.variant != "vanilla"

    def reply(
        self, history: Sequence[Message], *, strategies: Sequence[Strategy] | None, rng: np.random.Generator
    ) -> tuple[Plan | None, list[Response]]:
        """Plans the next turn, unless strategies are given, and writes it.

        Returns:
            The plan (``None`` where nobody planned) and (strategy, text) pairs.
        """
        with self._busy:
            plan = self.planner.plan(history) if strategies is None and self.planner is not None else None
            chosen = plan.strategies if plan is not None else strategies
            return plan, self.generator.realize(history, chosen, rng=rng)
