"""What the dialogue environments play: seekers, who answers for them, who writes for the supporter, what is seen."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from corpus.dialogue import Message
from encoding.plan_codec import PlanCodec
from encoding.reasoning_codec import ReasoningCodec
from env.dialogue_rules import DialogueRules
from env.seeker import Responder, Seeker, SeekerProfile


class HistoryEncoder(Protocol):
    """Makes numbers of histories; :class:`encoding.observation.Observer` is one, a planner's beliefs are another."""

    @property
    def history_size(self) -> int:
        """H, entries of an encoded history."""

    def encode_histories(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Shape: (N, H), float32."""


@dataclass(frozen=True)
class DialogueTask:
    """All that decides a dialogue environment beside its seed.

    Attributes:
        profiles: Seekers; an episode draws one.
        seeker: Answers for all of them.
        encoder: Makes observations of histories.
        codec: Which plans can be made.
        responder: Writes the supporter's texts; ``None``: the seeker reacts to strategies alone.
        rules: Ends and rewards.
        reasoning_codec: What is reasoned about before every plan (chosen, and paid nothing); ``None``: nothing.
        lowest: Smallest entry that ``encoder`` gives.
        highest: Largest entry that ``encoder`` gives.
    """

    profiles: tuple[SeekerProfile, ...]
    seeker: Seeker
    encoder: HistoryEncoder
    codec: PlanCodec
    responder: Responder | None = None
    rules: DialogueRules = field(default_factory=DialogueRules)
    reasoning_codec: ReasoningCodec | None = None
    lowest: float = -1.0
    highest: float = 1.0

    def __post_init__(self) -> None:
        if not self.profiles:
            raise ValueError("profiles: got none, expected at least 1 seeker")
        if not self.lowest < self.highest:
            raise ValueError(f"bounds of the history: got {self.lowest} to {self.highest}, expected the lower first")
