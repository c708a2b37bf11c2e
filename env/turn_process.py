"""The two decision processes over real turns, for B parallel episodes in numpy.

An episode is one supporter turn drawn uniformly from a :class:`~env.turn_task.TurnTask`. The agent sees the encoded
history, reasons about it where the task asks for that, and builds the turn's plan; the gold plan and the reasoning
labels decide the reward (:mod:`env.rewards`).
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from gymnasium import spaces

from encoding.observation import plan_features, plan_features_size
from encoding.plan_codec import STOP
from encoding.reasoning_codec import UNKNOWN
from env.rewards import RewardTable, RewardWeights, balance_factors
from env.turn_task import TurnTask


class TurnProcess(ABC):
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

    def __init__(self, task: TurnTask, *, episodes: int, weights: RewardWeights) -> None:
        self.task = task
        self.weights = weights
        self.rewards = RewardTable(task.golds, codec=task.codec)
        self.sizes = task.reasoning_codec.sizes if task.reasoning_codec else ()  # values of each reasoning slot
        self.turn = np.zeros(episodes, np.int64)
        self.reasoning = np.full((episodes, len(self.sizes)), UNKNOWN, np.int64)
        self.reasoned = np.zeros(episodes, np.int64)
        self.slots = np.full((episodes, task.codec.max_strategies), STOP, np.int64)
        self._factors = balance_factors(task.golds, balance=weights.balance)  # (N,)
        # Codes of plans are few: their features are tabulated and stepping is a look-up.
        self._plan_features = plan_features(np.stack([task.codec.slots(plan) for plan in task.codec.plans]))[
            task.codec.plan_of_code
        ]  # (9^K, P)
        self._history_end = task.history.shape[1]
        self._plan_start = self._history_end + sum(self.sizes)
        self.observation_space = self._bounds()
        self.action_space: spaces.Space
        self.observation = np.zeros((episodes, *self.observation_space.shape), np.float32)
        choices = self._choices()
        self._highest_action = choices - 1
        self.action_space = spaces.MultiDiscrete(choices) if choices.ndim else spaces.Discrete(int(choices))

    def _bounds(self) -> spaces.Box:
        size = self._plan_start + plan_features_size(self.task.codec.max_strategies)
        low, high = np.full(size, -1.0, np.float32), np.full(size, 1.0, np.float32)
        low[: self._history_end] = self.task.history.min(initial=-1.0)
        high[: self._history_end] = self.task.history.max(initial=1.0)
        return spaces.Box(low, high, dtype=np.float32)

    @abstractmethod
    def _choices(self) -> np.ndarray:
        """How many values an action has. Shape: () where it is one choice, else one entry per choice; int."""

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
        if not _whole_numbers(turns, shape=episodes.shape, highest=np.asarray(rows - 1)):
            raise ValueError(
                f"turn: got {turns.tolist()}, expected {len(episodes)} whole number(s) from 0 to {rows - 1}"
            )
        self.turn[episodes] = turns
        self.reasoning[episodes] = UNKNOWN
        self.reasoned[episodes] = 0
        self.slots[episodes] = STOP
        self.observe(episodes)

    def observe(self, episodes: np.ndarray) -> None:
        """Writes the whole observation of episodes (E,) from their state."""
        self.observation[episodes, : self._history_end] = self.task.history[self.turn[episodes]]
        self._observe_choices(episodes, self.task.codec.code(self.slots[episodes]))

    def _observe_choices(self, episodes: np.ndarray | slice, codes: np.ndarray) -> None:
        if self.task.reasoning_codec is not None:
            chosen = self.task.reasoning_codec.one_hot(self.reasoning[episodes])
            self.observation[episodes, self._history_end : self._plan_start] = chosen
        self.observation[episodes, self._plan_start :] = self._plan_features[codes]

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
        shape = (len(self.turn), *self._highest_action.shape)
        if not _whole_numbers(actions, shape=shape, highest=self._highest_action):
            raise ValueError(
                f"action: got {actions.tolist()}, expected whole numbers from 0 to {self._highest_action.tolist()} "
                f"of shape {shape}"
            )
        before, right_before = self.task.codec.code(self.slots), self._right_slots()
        ended = self.transition(actions)
        after = self.task.codec.code(self.slots)
        terms = self.reward(before, after, ended, right=self._right_slots() - right_before)
        self._observe_choices(slice(None), after)
        return sum(terms.values(), start=np.zeros(len(self.turn))), ended, terms

    @abstractmethod
    def transition(self, actions: np.ndarray) -> np.ndarray:
        """Applies the actions to :attr:`reasoning` and :attr:`slots`; returns which episodes have ended: (B,), bool."""

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
    """One choice per step: the reasoning slots in order where the task has them, then the strategies.

    For a strategy, action 0..7 appends it, action 8 (STOP) or above ends the turn; it also ends when K strategies are
    planned. STOP as the first strategy ends it with an empty plan, which is worth nothing; the policies of this project
    never choose it. For a reasoning slot, an action that is none of its values leaves it unknown, which earns nothing.
    """

    def _choices(self) -> np.ndarray:
        return np.array(max((STOP + 1, *self.sizes)))

    def transition(self, actions: np.ndarray) -> np.ndarray:
        """Applies each action to the slot at hand. ``actions``: (B,)."""
        if not self.sizes:
            return self._append(actions)
        reasoning = np.flatnonzero(self.reasoned < len(self.sizes))
        slot, chosen = self.reasoned[reasoning], actions[reasoning]
        self.reasoning[reasoning, slot] = np.where(chosen < np.array(self.sizes)[slot], chosen, UNKNOWN)
        planning = self.reasoned == len(self.sizes)
        self.reasoned[reasoning] += 1
        # Episodes that still reason append STOP, which changes no plan.
        return self._append(np.where(planning, np.minimum(actions, STOP), STOP)) & planning

    def _append(self, strategies: np.ndarray) -> np.ndarray:
        length = self.task.codec.lengths(self.slots)
        self.slots[np.arange(len(length)), length] = strategies
        return (strategies == STOP) | (length + 1 == self.slots.shape[1])


class AllInOneProcess(TurnProcess):
    """The whole plan in one action of K slots, each 0..7 or 8 (STOP); what stands after the first STOP is ignored.

    Where the task has reasoning, its five slots stand before. Every episode lasts one step.
    """

    def _choices(self) -> np.ndarray:
        return np.array([*self.sizes] + [STOP + 1] * self.task.codec.max_strategies)

    def transition(self, actions: np.ndarray) -> np.ndarray:
        """Writes reasoning and plan. ``actions``: (B, S + K)."""
        strategies = actions[:, len(self.sizes) :]
        self.reasoning[:] = actions[:, : len(self.sizes)]
        self.reasoned[:] = len(self.sizes)
        self.slots[:] = np.where(np.cumprod(strategies != STOP, axis=1), strategies, STOP)
        return np.ones(len(actions), bool)


def _whole_numbers(values: np.ndarray, *, shape: tuple[int, ...], highest: np.ndarray) -> bool:
    """Whether the values are whole numbers of the given shape, from 0 to ``highest`` (of their last axes)."""
    return bool(
        values.shape == shape
        and np.issubdtype(values.dtype, np.integer)
        and values.min(initial=0) >= 0
        and (values <= highest).all()
    )
