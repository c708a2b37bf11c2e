"""What a planner sees of conversations in the dialogue environments: its own beliefs about their histories."""

import time
from collections.abc import Sequence

import numpy as np

from corpus.dialogue import Message
from env.conversation import Seeker, SeekerProfile
from env.dialogue_task import DialogueRules, DialogueTask
from planner.planner import StrategyPlanner

_LOWEST = -20.0  # where planner.beliefs cuts log-probabilities off


class BeliefEncoder:
    """An :class:`env.dialogue_task.HistoryEncoder`: members, readers and judges of a planner, which PPO does not train.

    Args:
        planner: Whose beliefs.

    Attributes:
        seconds: Spent here so far.
    """

    def __init__(self, planner: StrategyPlanner) -> None:
        self._planner = planner
        self.seconds = 0.0

    @property
    def history_size(self) -> int:
        """S, see :mod:`planner.base_models.predictions`."""
        return self._planner.settings.layout.size

    @property
    def bounds(self) -> tuple[float, float]:
        """Between what all entries lie: log-probabilities and shares; what readers and judges add has no bounds."""
        bounded = self._planner.readers is None and self._planner.parts.judges is None
        return (_LOWEST, 1.0) if bounded else (-np.inf, np.inf)

    def encode_histories(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Shape: (N, S), float32."""
        began = time.perf_counter()
        beliefs = self._planner.beliefs(histories)
        self.seconds += time.perf_counter() - began
        return beliefs

    def task(self, profiles: Sequence[SeekerProfile], seeker: Seeker, *, rules: DialogueRules) -> DialogueTask:
        """Conversations with these seekers as the planner sees them; it reasons first where its settings say so."""
        low, high = self.bounds
        return DialogueTask(
            profiles=tuple(profiles),
            seeker=seeker,
            encoder=self,
            codec=self._planner.observer.codec,
            rules=rules,
            reasoning_codec=self._planner.settings.reasoning,
            lowest=low,
            highest=high,
        )
