"""The dialogue environments one episode at a time, as Gymnasium specifies them."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded

from env.dialogue_process import DialogueProcess
from env.dialogue_task import DialogueTask
from env.plan_choices import AllInOneChoices, OneByOneChoices, PlanChoices
from env.seeker import Conversation


class DialogueEnv(gymnasium.Env[np.ndarray, Any]):
    """One conversation with a seeker is one episode.

    **Observation**: ``Box((H + R + P,), float32)``: the encoded history; if the task has reasoning, the one-hot of what
    has been reasoned about this turn so far (else R = 0); this turn's plan so far. As in :class:`env.turn_env.TurnEnv`.

    **Reward**: the weighted terms of :mod:`env.dialogue_rules`, paid when a turn has been carried out and answered.

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
