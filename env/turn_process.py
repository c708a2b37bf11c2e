"""The two decision processes over real turns, for B parallel episodes in numpy.

An episode is one supporter turn drawn uniformly from a :class:`~env.turn_task.TurnTask`. The agent sees the encoded
history, reasons about it where the task asks for that, and builds the turn's plan; the gold plan and the reasoning
labels decide the reward (:mod:`env.rewards`).
"""

from typing import Any

import numpy as np
from gymnasium import spaces

from encoding.reasoning_codec import UNKNOWN
from env.actions import AllInOneChoices, OneByOneChoices, PlanChoices, whole_numbers
from env.rewards import RewardTable, RewardWeights, balance_factors
from env.turn_task import TurnTask


class TurnProcess:
    """State of B episodes and the five steps every process is made of.

    Args:
        task: The turns.
        episodes: B, number of parallel episodes.
        weights: Weights of the reward terms.

    Attributes:
        turn: Row of the task each episode plays. Shape: (B,), int.
        reasoning: Values of the reasoning slots so far, -1 = not chosen. Shape: (B, S), int, S = 5, or 0 without
            reasoning.
        reasoned: Reasoning slots that each episode has passed, chosen or not. Shape: (B,), int, 0..S.
        slots: Plan so far, unused slots STOP. Shape: (B, K), int.
        observation: What the agents see: history features, reasoning one-hot (R entries), plan features. Shape:
            (B, H + R + P), float32. Updated in place; copy it before handing it out.
    """

    choices_class: type[PlanChoices]

    def __init__(self, task: TurnTask, *, episodes: int, weights: RewardWeights) -> None:
        self.task = task
        self.weights = weights
        self.rewards = RewardTable(task.golds, codec=task.codec)
        self.turn = np.zeros(episodes, np.int64)
        self.choices = self.choices_class(episodes, codec=task.codec, reasoning_codec=task.reasoning_codec)
        # The same arrays, under the names that rewards and rollouts read.
        self.reasoning, self.reasoned, self.slots = self.choices.reasoning, self.choices.reasoned, self.choices.slots
        self._factors = balance_factors(task.golds, balance=weights.balance)  # (N,)
        self._history_end = task.history.shape[1]
        self.observation_space = self._bounds()
        self.action_space = self.choices.action_space
        self.observation = np.zeros((episodes, *self.observation_space.shape), np.float32)

    def _bounds(self) -> spaces.Box:
        size = self._history_end + self.choices.width
        low, high = np.full(size, -1.0, np.float32), np.full(size, 1.0, np.float32)
        low[: self._history_end] = self.task.history.min(initial=-1.0)
        high[: self._history_end] = self.task.history.max(initial=1.0)
        return spaces.Box(low, high, dtype=np.float32)

    def reset(self, rng: np.random.Generator, options: dict[str, Any] | None) -> None:
        """Starts all episodes anew.

        Args:
            rng: Draws the turns.
            options: With ``turn``, one row of the task per episode, these turns are played instead.

        Raises:
            ValueError: There is another option, or no such turn.
        """
        unknown = set(options or {}) - {"turn"}
        if unknown:
            raise ValueError(f"reset option {sorted(unknown)}: expected no other than 'turn'")
        episodes = np.arange(len(self.turn))
        if options:
            self.place(episodes, np.atleast_1d(options["turn"]))
        else:
            self.initial_state(episodes, rng)

    def initial_state(self, episodes: np.ndarray, rng: np.random.Generator) -> None:
        """Starts new episodes at a turn drawn for each, with nothing chosen. ``episodes``: (E,) indices."""
        self.place(episodes, rng.integers(len(self.task.golds), size=len(episodes)))

    def place(self, episodes: np.ndarray, turns: np.ndarray) -> None:
        """Starts episodes at given turns with nothing chosen. ``episodes``, ``turns``: (E,) indices.

        Raises:
            ValueError: A turn is no row of the task, or there are not as many as episodes.
        """
        rows = len(self.task.golds)
        if not whole_numbers(turns, shape=episodes.shape, highest=np.asarray(rows - 1)):
            raise ValueError(
                f"turn: got {turns.tolist()}, expected {len(episodes)} whole number(s) from 0 to {rows - 1}"
            )
        self.turn[episodes] = turns
        self.choices.clear(episodes)
        self.observe(episodes)

    def observe(self, episodes: np.ndarray) -> None:
        """Writes the whole observation of episodes (E,) from their state."""
        self.observation[episodes, : self._history_end] = self.task.history[self.turn[episodes]]
        self.observation[episodes, self._history_end :] = self.choices.features(episodes)

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """Advances all episodes by one action each.

        Args:
            actions: Shape: (B, ...) as the action space says.

        Returns:
            Rewards (B,) float64; whether each episode has ended (B,) bool; and the weighted reward terms by name,
            ``similarity``, ``stop``, ``reasoning`` and ``exact``, each (B,), which sum to the rewards.

        Raises:
            ValueError: The actions are not of the action space.
        """
        before, right_before = self.task.codec.code(self.slots), self._right_slots()
        ended = self.choices.apply(actions)
        after = self.task.codec.code(self.slots)
        terms = self.reward(before, after, ended, right=self._right_slots() - right_before)
        self.observation[:, self._history_end :] = self.choices.features(slice(None))
        return sum(terms.values(), start=np.zeros(len(self.turn))), ended, terms

    def reward(
        self, before: np.ndarray, after: np.ndarray, ended: np.ndarray, *, right: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Weighted reward terms of one step.

        Args:
            before: Code of each plan before it. Shape: (B,).
            after: Code of each plan after it. Shape: (B,).
            ended: Whether the plan is complete. Shape: (B,), bool.
            right: Reasoning slots chosen in it and right. Shape: (B,).

        Returns:
            Each of shape (B,), float64.
        """
        gold, factor = self.rewards.gold_index[self.turn], self._factors[self.turn]
        gain = self.rewards.similarity[gold, after] - self.rewards.similarity[gold, before]
        finished = factor * ended
        return {
            "similarity": self.weights.similarity * factor * gain,
            "stop": self.weights.stop * finished * self.rewards.stop_match[gold, after],
            "reasoning": self.weights.reasoning * factor * right,
            "exact": self.weights.exact * finished * self.rewards.exact_match[gold, after],
        }

    def _right_slots(self) -> np.ndarray:
        """Reasoning slots chosen so far that equal the known label. Shape: (B,), int."""
        if self.task.reasoning is None:
            return np.zeros(len(self.turn), np.int64)
        labels = self.task.reasoning[self.turn]  # (B, 5)
        return ((self.reasoning == labels) & (labels != UNKNOWN)).sum(axis=1)


class OneByOneProcess(TurnProcess):
    """One choice per step (:class:`env.actions.OneByOneChoices`); the episode ends when the plan is complete."""

    choices_class = OneByOneChoices


class AllInOneProcess(TurnProcess):
    """The whole plan in one action (:class:`env.actions.AllInOneChoices`): every episode lasts one step."""

    choices_class = AllInOneChoices
