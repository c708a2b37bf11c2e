"""Messages as TF-IDF vectors, alone or beside a sentence embedding: words where the embedding has the meaning."""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from corpus.dialogue import Dialogue
from corpus.files import write_whole
from encoding.text_encoder import Arithmetic, TextEncoder

# Words of one letter ("I") and the marks that tell a question or an outcry are features: strategies depend on them.
_TOKEN = r"\w+|[?!]"
_WORD = re.compile(_TOKEN)


class TfidfEncoder:
    """Weighs the most frequent words of the training messages: (1 + ln tf) * idf, rows scaled to length 1.

    A :class:`encoding.text_encoder.TextEncoder`. A text without any known word gets zeros.

    Args:
        train: Training dialogues: their messages, seeker's and supporter's, give vocabulary and idf.
        words: Vocabulary size at most.

    Raises:
        ValueError: The messages hold no word.
    """

    def __init__(self, train: Sequence[Dialogue], *, words: int) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer  # only fitting needs it

        texts = [message.text for dialogue in train for message in dialogue.messages]
        fitted = TfidfVectorizer(token_pattern=_TOKEN, max_features=words, dtype=np.float32).fit(texts)
        self._take(fitted.get_feature_names_out().tolist(), fitted.idf_)

    def _take(self, words: Sequence[str], weights: Sequence[float] | np.ndarray) -> None:
        self._words = tuple(words)
        self._weights = np.array(weights, np.float32)  # (D,) inverse document frequencies
        self._column = {word: column for column, word in enumerate(self._words)}

    def save(self, path: Path) -> None:
        """Writes vocabulary and weights as JSON: a list of [word, idf]."""
        pairs = zip(self._words, self._weights.tolist(), strict=True)
        write_whole(path, json.dumps([list(pair) for pair in pairs], ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> "TfidfEncoder":
        """Reads what :meth:`save` wrote."""
        text_encoder = cls.__new__(cls)
        text_encoder._take(*zip(*json.loads(path.read_text(encoding="utf-8")), strict=True))
        return text_encoder

    @property
    def precision(self) -> Arithmetic:
        """Always float32."""
        return "fp32"

    @property
    def dimension(self) -> int:
        """Number of words in the vocabulary, D."""
        return len(self._words)

    @property
    def fingerprint(self) -> str:
        """Digest of vocabulary and weights."""
        digest = hashlib.sha256("\n".join(self._words).encode())
        digest.update(self._weights.tobytes())
        return digest.hexdigest()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Shape: (N, D), float32, rows of length 1 or 0."""
        encoded = np.zeros((len(texts), self.dimension), np.float32)
        self.write(texts, encoded)
        return encoded

    def write(self, texts: Sequence[str], encoded: np.ndarray) -> None:
        """Writes what :meth:`encode` would give into zeros of that shape, part of a wider array perhaps.

        Equal to scikit-learn's ``TfidfVectorizer.transform`` up to rounding, without its fixed cost, which is most of
        the time where one new message is embedded.
        """
        columns, sizes = [], []
        for text in texts:
            known = [self._column[word] for word in _WORD.findall(text.lower()) if word in self._column]
            columns += known
            sizes.append(len(known))
        rows = np.repeat(np.arange(len(sizes)), sizes)
        cells, counts = np.unique(rows * self.dimension + np.array(columns, np.int64), return_counts=True)
        row, column = np.divmod(cells, self.dimension)
        weights = (1 + np.log(counts)) * self._weights[column]
        length = np.sqrt(np.bincount(row, weights**2, minlength=len(sizes)))
        encoded[row, column] = weights / length[row]


class JoinedEncoder:
    """A :class:`encoding.text_encoder.TextEncoder` that writes the vectors of two others side by side.

    Args:
        meaning: Sentence embeddings of length D.
        words: TF-IDF vectors of length V.
    """

    def __init__(self, meaning: TextEncoder, words: TfidfEncoder) -> None:
        self.meaning = meaning
        self.words = words

    @property
    def dimension(self) -> int:
        """D + V."""
        return self.meaning.dimension + self.words.dimension

    @property
    def fingerprint(self) -> str:
        """Digest of both."""
        return hashlib.sha256(f"{self.meaning.fingerprint}+{self.words.fingerprint}".encode()).hexdigest()

    @property
    def precision(self) -> Arithmetic:
        """That of the sentence embeddings."""
        return self.meaning.precision

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Shape: (N, D + V), float32."""
        meaning = self.meaning.encode(texts)
        joined = np.zeros((len(meaning), meaning.shape[1] + self.words.dimension), np.float32)
        joined[:, : meaning.shape[1]] = meaning
        self.words.write(texts, joined[:, meaning.shape[1] :])
        return joined
