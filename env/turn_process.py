"""The two decision processes over real turns, for B parallel episodes in numpy.

An episode is one supporter turn drawn uniformly from a :class:`~env.turn_task.TurnTask`. The agent sees the encoded
history and the plan so far and builds the turn's plan; the gold plan decides the reward (:mod:`env.rewards`).
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from gymnasium import spaces

from encoding.observation import plan_features, plan_features_size
from encoding.plan_codec import STOP
from env.rewards import RewardTable, RewardWeights
from env.turn_task import TurnTask


class TurnProcess(ABC):
    """State of B episodes and the five steps every process is made of.

    Args:
        task: The turns.
        episodes: B, number of parallel episodes.
        weights: Weights of the reward terms.

    Attributes:
        turn: Row of the task each episode plays. Shape: (B,), int.
        slots: Plan so far, unused slots STOP. Shape: (B, K), int.
        observation: What the agents see: history features, then plan features. Shape: (B, H + P), float32. Updated in
            place; copy it before handing it out.
    """

    action_space: spaces.Space

    def __init__(self, task: TurnTask, *, episodes: int, weights: RewardWeights) -> None:
        self.task = task
        self.weights = weights
        self.rewards = RewardTable(task.golds, codec=task.codec)
        width = task.codec.max_strategies
        self.turn = np.zeros(episodes, np.int64)
        self.slots = np.full((episodes, width), STOP, np.int64)
        self._history_size = task.history.shape[1]
        # Codes of plans are few: their features are tabulated and stepping is a look-up.
        self._plan_features = plan_features(np.stack([task.codec.slots(plan) for plan in task.codec.plans]))[
            task.codec.plan_of_code
        ]  # (9^K, P)
        size = self._history_size + plan_features_size(width)
        self.observation = np.zeros((episodes, size), np.float32)
        self.observation_space = spaces.Box(-1.0, 1.0, (size,), np.float32)

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
        """Starts new episodes at a turn drawn for each, with an empty plan. ``episodes``: (E,) indices."""
        self.place(episodes, rng.integers(len(self.task.golds), size=len(episodes)))

    def place(self, episodes: np.ndarray, turns: np.ndarray) -> None:
        """Starts episodes at given turns with an empty plan. ``episodes``, ``turns``: (E,) indices.

        Raises:
            ValueError: A turn is no row of the task, or there are not as many as episodes.
        """
        rows = len(self.task.golds)
        if not _whole_numbers(turns, shape=episodes.shape, below=rows):
            raise ValueError(
                f"turn: got {turns.tolist()}, expected {len(episodes)} whole number(s) from 0 to {rows - 1}"
            )
        self.turn[episodes] = turns
        self.slots[episodes] = STOP
        self.observe(episodes)

    def observe(self, episodes: np.ndarray) -> None:
        """Writes the whole observation of episodes (E,) from their state."""
        self.observation[episodes, : self._history_size] = self.task.history[self.turn[episodes]]
        codes = self.task.codec.code(self.slots[episodes])
        self.observation[episodes, self._history_size :] = self._plan_features[codes]

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
        """Advances all episodes by one action each.

        Args:
            actions: Shape: (B, ...) as the action space says.

        Returns:
            Rewards (B,) float64; whether each episode has ended (B,) bool; and the weighted reward terms by name,
            ``similarity`` and ``stop``, each (B,), which sum to the rewards.

        Raises:
            ValueError: The actions are not of the action space.
        """
        shape = (len(self.turn), *(self.action_space.shape or ()))
        if not _whole_numbers(actions, shape=shape, below=STOP + 1):
            raise ValueError(
                f"action: got {actions.tolist()}, expected whole numbers from 0 to {STOP} of shape {shape}"
            )
        before = self.task.codec.code(self.slots)
        ended = self.transition(actions)
        after = self.task.codec.code(self.slots)
        terms = self.reward(before, after, ended)
        self.observation[:, self._history_size :] = self._plan_features[after]
        return sum(terms.values(), start=np.zeros(len(self.turn))), ended, terms

    @abstractmethod
    def transition(self, actions: np.ndarray) -> np.ndarray:
        """Applies the actions to :attr:`slots`; returns which episodes have ended. Shape: (B,), bool."""

    def reward(self, before: np.ndarray, after: np.ndarray, ended: np.ndarray) -> dict[str, np.ndarray]:
        """Weighted reward terms of plans that grew from code ``before`` to code ``after``, each of shape (B,)."""
        gold = self.rewards.gold_index[self.turn]
        gain = self.rewards.similarity[gold, after] - self.rewards.similarity[gold, before]
        return {
            "similarity": self.weights.similarity * gain.astype(np.float64),
            "stop": self.weights.stop * np.where(ended, self.rewards.stop_match[gold, after], 0.0),
        }


class OneByOneProcess(TurnProcess):
    """One strategy per step: action 0..7 appends a strategy, action 8 (STOP) ends the turn.

    The episode also ends when K strategies are planned. STOP as the first action ends it with an empty plan, which is
    worth nothing; the policies of this project never choose it.
    """

    def __init__(self, task: TurnTask, *, episodes: int, weights: RewardWeights) -> None:
        super().__init__(task, episodes=episodes, weights=weights)
        self.action_space = spaces.Discrete(STOP + 1)

    def transition(self, actions: np.ndarray) -> np.ndarray:
        """Appends each action to its plan. ``actions``: (B,), 0..8."""
        length = self.task.codec.lengths(self.slots)
        self.slots[np.arange(len(length)), length] = actions
        return (actions == STOP) | (length + 1 == self.slots.shape[1])


class AllInOneProcess(TurnProcess):
    """The whole plan in one action of K slots, each 0..7 or 8 (STOP); what stands after the first STOP is ignored.

    Every episode lasts one step.
    """

    def __init__(self, task: TurnTask, *, episodes: int, weights: RewardWeights) -> None:
        super().__init__(task, episodes=episodes, weights=weights)
        self.action_space = spaces.MultiDiscrete([STOP + 1] * task.codec.max_strategies)

    def transition(self, actions: np.ndarray) -> np.ndarray:
        """Writes the whole plan. ``actions``: (B, K), 0..8."""
        self.slots[:] = np.where(np.cumprod(actions != STOP, axis=1), actions, STOP)
        return np.ones(len(actions), bool)


def _whole_numbers(values: np.ndarray, *, shape: tuple[int, ...], below: int) -> bool:
    """Whether the values are whole numbers from 0 to ``below`` - 1 of the given shape."""
    return bool(
        values.shape == shape
        and np.issubdtype(values.dtype, np.integer)
        and values.min(initial=0) >= 0
        and values.max(initial=0) < below
    )
