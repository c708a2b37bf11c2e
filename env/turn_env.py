"""The turn environments one episode at a time, as Gymnasium specifies them."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded

from env.rewards import RewardWeights
from env.turn_process import AllInOneProcess, OneByOneProcess, TurnProcess
from env.turn_task import TurnTask


class TurnEnv(gymnasium.Env[np.ndarray, Any]):
    """One supporter turn of a real conversation is one episode.

    **Observation**: ``Box(-1, 1, (H + P,), float32)``: the encoded history, then the plan so far; every entry is
    described in :mod:`encoding.observation`.

    **Reward**: the weighted terms of :mod:`env.rewards`.

    **Reset**: draws a turn uniformly with the environment's own generator (``reset(seed=...)``);
    ``options={"turn": i}`` plays row i of the task.

    **Info**: on reset ``{"turn": row}``; on every step also the weighted reward terms ``similarity`` and ``stop``; at
    the end ``plan`` and ``gold`` as tuples of strategy indices.

    Args:
        task: The turns; ``None`` takes the bundled sample under the default text encoder.
        similarity: Weight of the Levenshtein ratio to the gold plan.
        stop: Weight of stopping where the gold plan stops.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own convention
    process_class: type[TurnProcess]

    def __init__(self, task: TurnTask | None = None, *, similarity: float = 1.0, stop: float = 0.2) -> None:
        weights = RewardWeights(similarity=similarity, stop=stop)
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

    Its reward per step is the gain in similarity, so the return equals All-in-One's reward for the same plan.
    """

    process_class = OneByOneProcess


class AllInOneEnv(TurnEnv):
    """The whole plan at once. **Action**: ``MultiDiscrete([9] * K)``: K slots of 0..7, 8 = STOP. One step."""

    process_class = AllInOneProcess
