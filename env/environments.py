"""Gymnasium environments around a decision process: one episode at a time, or B episodes stepped together.

What happens in a step is in :mod:`env.process`; here are the interfaces of Gymnasium.

**Observation**: ``Box((H + R + P,), float32)``: the encoded history; if the task has reasoning, the one-hot of what has
been reasoned about this turn (:mod:`encoding.reasoning_codec`; else R = 0); this turn's plan so far. Every entry of the
first and last is described in :mod:`encoding.observation`. Bounds are -1..1, wider for the history where the task's is.

**Action**: :class:`env.actions.PlanChoices`. One-by-One is ``Discrete(9)``: strategies 0..7, 8 = STOP; with reasoning
``Discrete(n)``, n the most values a slot has. All-in-One is ``MultiDiscrete([*reasoning sizes, 9, ..., 9])``.

**Reward**: the weighted terms of :mod:`env.rewards`.

**Reset**: a row of the task (``turn`` or ``profile``) is sampled uniformly; ``options={"turn": i}`` or
``options={"profile": i}`` plays row i.

**Info**: the row; on every step also the weighted reward terms and, in dialogues, ``spoken`` (whether the turn was
carried out) and ``success``; at the end ``plan`` and ``gold`` of a turn, or the ``conversation``.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from env.process import Process


class SupportEnv(gymnasium.Env[np.ndarray, Any]):
    """One episode at a time.

    Args:
        process: Of one episode: :class:`env.turns.TurnProcess` or :class:`env.dialogues.DialogueProcess`.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own convention

    def __init__(self, process: Process[Any]) -> None:
        self.process = process
        self.observation_space = process.observation_space
        self.action_space = process.action_space
        self._playing = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts an episode.

        Raises:
            ValueError: There is another option, or no such row.
        """
        super().reset(seed=seed)
        self.process.reset(self.np_random, options)
        self._playing = True
        return self.process.observation[0].copy(), {self.process.row_name: int(self.process.row[0])}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Applies one action.

        Raises:
            ResetNeeded: No episode is under way.
            ValueError: The action is not of the action space.
        """
        if not self._playing:
            raise ResetNeeded("no episode is under way: call reset first")
        process = self.process
        step = process.step(np.asarray(action)[None], self.np_random)
        terminated, truncated = bool(step.terminated[0]), bool(step.truncated[0])
        self._playing = not (terminated or truncated)
        info: dict[str, Any] = {process.row_name: int(process.row[0])}
        info |= {name: bool(event[0]) for name, event in step.events.items()}
        info |= {name: float(value[0]) for name, value in step.terms.items()}
        if not self._playing:
            info |= process.outcome(0)
        return process.observation[0].copy(), float(step.rewards[0]), terminated, truncated, info


class SupportVectorEnv(gymnasium.vector.VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """B episodes, stepped together in numpy, with one batched call of the seeker per step.

    An episode that ends is replaced within the same step (Gymnasium's SAME_STEP): the returned observation is the new
    episode's first. ``infos`` holds the rows played now, terms and events, each of shape (B,), and where any episode
    ended ``final_obs`` (rows where ``_final_obs``) and ``final_info``: a list of B, ``None`` where none ended.

    Args:
        process: Of B episodes.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    def __init__(self, process: Process[Any]) -> None:
        self.process = process
        self.num_envs = len(process.row)
        self.single_observation_space = process.observation_space
        self.single_action_space = process.action_space
        self.observation_space = batch_space(process.observation_space, self.num_envs)
        self.action_space = batch_space(process.action_space, self.num_envs)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts all episodes anew.

        Args:
            seed: One whole number: one generator makes the choices of all episodes and seekers.
            options: ``{row name: (B,) rows of the task}`` plays these first.

        Returns:
            Observations (B, H + R + P), and the row that each episode plays (B,).

        Raises:
            ValueError: The seed is a list, there is another option, or no such row.
        """
        if isinstance(seed, list):
            raise ValueError("seed: expected one whole number, all episodes share one generator")
        super().reset(seed=seed, options=options)
        self.process.reset(self.np_random, options)
        return self.process.observation.copy(), {self.process.row_name: self.process.row.copy()}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Advances every episode by one action. ``actions``: (B,) or (B, slots)."""
        process = self.process
        step = process.step(np.asarray(actions), self.np_random)
        infos: dict[str, Any] = {**step.events, **step.terms}
        ended = np.flatnonzero(step.ended)
        if len(ended):
            outcomes: list[dict[str, Any] | None] = [None] * self.num_envs
            for episode in ended:
                outcomes[episode] = process.outcome(int(episode))
            infos |= {"final_obs": process.observation.copy(), "_final_obs": step.ended, "final_info": outcomes}
            process.initial_state(ended, self.np_random)
        infos[process.row_name] = process.row.copy()
        return process.observation.copy(), step.rewards, step.terminated, step.truncated, infos

    def state(self) -> dict[str, Any]:
        """Everything needed to resume exactly from here, but for the seeker; arrays, and values ready for JSON."""
        return {**self.process.state(), "generator": self.np_random.bit_generator.state}

    def restore(self, state: dict[str, Any]) -> np.ndarray:
        """Goes back to a :meth:`state`; returns the observations there. Shape: (B, H + R + P)."""
        self.process.restore(state)
        self.np_random.bit_generator.state = state["generator"]
        return self.process.observation.copy()
