"""The plan that a planner answers with, and the protocol that every planner fulfils."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from corpus.dialogue import Message
from corpus.reasoning import Reasoning
from corpus.strategy import Strategy


@dataclass(frozen=True)
class Plan:
    """The strategies of one supporter turn, in order.

    Attributes:
        strategies: What to do, message by message.
        probabilities: The distribution each strategy was chosen from, given those before it. Shape: (len, 8), rows
            sum to 1.
        mode: How it was made: ``one-by-one``, ``all-in-one`` or a baseline's name.
        reasoning: What was thought before; ``None`` where the planner does not reason.
    """

    strategies: tuple[Strategy, ...]
    probabilities: np.ndarray
    mode: str
    reasoning: Reasoning | None = None

    def __post_init__(self) -> None:
        if self.probabilities.shape != (len(self.strategies), len(Strategy)):
            raise ValueError(f"{len(self.strategies)} strategies with probabilities {self.probabilities.shape}")

    def __str__(self) -> str:
        return " -> ".join(
            f"{strategy.label} ({row[strategy]:.0%})"
            for strategy, row in zip(self.strategies, self.probabilities, strict=True)
        )


class Planner(Protocol):
    """History to plan. ``name`` is what tables and JSON call it.

    A planner is given histories alone, never a :class:`corpus.dialogue.Turn`, which holds the gold plan too.
    """

    name: str

    def plans(self, histories: Sequence[Sequence[Message]]) -> list[Plan]:
        """Plans the supporter's turn that follows each history, free-running (turn protocol)."""

    def strategy_probabilities(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Scores the strategies of the supporter's message that follows each history (message protocol).

        Returns:
            Shape: (N, 8), rows sum to 1; the arg-max is the prediction.
        """


@runtime_checkable
class Calibrated(Protocol):
    """A planner whose decisions are shifted by class offsets, and which also gives its probabilities unshifted."""

    def calibrated_probabilities(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Probabilities of the strategies of the supporter's message that follows each history, without class offsets.

        Returns:
            Shape: (N, 8), rows sum to 1; the arg-max need not be the prediction.
        """
