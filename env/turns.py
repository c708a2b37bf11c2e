"""The turn environments' decision process: an episode is one supporter turn, and its gold plan decides the reward."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from corpus.dialogue import Dialogue, turn_view
from encoding.observation import Observer
from encoding.plan_codec import STOP, PlanCodec
from encoding.reasoning_codec import REASONING_SLOTS, UNKNOWN, ReasoningCodec
from env.actions import Mode
from env.process import Process
from env.rewards import PlanTables, RewardWeights, TurnStep, balance_factors


@dataclass(frozen=True)
class TurnTask:
    """Supporter turns as arrays; one row is one episode of an environment.

    Attributes:
        history: What is known before each turn: the encoded history (:mod:`encoding.observation`, then -1..1), or what
            a planner made of it. Shape: (N, H), float32.
        golds: Gold plan of each turn, N tuples of strategy indices, uncut, none empty.
        reasoning: Reasoning labels of each turn, -1 = unknown. Shape: (N, 5), int. ``None``: nothing is reasoned about.
        reasoning_codec: What the labels mean; ``None`` exactly where ``reasoning`` is.
    """

    history: np.ndarray
    golds: tuple[tuple[int, ...], ...]
    codec: PlanCodec
    reasoning: np.ndarray | None = None
    reasoning_codec: ReasoningCodec | None = None

    def __post_init__(self) -> None:
        if len(self.history) != len(self.golds) or not self.golds:
            raise ValueError(
                f"{len(self.history)} histories for {len(self.golds)} plans, expected as many and at least 1"
            )
        for row, gold in enumerate(self.golds):
            # The empty gold plan would be matched by planning nothing, and returns would not telescope.
            if not gold or not set(gold) <= set(range(STOP)):
                raise ValueError(f"gold plan of row {row}: got {gold}, expected strategies from 0 to 7, at least 1")
        self._check_reasoning()

    def _check_reasoning(self) -> None:
        if (self.reasoning is None) != (self.reasoning_codec is None):
            raise ValueError("reasoning and reasoning_codec: got one of them, expected both or neither")
        if self.reasoning is None or self.reasoning_codec is None:
            return
        shape = (len(self.golds), len(REASONING_SLOTS))
        if self.reasoning.shape != shape or not np.issubdtype(self.reasoning.dtype, np.integer):
            raise ValueError(
                f"reasoning: got {self.reasoning.dtype} of shape {self.reasoning.shape}, expected integers of {shape}"
            )
        wrong = (self.reasoning < UNKNOWN) | (self.reasoning >= self.reasoning_codec.sizes)
        if wrong.any():
            row, slot = np.argwhere(wrong)[0]
            raise ValueError(
                f"reasoning of row {row}, {REASONING_SLOTS[slot]}: got {self.reasoning[row, slot]}, "
                f"expected {UNKNOWN} to {self.reasoning_codec.sizes[slot] - 1}"
            )

    @classmethod
    def build(
        cls, dialogues: Sequence[Dialogue], *, observer: Observer, reasoning_codec: ReasoningCodec | None = None
    ) -> "TurnTask":
        """Encodes every supporter turn of the dialogues, in order; with a codec their reasoning labels too."""
        turns = turn_view(dialogues)
        return cls(
            history=observer.encode_histories([turn.history for turn in turns]),
            golds=tuple(tuple(int(strategy) for strategy in turn.plan) for turn in turns),
            codec=observer.codec,
            reasoning=None if reasoning_codec is None else reasoning_codec.labels(turns),
            reasoning_codec=reasoning_codec,
        )


class TurnProcess(Process[TurnStep]):
    """B supporter turns, sampled uniformly from a task. The agent reasons where the task asks for that, and plans.

    One-by-One takes at most S + K steps, All-in-One one; both are paid alike for a plan. Nothing is truncated.

    Args:
        episodes: B.
    """

    row_name = "turn"

    def __init__(
        self,
        task: TurnTask,
        *,
        episodes: int = 1,
        mode: Mode = "one-by-one",
        reward: RewardWeights = RewardWeights(),  # noqa: B008 - frozen
    ) -> None:
        self.task = task
        self.weights = reward
        self.tallies = tuple(reward.terms)
        self._tables = PlanTables(task.golds, codec=task.codec)
        self._factors = balance_factors(task.golds, balance=reward.balance)  # (N,)
        super().__init__(
            episodes=episodes,
            rows=len(task.golds),
            mode=mode,
            codec=task.codec,
            reasoning_codec=task.reasoning_codec,
            history_size=task.history.shape[1],
            bounds=(task.history.min(initial=-1.0), task.history.max(initial=1.0)),
        )

    def transition(self, actions: np.ndarray, rng: np.random.Generator) -> TurnStep:  # noqa: ARG002 - no chance
        """Adds the actions to plans and reasoning; nothing follows a complete plan."""
        before, right_before = self.task.codec.code(self.choices.slots), self._right_reasoning()
        complete = self.choices.apply(actions)
        return TurnStep(
            tables=self._tables,
            turn=self.row,
            before=before,
            after=self.task.codec.code(self.choices.slots),
            complete=complete,
            right_reasoning=self._right_reasoning() - right_before,
        )

    def reward(self, happened: TurnStep) -> dict[str, np.ndarray]:
        """The weighted terms, times the turn's balance factor."""
        factor = self._factors[self.row]
        return {name: factor * value for name, value in self.weights.weighted(happened).items()}

    def terminal(self, happened: TurnStep) -> tuple[np.ndarray, np.ndarray]:
        """A complete plan ends the episode."""
        return happened.complete, np.zeros_like(happened.complete)

    def outcome(self, episode: int) -> dict[str, Any]:
        """``plan`` and ``gold`` of a turn, tuples of strategy indices."""
        return {"plan": self.task.codec.plan(self.choices.slots[episode]), "gold": self.task.golds[self.row[episode]]}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to a state."""
        super().restore(state)
        self.observe(np.arange(len(self.row)))

    def _begin(self, episodes: np.ndarray) -> None:
        """The rows are all there is to a turn."""

    def _histories(self, episodes: np.ndarray) -> np.ndarray:
        return self.task.history[self.row[episodes]]

    def _right_reasoning(self) -> np.ndarray:
        """Reasoning slots chosen so far that equal the known label. Shape: (B,), int."""
        if self.task.reasoning is None:
            return np.zeros(len(self.row), np.int64)
        labels = self.task.reasoning[self.row]  # (B, 5)
        return ((self.choices.reasoning == labels) & (labels != UNKNOWN)).sum(axis=1)
