"""Action spaces: one slot at a time (One-by-One) or a whole plan (All-in-One), and how actions extend B plans.

Where a planner reasons, the reasoning slots are chosen first.
"""

from typing import Literal

import numpy as np
from gymnasium import spaces

from encoding.observation import plan_features, plan_features_size
from encoding.plan_codec import STOP, PlanCodec
from encoding.reasoning_codec import UNKNOWN, ReasoningCodec

Mode = Literal["one-by-one", "all-in-one"]


class PlanChoices:
    """What has been chosen of the turns so far, and how an action adds to it.

    **One-by-One**: one slot per action, the reasoning slots in order first. For a reasoning slot, an action that is
    none of its values leaves it unknown. For a strategy, action 0..7 appends it, action 8 (STOP) or above ends the
    turn; it also ends when K strategies are planned. STOP as the first strategy ends it with an empty plan, which earns
    nothing.

    **All-in-One**: all slots in one action, a strategy slot 0..7 or 8 (STOP). What follows the first STOP is ignored.

    Args:
        episodes: B.
        reasoning_codec: What is reasoned about first; ``None`` where nothing is.

    Attributes:
        reasoning: Values of the S reasoning slots so far, -1 = not chosen. Shape: (B, S), int; S = 0 without reasoning.
        reasoned: Reasoning slots that each episode has passed, chosen or not. Shape: (B,), int, 0..S.
        slots: Plan so far, unused slots STOP. Shape: (B, K), int.
        action_space: Of one episode.
        width: R + P, entries of :meth:`features`.
    """

    def __init__(
        self, episodes: int, *, mode: Mode, codec: PlanCodec, reasoning_codec: ReasoningCodec | None = None
    ) -> None:
        if mode not in ("one-by-one", "all-in-one"):
            raise ValueError(f"mode: got {mode!r}, expected one-by-one or all-in-one")
        self.mode = mode
        self.codec = codec
        self.reasoning_codec = reasoning_codec
        sizes = reasoning_codec.sizes if reasoning_codec is not None else ()
        self._sizes = np.array(sizes, np.int64)
        self.reasoning = np.full((episodes, len(sizes)), UNKNOWN, np.int64)
        self.reasoned = np.zeros(episodes, np.int64)
        self.slots = np.full((episodes, codec.max_strategies), STOP, np.int64)
        self.width = sum(sizes) + plan_features_size(codec.max_strategies)
        # Codes of plans are few: their features are tabulated and stepping is a look-up.
        all_slots = np.stack([codec.slots(plan) for plan in codec.plans])
        self._plan_features = plan_features(all_slots)[codec.plan_of_code]  # (9^K, P)
        self.action_space: spaces.Space
        if mode == "one-by-one":
            values = max(STOP + 1, *sizes, 0)
            self.action_space, self._highest_action = spaces.Discrete(values), np.asarray(values - 1)
        else:
            choices = np.array([*sizes] + [STOP + 1] * codec.max_strategies)
            self.action_space, self._highest_action = spaces.MultiDiscrete(choices), choices - 1

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
        return self._choose_all(actions) if self.mode == "all-in-one" else self._choose_next(actions)

    def _choose_all(self, actions: np.ndarray) -> np.ndarray:
        strategies = actions[:, len(self._sizes) :]
        self.reasoning[:] = actions[:, : len(self._sizes)]
        self.reasoned[:] = len(self._sizes)
        self.slots[:] = np.where(np.cumprod(strategies != STOP, axis=1), strategies, STOP)
        return np.ones(len(actions), bool)

    def _choose_next(self, actions: np.ndarray) -> np.ndarray:
        planning = self.reasoned == len(self._sizes)
        reasoning = np.flatnonzero(~planning)
        if len(reasoning):
            slot, chosen = self.reasoned[reasoning], actions[reasoning]
            self.reasoning[reasoning, slot] = np.where(chosen < self._sizes[slot], chosen, UNKNOWN)
            self.reasoned[reasoning] += 1
        # Episodes that still reason append STOP, which changes no plan.
        strategies = np.where(planning, np.minimum(actions, STOP), STOP)
        length = self.codec.lengths(self.slots)
        self.slots[np.arange(len(length)), length] = strategies
        return ((strategies == STOP) | (length + 1 == self.slots.shape[1])) & planning


def whole_numbers(values: np.ndarray, *, shape: tuple[int, ...], highest: np.ndarray) -> bool:
    """Whether the values are whole numbers of the given shape, from 0 to ``highest`` (of their last axes)."""
    return bool(
        values.shape == shape
        and np.issubdtype(values.dtype, np.integer)
        and values.min(initial=0) >= 0
        and (values <= highest).all()
    )
