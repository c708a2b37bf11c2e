"""Strategy taggers: which of the eight strategies a supporter's message follows, recognised from its text.

A tagger is a logistic regression on a frozen sentence embedding, on TF-IDF weights of words and word pairs, and on
length and punctuation. There are two. The *scoring* tagger measures whether generated texts show the planned strategy
(``metrics/response/adherence.py``); it sees the response alone. The *choosing* tagger may help a generator to choose
among samples; it also sees where in the conversation the response stands. They are fitted on different dialogues, so
that a text chosen by the second does not please the first by what both have learned by heart.

Features and penalty were chosen by cross-validation on ESConv's train; ``docs/evaluation.md`` has the figures.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from corpus.dialogue import Dialogue, Message, Role, SupporterMessage, message_view
from corpus.files import replace_whole, write_whole
from corpus.strategy import Strategy
from encoding.text_encoder import TextEncoder

_TOKEN = r"\w+|[?!.,]"  # marks are words: a question mark nearly decides
_LONG = 25  # words
_SURFACE, _PLACE = 6, 5 + 2 * len(Strategy)  # numbers of features
_ITERATIONS, _TOLERANCE = 500, 1e-3  # ESConv takes about 100
_NEVER = -20.0  # logit of a strategy never seen in training
_ARRAYS, _FACTS = "tagger.safetensors", "tagger.json"
_PARTS = ("idf", "weight", "bias")  # arrays of a tagger

History = Sequence[Message]


@dataclass(frozen=True)
class TaggerConfig:
    """How the strategy taggers are fitted."""

    scoring_share: float = 0.5
    """Share of the training dialogues that the scoring tagger is fitted on; the choosing one gets the rest (0 to 1)."""
    embedding_scale: float = 0.6
    """Length of the sentence embedding beside TF-IDF vectors of length 1: a larger one is penalised less (above 0)."""
    inverse_penalty: float = 1.0
    """Inverse strength of the L2 penalty (above 0)."""
    grams: int = 4000
    """Words and word pairs at most, the most frequent ones (1 or more)."""

    def __post_init__(self) -> None:
        if not 0 < self.scoring_share < 1:
            raise ValueError(f"scoring_share: got {self.scoring_share}, expected between 0 and 1")
        for name in ("embedding_scale", "inverse_penalty"):
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected a number above 0")
        if self.grams < 1:
            raise ValueError(f"grams: got {self.grams}, expected at least 1")


@dataclass(frozen=True, eq=False)
class StrategyTagger:
    """A fitted tagger.

    Attributes:
        text_encoder: Embeds the responses.
        with_history: Whether it sees the history.
        embedding_scale: As in :class:`TaggerConfig`.
        grams: Words and word pairs, V of them.
        idf: Their inverse document frequencies. Shape: (V,), float32.
        weight: Shape: (8, F), float32.
        bias: Shape: (8,), float32.
    """

    text_encoder: TextEncoder
    with_history: bool
    embedding_scale: float
    grams: tuple[str, ...]
    idf: np.ndarray
    weight: np.ndarray
    bias: np.ndarray

    def __post_init__(self) -> None:
        features = self.text_encoder.dimension + len(self.grams) + _SURFACE + (_PLACE if self.with_history else 0)
        shapes = {"idf": (len(self.grams),), "weight": (len(Strategy), features), "bias": (len(Strategy),)}
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape or not np.isfinite(array).all():
                raise ValueError(f"{name}: got shape {array.shape}, expected finite numbers of shape {shape}")

    @classmethod
    def fit(
        cls, items: Sequence[SupporterMessage], *, text_encoder: TextEncoder, with_history: bool, config: TaggerConfig
    ) -> "StrategyTagger":
        """Fits a tagger to supporter messages with their strategies.

        Raises:
            ValueError: All strategies are alike.
        """
        from sklearn.linear_model import LogisticRegression

        strategies = np.array([item.strategy for item in items], np.int64)
        if len(np.unique(strategies)) < 2:
            raise ValueError("tagger: all training messages have one strategy, expected at least two")
        texts = [item.message.text for item in items]
        vectorizer = _vectorizer(max_features=config.grams).fit(texts)
        grams = tuple(vectorizer.get_feature_names_out().tolist())
        width = text_encoder.dimension + len(grams) + _SURFACE + (_PLACE if with_history else 0)
        unfitted = cls(
            text_encoder=text_encoder,
            with_history=with_history,
            embedding_scale=config.embedding_scale,
            grams=grams,
            idf=vectorizer.idf_.astype(np.float32),
            weight=np.zeros((len(Strategy), width), np.float32),
            bias=np.full(len(Strategy), _NEVER, np.float32),
        )
        features = unfitted._features(texts, [item.history for item in items])
        classifier = LogisticRegression(C=config.inverse_penalty, tol=_TOLERANCE, max_iter=_ITERATIONS)
        classifier.fit(features, strategies)
        coefficients, intercepts = classifier.coef_, classifier.intercept_
        if len(coefficients) == 1:  # scikit-learn writes two classes as one logit, of the second against the first
            coefficients, intercepts = (np.concatenate([-one, one]) / 2 for one in (coefficients, intercepts))
        weight, bias = unfitted.weight.copy(), unfitted.bias.copy()
        weight[classifier.classes_], bias[classifier.classes_] = coefficients, intercepts
        return replace(unfitted, weight=weight, bias=bias)

    def probabilities(self, texts: Sequence[str], histories: Sequence[History] | None = None) -> np.ndarray:
        """Probability of every strategy for each text.

        Args:
            texts: Supporter messages.
            histories: All messages before each, those of the same turn included; only where it sees the history.

        Returns:
            Rows sum to 1. Shape: (N, 8), float64.

        Raises:
            ValueError: A tagger that sees the history is given none, or not one for each text.
        """
        if self.with_history and histories is None:
            raise ValueError("histories: missing, this tagger sees them")
        if histories is not None and len(histories) != len(texts):
            raise ValueError(f"histories: got {len(histories)}, expected one for each of {len(texts)} texts")
        if not texts:
            return np.zeros((0, len(Strategy)))
        logits = np.asarray(self._features(texts, histories or ()) @ self.weight.T + self.bias, np.float64)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def tag(self, texts: Sequence[str], histories: Sequence[History] | None = None) -> np.ndarray:
        """The most probable strategy of each text, 0..7. Shape: (N,), int64."""
        return self.probabilities(texts, histories).argmax(axis=1)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that its answers depend on, the encoder's fingerprint included."""
        digest = hashlib.sha256(f"{self.text_encoder.fingerprint}|{self.with_history}|{self.embedding_scale}".encode())
        digest.update("\n".join(self.grams).encode())
        for array in (self.idf, self.weight, self.bias):
            digest.update(np.ascontiguousarray(array, "<f4").tobytes())
        return digest.hexdigest()

    def _features(self, texts: Sequence[str], histories: Sequence[History]) -> Any:
        """Sparse matrix of embedding, word weights, length and punctuation, and the place. Shape: (N, F)."""
        from scipy.sparse import csr_matrix, hstack

        blocks = [
            csr_matrix(self.embedding_scale * self.text_encoder.encode(texts)),
            self._vectorizer.transform(texts),
            csr_matrix(np.array([_surface(text) for text in texts])),
        ]
        if self.with_history:
            blocks.append(csr_matrix(np.array([_place(history) for history in histories])))
        return hstack(blocks).tocsr()

    @cached_property
    def _vectorizer(self) -> Any:
        vectorizer = _vectorizer(vocabulary=self.grams)
        vectorizer.idf_ = np.asarray(self.idf, np.float64)
        return vectorizer


def _vectorizer(**options: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(token_pattern=_TOKEN, ngram_range=(1, 2), sublinear_tf=True, **options)


def _surface(text: str) -> list[float]:
    """Length and punctuation of a text."""
    words = len(text.split())
    questions = text.count("?")
    return [
        np.log1p(words) / 4, questions > 0, text.rstrip().endswith("?"), questions > 1, "!" in text, words > _LONG,
    ]  # fmt: skip


def _place(history: History) -> list[float]:
    """Where in a conversation a response stands: how far, after which strategies, within a turn or not."""
    strategies = [message.strategy for message in history if message.role is Role.SUPPORTER]
    used = np.zeros((2, len(Strategy)))  # share of each, and which was the last
    for strategy in strategies:
        if strategy is not None:  # a person's message in a live history may have none
            used[0, strategy] += 1 / len(strategies)
    if strategies and strategies[-1] is not None:
        used[1, strategies[-1]] = 1.0
    messages = len(history)
    within = bool(history) and history[-1].role is Role.SUPPORTER
    return [np.log1p(messages) / 4, messages < 2, messages < 6, messages > 20, within, *used.ravel()]


@dataclass(frozen=True, eq=False)
class StrategyTaggers:
    """Both taggers of a run folder.

    Attributes:
        scoring: Sees the response alone.
        choosing: Sees response and history, and was fitted on other dialogues.
    """

    scoring: StrategyTagger
    choosing: StrategyTagger

    @classmethod
    def fit(
        cls, train: Sequence[Dialogue], *, text_encoder: TextEncoder, config: TaggerConfig, rng: np.random.Generator
    ) -> "StrategyTaggers":
        """Fits both, each on its share of the dialogues.

        Args:
            rng: Deals the dialogues.

        Raises:
            ValueError: Too few dialogues for two taggers, or as :meth:`StrategyTagger.fit`.
        """
        chosen = rng.permutation(len(train))[: round(config.scoring_share * len(train))]
        of_scoring = set(chosen.tolist())
        if not 0 < len(of_scoring) < len(train):
            raise ValueError(f"tagger: {len(train)} training dialogues cannot be dealt to two taggers")
        parts: dict[bool, list[Dialogue]] = {True: [], False: []}
        for number, dialogue in enumerate(train):
            parts[number in of_scoring].append(dialogue)
        scoring, choosing = (
            StrategyTagger.fit(
                message_view(parts[not with_history]),
                text_encoder=text_encoder,
                with_history=with_history,
                config=config,
            )
            for with_history in (False, True)
        )
        return cls(scoring, choosing)

    def save(self, folder: Path) -> None:
        """Writes ``tagger.safetensors`` and ``tagger.json``."""
        arrays: dict[str, np.ndarray] = {}
        facts: dict[str, Any] = {"encoder": self.scoring.text_encoder.fingerprint}
        for name, tagger in (("scoring", self.scoring), ("choosing", self.choosing)):
            arrays |= {f"{name}.{part}": np.ascontiguousarray(getattr(tagger, part)) for part in _PARTS}
            facts[name] = {"embedding_scale": tagger.embedding_scale, "grams": tagger.grams}
        with replace_whole(folder / _ARRAYS) as path:
            save_file(arrays, path)
        write_whole(folder / _FACTS, json.dumps(facts, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, folder: Path, *, text_encoder: TextEncoder) -> "StrategyTaggers":
        """Reads a run folder; executes no code out of it.

        Raises:
            ValueError: No fitted taggers there, damaged files, or another encoder than they were fitted with.
        """
        try:
            facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
            arrays = load_file(folder / _ARRAYS)
            encoder = facts["encoder"]
            scoring, choosing = (
                StrategyTagger(
                    text_encoder=text_encoder,
                    with_history=name == "choosing",
                    embedding_scale=float(facts[name]["embedding_scale"]),
                    grams=tuple(facts[name]["grams"]),
                    **{part: arrays[f"{name}.{part}"] for part in _PARTS},
                )
                for name in ("scoring", "choosing")
            )
        except FileNotFoundError as error:
            raise ValueError(f"{folder}: no fitted taggers there; make them with train.py tagger") from error
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ValueError(f"{folder}: damaged taggers ({error})") from error
        if encoder != text_encoder.fingerprint:
            raise ValueError(
                f"{folder}: taggers of the encoder {encoder[:8]}, got {text_encoder.fingerprint[:8]}: train them again"
            )
        return cls(scoring, choosing)
