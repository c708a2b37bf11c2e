"""The dialogue environments one episode at a time, as Gymnasium specifies them.

The dialogue environments vectorised: B conversations, one batched call of the seeker per step.
"""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from env.actions import AllInOneChoices, OneByOneChoices, PlanChoices
from env.conversation import Conversation, conversation_state, restored_conversation
from env.dialogue_process import DialogueProcess
from env.dialogue_task import DialogueTask


class DialogueEnv(gymnasium.Env[np.ndarray, Any]):
    """One conversation with a seeker is one episode.

    **Observation**: ``Box((H + R + P,), float32)``: the encoded history; if the task has reasoning, the one-hot of what
    has been reasoned about this turn so far (else R = 0); this turn's plan so far. As in :class:`env.turn_env.TurnEnv`.

    **Reward**: the weighted terms of :mod:`env.dialogue_task`, paid when a turn has been carried out and answered.

    **End**: terminated when the seeker is helped (intensity at most 2, and fallen) or gives up; truncated after
    ``max_turns`` supporter turns.

    **Reset**: draws a seeker uniformly with the environment's own generator (``reset(seed=...)``), which also makes the
    seeker's choices; ``options={"profile": i}`` talks to row i of the task's profiles.

    **Info**: on reset ``{"profile": row}``; on every step also ``spoken`` (whether the turn was carried out), the
    weighted reward terms ``fall``, ``feedback``, ``turn`` and ``ending``, and ``success``. What a policy must not see
    stands in :attr:`conversation`.

    Args:
        task: Whom the supporter talks to, and how. There is no default: seekers are fitted to data.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own convention
    choices: type[PlanChoices]

    def __init__(self, task: DialogueTask) -> None:
        self._process = DialogueProcess(task, episodes=1, choices=self.choices)
        self.observation_space = self._process.observation_space
        self.action_space = self._process.action_space
        self._playing = False

    @property
    def conversation(self) -> Conversation:
        """The conversation under way, hidden intensities included."""
        return self._process.conversations[0]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts a conversation; see the class for ``options``.

        Raises:
            ValueError: There is another option, or no such profile.
        """
        super().reset(seed=seed)
        self._process.reset(self.np_random, options)
        self._playing = True
        return self._process.observation[0].copy(), {"profile": int(self._process.profile[0])}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Applies one action.

        Raises:
            ResetNeeded: No conversation is under way.
            ValueError: The action is not of the action space.
        """
        if not self._playing:
            raise ResetNeeded("no conversation is under way: call reset first")
        step = self._process.step(np.asarray(action)[None], self.np_random)
        terminated, truncated = bool(step.terminated[0]), bool(step.truncated[0])
        self._playing = not (terminated or truncated)
        info: dict[str, Any] = {
            "profile": int(self._process.profile[0]),
            "spoken": bool(step.spoken[0]),
            "success": bool(step.success[0]),
        }
        info |= {name: float(term[0]) for name, term in step.terms.items()}
        return self._process.observation[0].copy(), float(step.rewards[0]), terminated, truncated, info


class DialogueOneByOneEnv(DialogueEnv):
    """One strategy per step until STOP; the seeker answers when the plan is complete.

    **Action**: as :class:`env.turn_env.OneByOneEnv`; where the task has reasoning, its five steps come first in every
    turn.
    """

    choices = OneByOneChoices


class DialogueAllInOneEnv(DialogueEnv):
    """The whole plan of a turn at once; the seeker answers every step. **Action**: as env.turn_env.AllInOneEnv."""

    choices = AllInOneChoices


class DialogueVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """B conversations of :class:`env.dialogue_env.DialogueEnv`.

    A conversation that has ended is replaced by a new one within the same step (Gymnasium's SAME_STEP): the
    observation is already the new one's first. ``infos`` holds for all B episodes ``spoken``, ``success``, the weighted
    reward terms and the ``profile`` rows played now, and, where any ended, ``final_obs`` with ``_final_obs`` telling
    where, and ``final_conversations``: a list of B, ``None`` where none ended.

    Args:
        num_envs: B.
        task: Whom the supporter talks to, and how. There is no default: seekers are fitted to data.
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012
    choices: type[PlanChoices]

    def __init__(self, num_envs: int = 1, *, task: DialogueTask) -> None:
        self._process = DialogueProcess(task, episodes=num_envs, choices=self.choices)
        self.num_envs = num_envs
        self.single_observation_space = self._process.observation_space
        self.single_action_space = self._process.action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    @property
    def conversations(self) -> tuple[Conversation, ...]:
        """The conversations under way, hidden intensities included. Length: B."""
        return tuple(self._process.conversations)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Starts all conversations anew.

        Args:
            seed: One whole number: one generator makes the choices of all episodes and seekers.
            options: ``{"profile": (B,) rows of the task's profiles}`` talks to these seekers first.

        Returns:
            Observations (B, H + R + P), and the row each episode plays as ``profile`` (B,).

        Raises:
            ValueError: The seed is a list, there is another option, or no such profile.
        """
        if isinstance(seed, list):
            raise ValueError("seed: expected one whole number, all episodes share one generator")
        super().reset(seed=seed, options=options)
        self._process.reset(self.np_random, options)
        return self._process.observation.copy(), {"profile": self._process.profile.copy()}

    def step(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Advances every episode by one action. ``actions``: (B,) or (B, slots)."""
        step = self._process.step(np.asarray(actions), self.np_random)
        infos: dict[str, Any] = {**step.terms, "spoken": step.spoken, "success": step.success}
        ended = np.flatnonzero(step.ended)
        if len(ended):
            finished: list[Conversation | None] = [None] * self.num_envs
            for episode in ended:
                finished[episode] = self._process.conversations[episode]
            infos |= {
                "final_obs": self._process.observation.copy(),
                "_final_obs": step.ended,
                "final_conversations": finished,
            }
            self._process.initial_state(ended, self.np_random)
        infos["profile"] = self._process.profile.copy()
        return self._process.observation.copy(), step.rewards, step.terminated, step.truncated, infos

    def state(self) -> dict[str, Any]:
        """Everything needed to go on later exactly from here, but for the seeker; arrays and values ready for JSON."""
        choices = self._process.choices
        return {
            "profile": self._process.profile.copy(),
            "conversations": [conversation_state(conversation) for conversation in self._process.conversations],
            "slots": choices.slots.copy(),
            "reasoning": choices.reasoning.copy(),
            "reasoned": choices.reasoned.copy(),
            # Not made anew: networks round by the batch they see, and a history is not encoded again until it grows.
            "observation": self._process.observation.copy(),
            "generator": self.np_random.bit_generator.state,
        }

    def restore(self, state: dict[str, Any]) -> np.ndarray:
        """Goes back to a :meth:`state`; returns the observations there. Shape: (B, H + R + P)."""
        process = self._process
        process.profile[:] = state["profile"]
        process.conversations[:] = [
            restored_conversation(written, process.task.profiles[row])
            for written, row in zip(state["conversations"], process.profile, strict=True)
        ]
        for name in ("slots", "reasoning", "reasoned"):
            getattr(process.choices, name)[:] = state[name]
        process.observation[:] = state["observation"]
        self.np_random.bit_generator.state = state["generator"]
        return process.observation.copy()


class DialogueOneByOneVectorEnv(DialogueVectorEnv):
    """Vectorised :class:`env.dialogue_env.DialogueOneByOneEnv`."""

    choices = OneByOneChoices


class DialogueAllInOneVectorEnv(DialogueVectorEnv):
    """Vectorised :class:`env.dialogue_env.DialogueAllInOneEnv`."""

    choices = AllInOneChoices
