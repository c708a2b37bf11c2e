"""Models and training texts that metrics of texts need: what is not given is left out, and a line says so."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from encoding.embedding_cache import memory_only
from encoding.tagger import StrategyTagger
from encoding.text_encoder import TextEncoder
from metrics.metric import metrics_of
from metrics.response.memorised import TrainingTexts
from metrics.response.response_data import ResponseData
from metrics.text.embedding_scores import WordVectors
from metrics.text.scores import embedding_scores, response_scores

# What metrics require -> why it is missing, in the order in which it is said.
_MISSING = {
    "vectors": "no --vectors: a file of word vectors in GloVe's text format",
    "bertscore": "no --bertscore: a model",
    "encoder": "no sentence encoder",
    "tagger": "no --tagger RUN: train.py tagger makes one",
    "training": "no --train-data: the corpus that the generator was trained on",
    "histories": "not every line has a history",
    "strategies": "not every text has a planned strategy",
    "gold_texts": "not every response is one message with its gold strategy",
    "gold_strategies": "not every response is one message with its gold strategy",
}


class ResponseScorer(Protocol):
    """A learned metric (``metrics.text.bertscore.BertScore`` is one)."""

    name: str

    def __call__(self, hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
        """Score of every response, percent. Shape: (N,)."""
        ...


@dataclass(frozen=True, eq=False)
class MetricModels:
    """What metrics need beside the responses; ``None``: the metrics that need it are left out.

    Attributes:
        vectors: Word vectors for Extrema, Average and Greedy.
        bertscore: BERTScore's model.
        encoder: Sentence encoder for similarity and retrieval rank.
        encoder_name: What the signature calls it.
        tagger: The scoring tagger, for adherence.
        training: What the generator was trained on, for memorisation.
    """

    vectors: WordVectors | None = None
    bertscore: ResponseScorer | None = None
    encoder: TextEncoder | None = None
    encoder_name: str = "encoder"
    tagger: StrategyTagger | None = None
    training: TrainingTexts | None = None

    @property
    def signature(self) -> dict[str, str]:
        """Fields of the signature that name them, beside those of word vectors and BERTScore."""
        fields = {}
        if self.encoder is not None:
            fields["encoder"] = f"{self.encoder_name}-{self.encoder.fingerprint[:8]}"
        if self.tagger is not None:
            fields["tagger"] = self.tagger.digest[:16]
        if self.training is not None:
            fields["training"] = self.training.name
        return fields

    def completed(self, data: ResponseData) -> ResponseData:
        """The responses with these models."""
        return replace(
            data,
            encoder=None if self.encoder is None else self.encoder.encode,
            tagger=None if self.tagger is None else self.tagger.tag,
            training=self.training,
        )

    def scores(self, data: ResponseData) -> dict[str, np.ndarray]:
        """What every metric sums up of each response, for all metrics that are given what they need.

        Vectors of the corpus's texts are kept in the encoder's cache; those of generated texts are not.

        Returns:
            Shapes: (N,) or (N, k).
        """
        written, references = data.generations, data.references
        scores = {} if self.vectors is None else embedding_scores(written, references, vectors=self.vectors)
        if self.bertscore is not None:
            scores["bertscore"] = self.bertscore(written, references)
        if self.encoder is not None:
            self.encoder.encode([*references, *(one.text for history in data.histories or () for one in history)])
        with memory_only():
            return scores | response_scores(self.completed(data))

    def skipped(self, known: Collection[str]) -> str:
        """One line for each reason why metrics are left out, each ended by a line break; empty where none is.

        Args:
            known: What is known of the responses (:attr:`metrics.response.response_data.ResponseData.known`).
        """
        given = {*known} | {name for name in ("vectors", "bertscore") if getattr(self, name) is not None}
        left_out: dict[str, list[str]] = {}
        for metric in metrics_of("text"):
            for name, reason in _MISSING.items():
                if name in metric.requires.split() and name not in given:
                    left_out.setdefault(reason, []).append(metric.label)
                    break
        return "".join(
            f"skipped: {', '.join(left_out[reason])} ({reason})\n"
            for reason in dict.fromkeys(_MISSING.values())
            if reason in left_out
        )
