"""The vectorised environments as a ``VecEnv`` of stable-baselines3."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from env.environments import SupportVectorEnv


class BatchVecEnv(VecEnv):
    """Adapter from Gymnasium's vector interface to SB3's.

    Adds what SB3's monitor would: at the end of an episode ``infos[i]["episode"]`` holds its return ``r``, its length
    ``l``, and the sums of all weighted reward terms and of the events of dialogues by name;
    ``infos[i]["terminal_observation"]`` is the last observation, and ``infos[i]["TimeLimit.truncated"]`` says whether
    it was cut off: then SB3 adds the value of that observation to the last reward, as if the episode continued.

    Attributes:
        seconds: Spent in the environment so far.
    """

    def __init__(self, environment: SupportVectorEnv, *, seed: int) -> None:
        self.environment = environment  # SB3's constructor asks it for attributes
        super().__init__(environment.num_envs, environment.single_observation_space, environment.single_action_space)
        self._seed = seed
        self.seconds = 0.0
        self._actions = np.zeros(0)
        self._returns = np.zeros(self.num_envs)
        self._lengths = np.zeros(self.num_envs, np.int64)
        self._sums = {name: np.zeros(self.num_envs) for name in environment.process.tallies}

    def reset(self) -> np.ndarray:
        """Starts all episodes anew from the seed."""
        self._clear(slice(None))
        return self.environment.reset(seed=self._seed)[0]

    def step_async(self, actions: np.ndarray) -> None:
        """Takes the actions for :meth:`step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Observations, rewards, ends and infos of one step."""
        began = time.perf_counter()
        observations, rewards, terminated, truncated, batch = self.environment.step(self._actions)
        self.seconds += time.perf_counter() - began
        self._returns += rewards
        self._lengths += 1
        for name, total in self._sums.items():
            total += batch[name]
        ended = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for index in np.flatnonzero(ended):
            infos[index] = {
                "episode": {
                    "r": float(self._returns[index]),
                    "l": int(self._lengths[index]),
                    **{name: float(total[index]) for name, total in self._sums.items()},
                },
                "terminal_observation": batch["final_obs"][index],
                "TimeLimit.truncated": bool(truncated[index] and not terminated[index]),
            }
        self._clear(ended)
        return observations, rewards, ended, infos

    def state(self) -> dict[str, Any]:
        """Everything needed to resume exactly from here."""
        sums = {name: total.tolist() for name, total in self._sums.items()}
        return {
            **self.environment.state(),
            "returns": self._returns.copy(),
            "lengths": self._lengths.copy(),
            "sums": sums,
        }

    def restore(self, state: dict[str, Any]) -> np.ndarray:
        """Goes back to a :meth:`state`; returns the observations there."""
        self._returns[:], self._lengths[:] = state["returns"], state["lengths"]
        for name, total in self._sums.items():
            total[:] = state["sums"][name]
        return self.environment.restore(state)

    def close(self) -> None:
        """Nothing to free."""
        self.environment.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The same attribute of the one environment, for each index."""
        return [getattr(self.environment, attr_name)] * len(self._indices(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Not possible: the episodes share one environment.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("the episodes share one environment; set the attribute on it")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Not possible: the episodes share one environment.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("the episodes share one environment; call its method")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:  # noqa: ARG002 - SB3's name
        """No episode is wrapped."""
        return [False] * len(self._indices(indices))

    def _clear(self, episodes: Any) -> None:
        """Forgets what has been counted in episodes: a mask (B,) or a slice."""
        self._returns[episodes], self._lengths[episodes] = 0.0, 0
        for total in self._sums.values():
            total[episodes] = 0.0

    def _indices(self, indices: int | Iterable[int] | None) -> Sequence[int]:
        if indices is None:
            return range(self.num_envs)
        return [indices] if isinstance(indices, int) else list(indices)
