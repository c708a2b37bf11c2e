"""What metrics may ask for beside pairs of texts: histories, strategies, sentence vectors, tags, training texts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from corpus.dialogue import Message

if TYPE_CHECKING:
    from metrics.response.memorised import TrainingTexts

Strategies = Sequence[Sequence[int]]


@dataclass(frozen=True, eq=False)
class ResponseData:
    """N responses, each of one text or, of a turn, of its messages, and what is known about them.

    What is ``None`` is not known, and the metrics that require it (:attr:`metrics.metric.Metric.requires`, attributes
    separated by blanks) are left out.

    Attributes:
        texts: The written texts of each response.
        references: The corpus's text of each response, a turn's messages joined by a blank.
        dialogue: Number of each response's dialogue. Shape: (N,).
        histories: All messages before each response.
        strategies: The planned strategy of every text, 0..7.
        gold_texts: The corpus's texts of each response.
        gold_strategies: Their strategies.
        encoder: Texts -> vectors of length 1. Shape: (M, D).
        tagger: Texts -> the strategy of each, 0..7. Shape: (M,).
        training: What the generator was trained on.

    Raises:
        ValueError: Lengths that do not match; names the field.
    """

    texts: Sequence[Sequence[str]]
    references: Sequence[str]
    dialogue: np.ndarray
    histories: Sequence[Sequence[Message]] | None = None
    strategies: Strategies | None = None
    gold_texts: Sequence[Sequence[str]] | None = None
    gold_strategies: Strategies | None = None
    encoder: Callable[[Sequence[str]], np.ndarray] | None = None
    tagger: Callable[[Sequence[str]], np.ndarray] | None = None
    training: "TrainingTexts | None" = None

    def __post_init__(self) -> None:
        for name in ("references", "dialogue", "histories", "strategies", "gold_texts", "gold_strategies"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.texts):
                raise ValueError(f"{name}: got {len(values)}, expected one for each of {len(self.texts)} responses")
        for name, other in (("strategies", "texts"), ("gold_strategies", "gold_texts")):
            values, texts = getattr(self, name), getattr(self, other)
            if values is not None and texts is not None and [*map(len, values)] != [*map(len, texts)]:
                raise ValueError(f"{name}: expected one for each of a response's {other}")

    @property
    def known(self) -> set[str]:
        """Names of what is given."""
        return {field.name for field in fields(self) if getattr(self, field.name) is not None}

    @property
    def generations(self) -> list[str]:
        """The generated response as one text, a turn's messages joined by a blank."""
        return [" ".join(texts) for texts in self.texts]
