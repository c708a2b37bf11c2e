"""The turn environments one episode at a time, as Gymnasium specifies them.

The turn environments B episodes at a time: all of them stepped together in numpy.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from env.rewards import RewardWeights
from env.turn_process import AllInOneProcess, OneByOneProcess, TurnProcess
from env.turn_task import TurnTask


class TurnEnv(gymnasium.Env[np.ndarray, Any]):
    """One supporter turn of a real conversation is one episode.

    **Observation**: ``Box((H + R + P,), float32)``: the encoded history; if the task has reasoning, the one-hot of what
    has been reasoned so far (:mod:`encoding.reasoning_codec`; else R = 0); the plan so far. Every entry of the first
    and last is described in :mod:`encoding.observation`. Bounds are -1..1, wider for the history where the task's is.

    **Reward**: the weighted terms of :mod:`env.rewards`.

    **Reset**: draws a turn uniformly with the environment's own generator (``reset(seed=...)``);
    ``options={"turn": i}`` plays row i of the task.

    **Info**: on reset ``{"turn": row}``; on every step also the weighted reward terms ``similarity``, ``stop``,
    ``reasoning`` and ``exact``; at the end ``plan`` and ``gold`` as tuples of strategy indices.

    Args:
        task: The turns; ``None`` takes the bundled sample under the default text encoder.
        similarity: Weight of the Levenshtein ratio to the gold plan.
        stop: Weight of stopping where the gold plan stops.
        reasoning: Weight of each reasoning slot that is right.
        exact: Weight of planning exactly the gold plan.
        balance: Exponent by which turns of rare strategies count more, from 0 (:func:`env.rewards.balance_factors`).
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own convention
    process_class: type[TurnProcess]

    def __init__(
        self,
        task: TurnTask | None = None,
        *,
        similarity: float = 1.0,
        stop: float = 0.2,
        reasoning: float = 0.1,
        exact: float = 0.0,
        balance: float = 0.0,
    ) -> None:
        weights = RewardWeights(similarity=similarity, stop=stop, reasoning=reasoning, exact=exact, balance=balance)
        self._process = self.process_class(task or TurnTask.bundled(), episodes=1, weights=weights)
        self.observation_space = self._process.observation_space
        self.action_space = self._process.action_space
        self._playing = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts an episode; see the class for ``options``.

        Raises:
            ValueError: There is another option, or no such turn.
        """
        super().reset(seed=seed)
        self._process.reset(self.np_random, options)
        self._playing = True
        return self._process.observation[0].copy(), {"turn": int(self._process.turn[0])}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Applies one action; never truncates.

        Raises:
            ResetNeeded: No episode is under way.
            ValueError: The action is not of the action space.
        """
        if not self._playing:
            raise ResetNeeded("no episode is under way: call reset first")
        process = self._process
        reward, ended, terms = process.step(np.asarray(action)[None])
        self._playing = not ended[0]
        info: dict[str, Any] = {"turn": int(process.turn[0])} | {name: float(term[0]) for name, term in terms.items()}
        if ended[0]:
            info["plan"] = process.task.codec.plan(process.slots[0])
            info["gold"] = process.task.golds[process.turn[0]]
        return process.observation[0].copy(), float(reward[0]), bool(ended[0]), False, info


class OneByOneEnv(TurnEnv):
    """One strategy per step until STOP. **Action**: ``Discrete(9)``: strategies 0..7, 8 = STOP. At most K steps.

    If the task has reasoning, five steps come first, each choosing the value of one reasoning slot, in order; the
    action is ``Discrete(n)`` with n the most values a step has. An action that names no value of the slot at hand
    leaves it unknown and earns nothing; one above 8 where a strategy is due counts as STOP. (Policies mask both.)

    Its reward per step is the gain in similarity, so the return equals All-in-One's reward for the same plan.
    """

    process_class = OneByOneProcess


class AllInOneEnv(TurnEnv):
    """The whole plan at once. **Action**: ``MultiDiscrete([9] * K)``: K slots of 0..7, 8 = STOP. One step.

    If the task has reasoning, the five reasoning slots stand before: ``MultiDiscrete([*sizes, 9, ..., 9])``.
    """

    process_class = AllInOneProcess


class TurnVectorEnv(gymnasium.vector.VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """The same environment as :class:`env.turn_env.TurnEnv`, vectorised, with reset in the same step.

    An episode that ends is replaced at once: the returned observation is the new episode's first; the last one of
    the old stands in ``infos["final_obs"]`` (rows where ``infos["_final_obs"]``). ``infos`` also has the weighted
    reward terms ``similarity``, ``stop``, ``reasoning`` and ``exact`` of every step, each of shape (B,).

    Args:
        num_envs: B, number of parallel episodes.
        task: The turns; ``None`` takes the bundled sample under the default text encoder.
        similarity: Weight of the Levenshtein ratio to the gold plan.
        stop: Weight of stopping where the gold plan stops.
        reasoning: Weight of each reasoning slot that is right.
        exact: Weight of planning exactly the gold plan.
        balance: Exponent by which turns of rare strategies count more, from 0 (:func:`env.rewards.balance_factors`).
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012
    process_class: type[TurnProcess]

    def __init__(
        self,
        num_envs: int = 1,
        *,
        task: TurnTask | None = None,
        similarity: float = 1.0,
        stop: float = 0.2,
        reasoning: float = 0.1,
        exact: float = 0.0,
        balance: float = 0.0,
    ) -> None:
        weights = RewardWeights(similarity=similarity, stop=stop, reasoning=reasoning, exact=exact, balance=balance)
        self._process = self.process_class(task or TurnTask.bundled(), episodes=num_envs, weights=weights)
        self.num_envs = num_envs
        self.single_observation_space = self._process.observation_space
        self.single_action_space = self._process.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts all episodes anew.

        Args:
            seed: One whole number: one generator draws the turns of all episodes.
            options: ``{"turn": (B,) rows of the task}`` plays these turns first.

        Returns:
            Observations (B, H + R + P), and the row each episode plays as ``turn`` (B,).

        Raises:
            ValueError: The seed is a list, there is another option, or no such turn.
        """
        if isinstance(seed, list):
            raise ValueError("seed: expected one whole number, all episodes share one generator")
        super().reset(seed=seed, options=options)
        self._process.reset(self.np_random, options)
        return self._process.observation.copy(), {"turn": self._process.turn.copy()}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Advances every episode by one action. ``actions``: (B,) or (B, slots); never truncates."""
        rewards, ended, terms = self._process.step(np.asarray(actions))
        infos: dict[str, Any] = dict(terms)
        if ended.any():
            infos |= {"final_obs": self._process.observation.copy(), "_final_obs": ended}
            self._process.initial_state(np.flatnonzero(ended), self.np_random)
        return self._process.observation.copy(), rewards, ended, np.zeros_like(ended), infos

    def state(self) -> dict[str, Any]:
        """Everything needed to go on later exactly from here: episodes and random generator."""
        return {
            "turn": self._process.turn.copy(),
            "slots": self._process.slots.copy(),
            "reasoning": self._process.reasoning.copy(),
            "reasoned": self._process.reasoned.copy(),
            "generator": self.np_random.bit_generator.state,
        }

    def restore(self, state: dict[str, Any]) -> np.ndarray:
        """Goes back to a :meth:`state`; returns the observations there. Shape: (B, H + R + P)."""
        self._process.turn[:] = state["turn"]
        self._process.slots[:] = state["slots"]
        self._process.reasoning[:] = state["reasoning"]
        self._process.reasoned[:] = state["reasoned"]
        self._process.observe(np.arange(self.num_envs))
        self.np_random.bit_generator.state = state["generator"]
        return self._process.observation.copy()


class OneByOneVectorEnv(TurnVectorEnv):
    """Vectorised :class:`env.turn_env.OneByOneEnv`."""

    process_class = OneByOneProcess


class AllInOneVectorEnv(TurnVectorEnv):
    """Vectorised :class:`env.turn_env.AllInOneEnv`."""

    process_class = AllInOneProcess
