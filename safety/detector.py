"""The learned detectors: small networks on a sentence vector, on words and letters, and on what the rules found.

A text is described by three blocks: its vector of a frozen sentence encoder (which the planner computes anyway), 1- to
3-grams of words and 2- to 4-grams of letters of its plain form (TF-IDF, reduced by truncated singular value
decomposition; letters see misspellings that words miss), and which topic of the rules matched. An ensemble of networks
with one hidden layer gives the probability of danger and of each kind. ``training.py`` makes them; a message takes well
under a millisecond here, beyond its vector.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors.numpy import load_file, save_file

from corpus.files import replace_whole, write_whole
from encoding.text_encoder import TextEncoder
from safety.lines import Side
from safety.replies import ReplyKind, ReplyScreening
from safety.rules import ANSWER, CrisisKind, RuleMatch, plain_form
from safety.screening import CALM, Level, Screening

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

SCALE = 8.0  # of vectors of length 1, so that every entry is about as large as those of the rules
# N-grams of plain forms: 1 to 3 words and marks; 2 to 4 letters inside words.
WORDS: dict[str, Any] = {"ngram_range": (1, 3), "min_df": 3, "token_pattern": r"\S+"}
LETTERS: dict[str, Any] = {"analyzer": "char_wb", "ngram_range": (2, 4), "min_df": 5}
_SETTINGS, _WEIGHTS = "detector.json", "detector.safetensors"


@dataclass(frozen=True)
class DetectorSettings:
    """What a detector is, apart from its weights.

    Attributes:
        side: Whose texts it reads.
        encoder: Name of the sentence encoder.
        fingerprint: Of that encoder.
        kinds: Kinds of danger, in the order of the outputs.
        topics: Names that a match of the rules may have, in the order of the features.
        urgent: Probability of danger, 0..1, from which a message is urgent; of a supporter's text: unused.
        worried: The same for worried; of a supporter's text: from which it must not be said.
        ruled: The same for urgent where a rule matched.
        words: N-grams of words that it knows, in order.
        letters: The same of letters.
    """

    side: Side
    encoder: str
    fingerprint: str
    kinds: tuple[str, ...]
    topics: tuple[str, ...]
    urgent: float
    worried: float
    ruled: float
    words: tuple[str, ...] = field(repr=False)
    letters: tuple[str, ...] = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("urgent", "worried", "ruled"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected a probability between 0 and 1")


def _packed(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights as they are stored; ``X_scale`` holds what a column of the 8-bit ``X`` is multiplied by."""
    stored = {}
    for name, weight in weights.items():
        if name.endswith("_axes"):
            scale = np.abs(weight).max(axis=0) / 127 + 1e-12
            stored[name] = np.ascontiguousarray(np.round(weight / scale).astype(np.int8))
            stored[f"{name}_scale"] = scale.astype(np.float32)
        else:
            stored[name] = np.ascontiguousarray(weight.astype(np.float16))
    return stored


def _unpacked(stored: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inverse of :func:`_packed`."""
    scales = {name: stored[f"{name}_scale"] for name in stored if f"{name}_scale" in stored}
    return {
        name: weight.astype(np.float32) * scales.get(name, np.float32(1))
        for name, weight in stored.items()
        if not name.endswith("_scale")
    }


class Detector:
    """A trained detector on an encoder.

    Args:
        weights: ``word_idf`` (words), ``letter_idf`` (letters), ``word_axes`` (words, A), ``letter_axes`` (letters, B),
            and of network 0, 1, ...: ``hidden_N`` (features + 1, H) and ``output_N`` (H + 1, 1 + kinds), the last row
            of each being the bias.
        encoder: Embeds texts; the one that the detector was trained with.

    Raises:
        ValueError: Another encoder.
    """

    def __init__(self, settings: DetectorSettings, weights: dict[str, np.ndarray], encoder: TextEncoder) -> None:
        if encoder.fingerprint != settings.fingerprint:
            raise ValueError(f"detector: trained with {settings.encoder}, got another encoder")
        self.settings = settings
        self.encoder = encoder
        self.weights = {name: weight.astype(np.float32) for name, weight in weights.items()}
        self._networks = sum(name.startswith("hidden_") for name in weights)
        self._vectorizers = [
            _vectorizer(WORDS, settings.words, self.weights["word_idf"]),
            _vectorizer(LETTERS, settings.letters, self.weights["letter_idf"]),
        ]

    @classmethod
    def load(cls, folder: Path, encoder: TextEncoder) -> "Detector":
        """Loads what :meth:`save` wrote.

        Raises:
            ValueError: A file is missing or damaged, or the encoder is another; one line that names the folder.
        """
        try:
            data = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
            given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
            settings = DetectorSettings(**given)
            return cls(settings, _unpacked(load_file(folder / _WEIGHTS)), encoder)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{folder}: no detector that can be used ({error})") from error

    def save(self, folder: Path) -> None:
        """Writes settings and weights: the axes of n-grams in 8 bits a number, all else in 16."""
        folder.mkdir(parents=True, exist_ok=True)
        with replace_whole(folder / _WEIGHTS) as temporary:
            save_file(_packed(self.weights), temporary)
        write_whole(folder / _SETTINGS, json.dumps(asdict(self.settings), ensure_ascii=False, indent=1) + "\n")

    def detect(self, texts: Sequence[str], matches: Sequence[RuleMatch | None]) -> list[Screening]:
        """What N messages of people show."""
        danger, kinds = self.probabilities(texts, [None if match is None else match.topic for match in matches])
        return [
            self._screening(float(one), kind, match) for one, kind, match in zip(danger, kinds, matches, strict=True)
        ]

    def detect_replies(self, texts: Sequence[str]) -> list[ReplyScreening]:
        """What N texts of a supporter say that must not be said."""
        danger, kinds = self.probabilities(texts, [None] * len(texts))
        return [
            ReplyScreening(ReplyKind(self.settings.kinds[kind.argmax()]), f"{one:.2f}")
            if one >= self.settings.worried
            else ReplyScreening()
            for one, kind in zip(danger, kinds, strict=True)
        ]

    def probabilities(self, texts: Sequence[str], topics: Sequence[str | None]) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities of danger (N,) and of each kind, should there be danger (N, kinds); 0..1."""
        if not texts:
            return np.zeros(0), np.zeros((0, len(self.settings.kinds)))
        plain = [plain_form(text) for text in texts]
        axes = (self.weights["word_axes"], self.weights["letter_axes"])
        lexical = np.hstack([one.transform(plain) @ axis for one, axis in zip(self._vectorizers, axes, strict=True)])
        features = joined_features(self.encoder.encode(texts), lexical, topics, self.settings.topics)
        outputs = np.mean([self._network(features, number) for number in range(self._networks)], axis=0)
        kinds = np.exp(outputs[:, 1:] - outputs[:, 1:].max(axis=1, keepdims=True))
        return 1 / (1 + np.exp(-outputs[:, 0])), kinds / kinds.sum(axis=1, keepdims=True)

    def _network(self, features: np.ndarray, number: int) -> np.ndarray:
        """Outputs of one network. Shape: (N, 1 + kinds)."""
        hidden, output = self.weights[f"hidden_{number}"], self.weights[f"output_{number}"]
        return np.maximum(features @ hidden[:-1] + hidden[-1], 0) @ output[:-1] + output[-1]

    def _screening(self, danger: float, kinds: np.ndarray, match: RuleMatch | None) -> Screening:
        settings = self.settings
        kind = CrisisKind(settings.kinds[kinds.argmax()])
        if match is not None and (match.topic == ANSWER or danger >= settings.ruled):
            named = match.kind if kind is not CrisisKind.SOMEBODY_ELSE else kind
            return Screening(Level.URGENT, named, match.matched)
        if danger >= settings.urgent:
            return Screening(Level.URGENT, kind, f"{danger:.2f}")
        if danger >= settings.worried:
            return Screening(Level.WORRIED, kind, f"{danger:.2f}")
        return CALM


def joined_features(
    vectors: np.ndarray, lexical: np.ndarray, topics: Sequence[str | None], known: Sequence[str]
) -> np.ndarray:
    """All blocks side by side: vector, words and letters, topic of the rules (one-hot, and whether any)."""
    ruled = np.zeros((len(topics), len(known) + 1), np.float32)
    for row, topic in enumerate(topics):
        if topic is not None:
            ruled[row, -1] = 1
            if topic in known:
                ruled[row, known.index(topic)] = 1
    return np.hstack([vectors * SCALE, lexical * SCALE, ruled]).astype(np.float32)


def _vectorizer(ngrams: dict[str, Any], terms: Sequence[str], idf: np.ndarray) -> "TfidfVectorizer":
    """What counts and weighs known n-grams."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    known = {term: number for number, term in enumerate(terms)}
    vectorizer = TfidfVectorizer(**{**ngrams, "min_df": 1}, vocabulary=known, sublinear_tf=True, dtype=np.float32)
    vectorizer.idf_ = idf
    return vectorizer
