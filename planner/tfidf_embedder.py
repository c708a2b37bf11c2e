"""Messages as TF-IDF vectors in the place of a sentence encoder: the same observation, words instead of meaning."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from corpus.dialogue import Dialogue
from corpus.whole_file import write_whole

# Words of one letter ("I") and the marks that tell a question or an outcry are features: strategies depend on them.
_TOKEN = r"(?u)\b\w+\b|[?!]"


class TfidfEmbedder:
    """Weighs the most frequent words of the training messages: (1 + ln tf) * idf, rows scaled to length 1.

    An :class:`encoding.observation.Embedder`. A text without any known word gets zeros.

    Args:
        train: Training dialogues: their messages, seeker's and supporter's, give vocabulary and idf.
        words: Vocabulary size at most.

    Raises:
        ValueError: The messages hold no word.
    """

    def __init__(self, train: Sequence[Dialogue], *, words: int) -> None:
        texts = [message.text for dialogue in train for message in dialogue.messages]
        self._vectorizer = TfidfVectorizer(
            token_pattern=_TOKEN, max_features=words, sublinear_tf=True, dtype=np.float32
        ).fit(texts)

    def save(self, path: Path) -> None:
        """Writes vocabulary and weights as JSON: a list of [word, idf]."""
        pairs = zip(self._vectorizer.get_feature_names_out(), self._vectorizer.idf_, strict=True)
        write_whole(path, json.dumps([[word, float(idf)] for word, idf in pairs], ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> "TfidfEmbedder":
        """Reads what :meth:`save` wrote."""
        words, weights = zip(*json.loads(path.read_text(encoding="utf-8")), strict=True)
        embedder = cls.__new__(cls)
        embedder._vectorizer = TfidfVectorizer(
            token_pattern=_TOKEN, vocabulary=words, sublinear_tf=True, dtype=np.float32
        )
        embedder._vectorizer.idf_ = np.array(weights, np.float32)
        return embedder

    @property
    def dimension(self) -> int:
        """Number of words in the vocabulary, D."""
        return len(self._vectorizer.vocabulary_)

    @property
    def fingerprint(self) -> str:
        """Digest of vocabulary and weights."""
        digest = hashlib.sha256("\n".join(self._vectorizer.get_feature_names_out()).encode())
        digest.update(self._vectorizer.idf_.tobytes())
        return digest.hexdigest()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Shape: (N, D), float32, rows of length 1 or 0."""
        if not texts:
            return np.zeros((0, self.dimension), np.float32)
        return self._vectorizer.transform(texts).toarray()
