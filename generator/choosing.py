"""Chooses among several samples of a message: the one that shows its strategy, fits the history, and does not repeat.

The score of a sample is a weighted sum of

- the log-probability that the *choosing* tagger gives the strategy (:mod:`encoding.tagger`); the tagger that measures
  adherence is another, fitted on other dialogues,
- the pointwise mutual information of text and history per token, ``(log P(text | history) - log P(text)) / tokens``
  under the generator itself (the criterion of Li et al., NAACL 2016, "A Diversity-Promoting Objective Function", with
  equation 9's weight of 1): it is high for a text that only this history makes likely,
- the share of repetition: duplicate pairs of neighbouring words, and 4-grams that the supporter said before.

The cost of N samples is N times that of writing one and two readings of each text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from corpus.dialogue import Message, Role
from encoding.embedding_cache import EmbeddingCache, cache_folder, memory_only
from encoding.sentence_encoder import SentenceEncoder
from encoding.tagger import StrategyTagger, StrategyTaggers
from generator.inputs import Response
from language_models.settings import check_number
from metrics.response.repetition import ACROSS, INSIDE, grams
from metrics.text.tokens import tokenize

_LEAST = 1e-4  # probability of a strategy below which samples do not differ


@dataclass(frozen=True)
class ChoiceWeights:
    """What counts how much. The weights were set by hand and are not yet measured."""

    strategy: float = 1.0
    """Of the log-probability of the strategy, nats."""
    relevance: float = 1.0
    """Of the mutual information with the history, nats per token."""
    repetition: float = 2.0
    """Of the shares of repetition, which are subtracted."""

    def __post_init__(self) -> None:
        for name in ("strategy", "relevance", "repetition"):
            check_number(name, getattr(self, name), least=0)


@dataclass(frozen=True, eq=False)
class SampleChooser:
    """Takes the best of several samples.

    Attributes:
        tagger: The choosing tagger.
        candidates: Samples of every message, N.
    """

    tagger: StrategyTagger
    candidates: int
    weights: ChoiceWeights = field(default_factory=ChoiceWeights)

    def __post_init__(self) -> None:
        check_number("candidates", self.candidates, least=2)

    def __str__(self) -> str:
        """Short form for signatures: the tagger and the weights."""
        weights = self.weights
        return f"{self.tagger.digest[:8]}-s{weights.strategy:g}-i{weights.relevance:g}-r{weights.repetition:g}"

    @classmethod
    def load(cls, run: Path, *, candidates: int) -> "SampleChooser":
        """With the choosing tagger of a run folder of ``train.py tagger``.

        Raises:
            ValueError: Fewer than 2 candidates, or no taggers there that fit the default encoder.
        """
        text_encoder = EmbeddingCache(SentenceEncoder(), folder=cache_folder())
        return cls(StrategyTaggers.load(run, text_encoder=text_encoder).choosing, candidates)

    def best(
        self,
        histories: Sequence[Sequence[Message]],
        samples: Sequence[Sequence[Response]],
        information: np.ndarray,
    ) -> np.ndarray:
        """Chooses one sample for each of R histories; of equal ones the first.

        Args:
            histories: Messages before each.
            samples: (strategy, text) pairs of each sample: those of the first history, then of the second, and so on.
                Length: R N.
            information: Mutual information with the history, nats per token. Shape: (R N,).

        Returns:
            Numbers of the chosen samples within ``samples``. Shape: (R,), int64.
        """
        count = self.candidates
        owners = np.repeat(np.arange(len(histories)), count)
        scores = self.weights.relevance * np.asarray(information, np.float64)
        scores = scores + self.weights.strategy * self._strategy_scores(histories, samples, owners)
        repetition = [
            _repetition(histories[owner], [text for _, text in one])
            for owner, one in zip(owners.tolist(), samples, strict=True)
        ]
        scores -= self.weights.repetition * np.array(repetition)
        return scores.reshape(-1, count).argmax(axis=1) + count * np.arange(len(histories))

    def _strategy_scores(
        self, histories: Sequence[Sequence[Message]], samples: Sequence[Sequence[Response]], owners: np.ndarray
    ) -> np.ndarray:
        """Mean log-probability of each sample's strategies; 0 of a sample without. Shape: (R N,)."""
        rows, texts, before, strategies = [], [], [], []
        for row, one in enumerate(samples):
            earlier = list(histories[owners[row]])
            for strategy, text in one:
                if strategy is not None:
                    rows.append(row)
                    texts.append(text)
                    before.append(list(earlier))
                    strategies.append(int(strategy))
                earlier.append(Message(Role.SUPPORTER, text, strategy))
        if not texts:
            return np.zeros(len(samples))
        with memory_only():  # what was generated is no data
            probabilities = self.tagger.probabilities(texts, before if self.tagger.with_history else None)
        logs = np.log(np.maximum(probabilities[np.arange(len(texts)), strategies], _LEAST))
        sums, counts = (np.bincount(rows, weights=one, minlength=len(samples)) for one in (logs, np.ones(len(logs))))
        return sums / np.maximum(counts, 1)


def _repetition(history: Sequence[Message], texts: Sequence[str]) -> float:
    """Share of duplicate pairs of words inside texts, plus share of their 4-grams that were said before; 0..2."""
    said = {
        gram for message in history if message.role is Role.SUPPORTER for gram in grams(tokenize(message.text), ACROSS)
    }
    tokens = [tokenize(text) for text in texts]
    pairs = [gram for one in tokens for gram in grams(one, INSIDE)]
    written = [gram for one in tokens for gram in grams(one, ACROSS)]
    inside = (len(pairs) - len(set(pairs))) / max(len(pairs), 1)
    return inside + sum(gram in said for gram in written) / max(len(written), 1)
