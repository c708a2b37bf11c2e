"""The data behind the turn environments: every supporter turn of a split, encoded once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.dialogue import Dialogue, turn_view
from corpus.load import load_corpus
from encoding.embedding_cache import CachedEncoder
from encoding.observation import Observer
from encoding.plan_codec import STOP, PlanCodec
from encoding.text_encoder import SentenceEncoder


@dataclass(frozen=True)
class TurnTask:
    """Supporter turns as arrays; one row is one episode of an environment.

    Attributes:
        history: Encoded history before each turn, see :mod:`encoding.observation`. Shape: (N, H), float32, -1..1.
        golds: Gold plan of each turn, N tuples of strategy indices, uncut, none empty.
        codec: Which plans can be made.
    """

    history: np.ndarray
    golds: tuple[tuple[int, ...], ...]
    codec: PlanCodec

    def __post_init__(self) -> None:
        if len(self.history) != len(self.golds) or not self.golds:
            raise ValueError(
                f"{len(self.history)} histories for {len(self.golds)} plans, expected as many and at least 1"
            )
        for row, gold in enumerate(self.golds):
            # The empty gold plan would be matched by planning nothing, and returns would not telescope.
            if not gold or not set(gold) <= set(range(STOP)):
                raise ValueError(f"gold plan of row {row}: got {gold}, expected strategies from 0 to 7, at least 1")

    @classmethod
    def build(cls, dialogues: Sequence[Dialogue], *, observer: Observer) -> "TurnTask":
        """Encodes every supporter turn of the dialogues, in order."""
        turns = turn_view(list(dialogues))
        return cls(
            history=observer.encode_histories([turn.history for turn in turns]),
            golds=tuple(tuple(int(strategy) for strategy in turn.plan) for turn in turns),
            codec=observer.codec,
        )

    @classmethod
    def bundled(cls) -> "TurnTask":
        """The bundled sample's training split under the default text encoder: what ``gymnasium.make(id)`` uses."""
        observer = Observer(CachedEncoder(SentenceEncoder()))
        return cls.build(load_corpus(None).split("train"), observer=observer)
