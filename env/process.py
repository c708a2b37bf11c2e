"""The Markov decision process of an environment, for B episodes at a time: transition, reward, terminal, observation.

An episode plays one row of a task: a real turn (:mod:`env.turns`) or a simulated seeker (:mod:`env.dialogues`). The
agent sees an encoded history and what it has chosen so far. Read :meth:`Process.step` first.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from gymnasium import spaces

from encoding.plan_codec import PlanCodec
from encoding.reasoning_codec import ReasoningCodec
from env.actions import Mode, PlanChoices, whole_numbers

Happened = TypeVar("Happened")  # what a transition tells of all episodes


@dataclass(frozen=True)
class ProcessStep:
    """The outcome of one step in B episodes.

    Attributes:
        terms: Weighted reward terms by name (:mod:`env.rewards`). Shape of each: (B,), float64.
        events: What else happened, by name, e.g. ``success``. Shape of each: (B,), bool.
        terminated: Whether each episode ended. Shape: (B,), bool.
        truncated: Whether each episode was cut off. Shape: (B,), bool.
    """

    terms: dict[str, np.ndarray]
    events: dict[str, np.ndarray]
    terminated: np.ndarray
    truncated: np.ndarray

    @property
    def rewards(self) -> np.ndarray:
        """Shape: (B,), float64."""
        return np.sum(list(self.terms.values()), axis=0)

    @property
    def ended(self) -> np.ndarray:
        """Shape: (B,), bool."""
        return self.terminated | self.truncated


class Process(ABC, Generic[Happened]):
    """The state of B episodes, and how it changes.

    Args:
        episodes: B.
        reasoning_codec: What is reasoned about before a plan; ``None`` where nothing is.
        history_size: H, entries of an encoded history.
        bounds: Smallest and largest entry of an encoded history.

    Attributes:
        row_name: What a row is called in reset options, infos and states.
        tallies: Names of the terms and events of a step whose sums over an episode are worth a learning curve.
        row: Row of the task that each episode plays. Shape: (B,), int.
        choices: What has been chosen of the turns under way.
        observation: Encoded history (H entries), reasoning one-hot (R), plan features (P). Shape: (B, H + R + P),
            float32. Updated in place; copy it before handing it out.
    """

    row_name: ClassVar[str]
    tallies: tuple[str, ...]

    def __init__(
        self,
        *,
        episodes: int,
        rows: int,
        mode: Mode,
        codec: PlanCodec,
        reasoning_codec: ReasoningCodec | None,
        history_size: int,
        bounds: tuple[float, float],
    ) -> None:
        self.choices = PlanChoices(episodes, mode=mode, codec=codec, reasoning_codec=reasoning_codec)
        self.row = np.zeros(episodes, np.int64)
        self._rows = rows
        self._history_end = history_size
        low = np.full(history_size + self.choices.width, -1.0, np.float32)
        high = np.full_like(low, 1.0)
        low[:history_size], high[:history_size] = bounds
        self.observation_space = spaces.Box(low, high, dtype=np.float32)
        self.action_space = self.choices.action_space
        self.observation = np.zeros((episodes, len(low)), np.float32)

    def reset(self, rng: np.random.Generator, options: dict[str, Any] | None) -> None:
        """Starts all episodes anew.

        Args:
            options: With ``{row_name: rows}``, one per episode, these are played instead.

        Raises:
            ValueError: There is another option, or no such row.
        """
        if unknown := set(options or {}) - {self.row_name}:
            raise ValueError(f"reset option {sorted(unknown)}: expected no other than {self.row_name!r}")
        episodes = np.arange(len(self.row))
        if options:
            self.place(episodes, np.atleast_1d(options[self.row_name]))
        else:
            self.initial_state(episodes, rng)

    def initial_state(self, episodes: np.ndarray, rng: np.random.Generator) -> None:
        """Starts new episodes at a row sampled uniformly for each. ``episodes``: (E,) indices."""
        self.place(episodes, rng.integers(self._rows, size=len(episodes)))

    def place(self, episodes: np.ndarray, rows: np.ndarray) -> None:
        """Starts new episodes at given rows. ``episodes``, ``rows``: (E,) indices.

        Raises:
            ValueError: There is no such row, or there are not as many as episodes.
        """
        if not whole_numbers(rows, shape=episodes.shape, highest=np.asarray(self._rows - 1)):
            raise ValueError(
                f"{self.row_name}: got {rows.tolist()}, expected {len(episodes)} whole number(s) from 0 to "
                f"{self._rows - 1}"
            )
        self.row[episodes] = rows
        self.choices.clear(episodes)
        self._begin(episodes)
        self.observe(episodes)

    def observe(self, episodes: np.ndarray) -> None:
        """Writes the whole observation of episodes (E,): history and choices."""
        self.observation[episodes, : self._history_end] = self._histories(episodes)
        self.observation[episodes, self._history_end :] = self.choices.features(episodes)

    def step(self, actions: np.ndarray, rng: np.random.Generator) -> ProcessStep:
        """Advances all episodes by one action each; an episode that ends stays as it is until it is placed anew.

        Args:
            actions: Shape: (B, ...) as the action space says.

        Raises:
            ValueError: The actions are not of the action space.
        """
        happened = self.transition(actions, rng)
        terms = self.reward(happened)
        terminated, truncated = self.terminal(happened)
        # Every action changes the choices; a history changes only in the transitions of dialogues, which observe it.
        self.observation[:, self._history_end :] = self.choices.features(slice(None))
        return ProcessStep(terms, self.events(happened), terminated, truncated)

    @abstractmethod
    def transition(self, actions: np.ndarray, rng: np.random.Generator) -> Happened:
        """Adds the actions to the plans, and does what follows a complete plan."""

    @abstractmethod
    def reward(self, happened: Happened) -> dict[str, np.ndarray]:
        """The weighted reward terms by name. Shape of each: (B,), float64."""

    @abstractmethod
    def terminal(self, happened: Happened) -> tuple[np.ndarray, np.ndarray]:
        """Which episodes ended, and which were cut off. Shapes: (B,), (B,), bool."""

    def events(self, happened: Happened) -> dict[str, np.ndarray]:  # noqa: ARG002 - dialogues have some
        """What else happened, by name. Shape of each: (B,), bool."""
        return {}

    def state(self) -> dict[str, Any]:
        """Everything but the random generator that is needed to resume exactly from here, ready for JSON or arrays."""
        return {
            self.row_name: self.row.copy(),
            "slots": self.choices.slots.copy(),
            "reasoning": self.choices.reasoning.copy(),
            "reasoned": self.choices.reasoned.copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to a :meth:`state`."""
        self.row[:] = state[self.row_name]
        for name in ("slots", "reasoning", "reasoned"):
            getattr(self.choices, name)[:] = state[name]

    @abstractmethod
    def outcome(self, episode: int) -> dict[str, Any]:
        """What an episode that has ended tells beside its last step, by name."""

    @abstractmethod
    def _begin(self, episodes: np.ndarray) -> None:
        """Starts episodes (E,) at their rows."""

    @abstractmethod
    def _histories(self, episodes: np.ndarray) -> np.ndarray:
        """Encoded histories of episodes (E,). Shape: (E, H), float32."""
