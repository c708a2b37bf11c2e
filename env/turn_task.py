"""The data behind the turn environments: every supporter turn of a split, encoded once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.dialogue import Dialogue, turn_view
from corpus.load import load_corpus
from encoding.embedding_cache import EmbeddingCache, cache_folder
from encoding.observation import Observer
from encoding.plan_codec import STOP, PlanCodec
from encoding.reasoning_codec import REASONING_SLOTS, UNKNOWN, ReasoningCodec
from encoding.sentence_encoder import SentenceEncoder


@dataclass(frozen=True)
class TurnTask:
    """Supporter turns as arrays; one row is one episode of an environment.

    Attributes:
        history: What is known before each turn: the encoded history (:mod:`encoding.observation`, then -1..1), or what
            a planner made of it. Shape: (N, H), float32.
        golds: Gold plan of each turn, N tuples of strategy indices, uncut, none empty.
        codec: Which plans can be made.
        reasoning: Reasoning labels of each turn, -1 = unknown. Shape: (N, 5), int. ``None``: nothing is reasoned about.
        reasoning_codec: What the labels mean; ``None`` exactly where ``reasoning`` is.
    """

    history: np.ndarray
    golds: tuple[tuple[int, ...], ...]
    codec: PlanCodec
    reasoning: np.ndarray | None = None
    reasoning_codec: ReasoningCodec | None = None

    def __post_init__(self) -> None:
        if len(self.history) != len(self.golds) or not self.golds:
            raise ValueError(
                f"{len(self.history)} histories for {len(self.golds)} plans, expected as many and at least 1"
            )
        for row, gold in enumerate(self.golds):
            # The empty gold plan would be matched by planning nothing, and returns would not telescope.
            if not gold or not set(gold) <= set(range(STOP)):
                raise ValueError(f"gold plan of row {row}: got {gold}, expected strategies from 0 to 7, at least 1")
        self._check_reasoning()

    def _check_reasoning(self) -> None:
        if (self.reasoning is None) != (self.reasoning_codec is None):
            raise ValueError("reasoning and reasoning_codec: got one of them, expected both or neither")
        if self.reasoning is None or self.reasoning_codec is None:
            return
        shape = (len(self.golds), len(REASONING_SLOTS))
        if self.reasoning.shape != shape or not np.issubdtype(self.reasoning.dtype, np.integer):
            raise ValueError(
                f"reasoning: got {self.reasoning.dtype} of shape {self.reasoning.shape}, expected integers of {shape}"
            )
        wrong = (self.reasoning < UNKNOWN) | (self.reasoning >= self.reasoning_codec.sizes)
        if wrong.any():
            row, slot = np.argwhere(wrong)[0]
            raise ValueError(
                f"reasoning of row {row}, {REASONING_SLOTS[slot]}: got {self.reasoning[row, slot]}, "
                f"expected {UNKNOWN} to {self.reasoning_codec.sizes[slot] - 1}"
            )

    @classmethod
    def build(
        cls, dialogues: Sequence[Dialogue], *, observer: Observer, reasoning_codec: ReasoningCodec | None = None
    ) -> "TurnTask":
        """Encodes every supporter turn of the dialogues, in order; with a codec their reasoning labels too."""
        turns = turn_view(list(dialogues))
        return cls(
            history=observer.encode_histories([turn.history for turn in turns]),
            golds=tuple(tuple(int(strategy) for strategy in turn.plan) for turn in turns),
            codec=observer.codec,
            reasoning=None if reasoning_codec is None else reasoning_codec.labels(turns),
            reasoning_codec=reasoning_codec,
        )

    @classmethod
    def bundled(cls) -> "TurnTask":
        """The bundled sample's training split under the default text encoder: what ``gymnasium.make(id)`` uses."""
        observer = Observer(EmbeddingCache(SentenceEncoder(), folder=cache_folder()))
        return cls.build(load_corpus(None).split("train"), observer=observer)
