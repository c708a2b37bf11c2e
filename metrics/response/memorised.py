"""Memorisation: how much of the written texts stands word for word in the training texts.

The share of 8-grams that occur in a training message, and the share of messages of at least five words that are a
training message as a whole; beside both the same of the corpus's own texts, since people repeat each other too. Words
are compared in lower case and without punctuation, so that neither hides a copy. N-gram novelty against the training
text: McCoy et al., TACL 2023, "How much do language models copy from their training data?".
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from metrics.metric import Metric
from metrics.response.repetition import grams, share
from metrics.response.response_data import ResponseData
from metrics.text.tokens import Tokens

ORDER = 8
SHORTEST_MESSAGE = 5  # words; a shorter one ("That is great to hear!") is nobody's own
_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


def words(text: str) -> Tokens:
    """Lower-cased words of a text, without punctuation."""
    return tuple(_WORD.findall(text.lower().replace("\u2019", "'")))


@dataclass(frozen=True, eq=False)
class TrainingTexts:
    """The messages that a generator was trained on.

    Attributes:
        name: Their number and a digest of their words: what the signature shows.
        eight_grams: All 8-grams inside single messages.
        messages: All messages, as words.
    """

    name: str
    eight_grams: frozenset[Tokens]
    messages: frozenset[Tokens]

    @classmethod
    def of(cls, texts: Sequence[str]) -> "TrainingTexts":
        """Of every message, the seekers' too: a generator reads both.

        Raises:
            ValueError: No texts.
        """
        if not texts:
            raise ValueError("training texts: got none")
        spoken = [words(text) for text in texts]
        digest = hashlib.sha256("\n".join(" ".join(one) for one in spoken).encode()).hexdigest()
        found = frozenset(gram for one in spoken for gram in grams(one, ORDER))
        return cls(f"{len(texts)}-{digest[:8]}", found, frozenset(spoken))

    def count(self, texts: Sequence[str]) -> tuple[int, int, int, int]:
        """8-grams found among the training texts, 8-grams, messages found, messages of at least five words."""
        spoken = [words(text) for text in texts]
        own = [gram for one in spoken for gram in grams(one, ORDER)]
        whole = [one for one in spoken if len(one) >= SHORTEST_MESSAGE]
        return (
            sum(gram in self.eight_grams for gram in own),
            len(own),
            sum(one in self.messages for one in whole),
            len(whole),
        )


def _counts(*, gold: bool, part: slice) -> Callable[[ResponseData], np.ndarray]:
    def counts(data: ResponseData) -> np.ndarray:
        texts = data.gold_texts if gold else data.texts
        if data.training is None or texts is None:
            raise ValueError("memorisation needs texts and the training texts")
        return np.array([data.training.count(one)[part] for one in texts], np.float64)

    return counts


METRICS = tuple(
    Metric(
        f"memorised_{kind}{'_gold' if gold else ''}",
        f"{label}{' gold' if gold else ''}",
        f"{'of the corpus: ' if gold else ''}{meaning}, %",
        better="" if gold else "lower",
        protocols=("text",),
        requires=f"training{' gold_texts' if gold else ''}",
        responses=_counts(gold=gold, part=part),
        formula=share,
    )
    for kind, label, meaning, part in (
        ("8grams", "Mem-8", "8-grams that stand in a training message", slice(0, 2)),
        ("messages", "Mem msg", "messages of five words or more that are a training message", slice(2, 4)),
    )
    for gold in (False, True)
)
