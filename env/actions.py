"""A turn's choices under way, for B episodes: reasoning slots where there are any, then the strategies of the plan."""

from abc import ABC, abstractmethod

import numpy as np
from gymnasium import spaces

from encoding.observation import plan_features, plan_features_size
from encoding.plan_codec import STOP, PlanCodec
from encoding.reasoning_codec import UNKNOWN, ReasoningCodec


class PlanChoices(ABC):
    """What has been chosen so far, and how an action adds to it.

    Args:
        episodes: B.
        codec: Which plans can be made.
        reasoning_codec: What is reasoned about first; ``None`` where nothing is.

    Attributes:
        sizes: Number of values of each of the S reasoning slots; empty without reasoning.
        reasoning: Values of the reasoning slots so far, -1 = not chosen. Shape: (B, S), int.
        reasoned: Reasoning slots that each episode has passed, chosen or not. Shape: (B,), int, 0..S.
        slots: Plan so far, unused slots STOP. Shape: (B, K), int.
        action_space: Of one episode.
        width: R + P, entries of :meth:`features`.
    """

    def __init__(self, episodes: int, *, codec: PlanCodec, reasoning_codec: ReasoningCodec | None = None) -> None:
        self.codec = codec
        self.reasoning_codec = reasoning_codec
        self.sizes = reasoning_codec.sizes if reasoning_codec is not None else ()
        self.reasoning = np.full((episodes, len(self.sizes)), UNKNOWN, np.int64)
        self.reasoned = np.zeros(episodes, np.int64)
        self.slots = np.full((episodes, codec.max_strategies), STOP, np.int64)
        self.width = sum(self.sizes) + plan_features_size(codec.max_strategies)
        # Codes of plans are few: their features are tabulated and stepping is a look-up.
        self._plan_features = plan_features(np.stack([codec.slots(plan) for plan in codec.plans]))[
            codec.plan_of_code
        ]  # (9^K, P)
        choices = self._choices()
        self._highest_action = choices - 1
        self.action_space: spaces.Space = (
            spaces.MultiDiscrete(choices) if choices.ndim else spaces.Discrete(int(choices))
        )

    @abstractmethod
    def _choices(self) -> np.ndarray:
        """How many values an action has. Shape: () where it is one choice, else one entry per choice; int."""

    def clear(self, episodes: np.ndarray) -> None:
        """Forgets everything chosen in episodes (E,)."""
        self.reasoning[episodes] = UNKNOWN
        self.reasoned[episodes] = 0
        self.slots[episodes] = STOP

    def features(self, episodes: np.ndarray | slice) -> np.ndarray:
        """One-hot of the reasoning so far and features of the plan so far. Shape: (E, R + P), float32."""
        plan = self._plan_features[self.codec.code(self.slots[episodes])]
        if self.reasoning_codec is None:
            return plan
        return np.concatenate([self.reasoning_codec.one_hot(self.reasoning[episodes]), plan], axis=1)

    def apply(self, actions: np.ndarray) -> np.ndarray:
        """Adds one action to every episode.

        Args:
            actions: Shape: (B, ...) as the action space says.

        Returns:
            Whether each plan is complete now. Shape: (B,), bool.

        Raises:
            ValueError: The actions are not of the action space.
        """
        shape = (len(self.slots), *self._highest_action.shape)
        if not whole_numbers(actions, shape=shape, highest=self._highest_action):
            raise ValueError(
                f"action: got {actions.tolist()}, expected whole numbers from 0 to {self._highest_action.tolist()} "
                f"of shape {shape}"
            )
        return self._transition(actions)

    @abstractmethod
    def _transition(self, actions: np.ndarray) -> np.ndarray:
        """:meth:`apply` for valid actions."""


class OneByOneChoices(PlanChoices):
    """One choice per step: the reasoning slots in order where there are any, then the strategies.

    For a strategy, action 0..7 appends it, action 8 (STOP) or above ends the turn; it also ends when K strategies are
    planned. STOP as the first strategy ends it with an empty plan, which is worth nothing; the policies of this project
    never choose it. For a reasoning slot, an action that is none of its values leaves it unknown, which earns nothing.
    """

    def _choices(self) -> np.ndarray:
        return np.array(max((STOP + 1, *self.sizes)))

    def _transition(self, actions: np.ndarray) -> np.ndarray:
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
        length = self.codec.lengths(self.slots)
        self.slots[np.arange(len(length)), length] = strategies
        return (strategies == STOP) | (length + 1 == self.slots.shape[1])


class AllInOneChoices(PlanChoices):
    """The whole plan in one action of K slots, each 0..7 or 8 (STOP); what stands after the first STOP is ignored.

    Where there is reasoning, its slots stand before. Every plan takes one step.
    """

    def _choices(self) -> np.ndarray:
        return np.array([*self.sizes] + [STOP + 1] * self.codec.max_strategies)

    def _transition(self, actions: np.ndarray) -> np.ndarray:
        strategies = actions[:, len(self.sizes) :]
        self.reasoning[:] = actions[:, : len(self.sizes)]
        self.reasoned[:] = len(self.sizes)
        self.slots[:] = np.where(np.cumprod(strategies != STOP, axis=1), strategies, STOP)
        return np.ones(len(actions), bool)


def whole_numbers(values: np.ndarray, *, shape: tuple[int, ...], highest: np.ndarray) -> bool:
    """Whether the values are whole numbers of the given shape, from 0 to ``highest`` (of their last axes)."""
    return bool(
        values.shape == shape
        and np.issubdtype(values.dtype, np.integer)
        and values.min(initial=0) >= 0
        and (values <= highest).all()
    )
