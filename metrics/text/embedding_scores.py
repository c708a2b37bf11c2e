"""Average, Extrema and Greedy: likeness of two responses by the vectors of their words (Liu et al., EMNLP 2016).

As nlg-eval computes them. Each function takes the word vectors of the response (T, size) and of the reference
(U, size) and returns a cosine, -1..1; 0 where either has no word or only null vectors. The vectors come from a text
file in GloVe's format; they carry its name and digest, so that a signature says what made a score.
"""

import hashlib
import logging
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metrics.metric import Metric, mean
from metrics.text.tokens import Tokens


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., size) scaled to length 1; null vectors stay null, so that their cosine is 0."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1.0)


def _extrema(vectors: np.ndarray) -> np.ndarray:
    """Of every dimension the value farthest from 0, with its sign; of two equally far the negative one: (size,)."""
    highest, lowest = vectors.max(axis=0), vectors.min(axis=0)
    return np.where(highest > -lowest, highest, lowest)


def average_score(response: np.ndarray, reference: np.ndarray) -> float:
    """Cosine of the two sums of word vectors (Mitchell and Lapata 2008)."""
    if len(response) == 0 or len(reference) == 0:
        return 0.0
    return float(_unit(response.sum(axis=0)) @ _unit(reference.sum(axis=0)))


def extrema_score(response: np.ndarray, reference: np.ndarray) -> float:
    """Cosine of the two vectors of extreme values (Forgues et al. 2014)."""
    if len(response) == 0 or len(reference) == 0:
        return 0.0
    return float(_unit(_extrema(response)) @ _unit(_extrema(reference)))


def greedy_score(response: np.ndarray, reference: np.ndarray) -> float:
    """Mean cosine of each word to its closest on the other side, both directions averaged (Rus and Lintean 2012)."""
    if len(response) == 0 or len(reference) == 0:
        return 0.0
    cosines = _unit(response) @ _unit(reference).T  # (T, U)
    return float(cosines.max(axis=0).mean() + cosines.max(axis=1).mean()) / 2.0


logger = logging.getLogger(__name__)
_SMALLEST = 2  # A first line of two fields is the header of word2vec's format: it must not pass for a vector of size 1.


@dataclass(frozen=True, eq=False)
class WordVectors:
    """Vectors of V words.

    Attributes:
        name: File name, then the first 12 hex digits of the SHA-256 of the file: what the signature shows.
        rows: Row of every known word in ``matrix``.
        matrix: (V + 1, size) float32; the last row is the mean of the others and stands for every unknown word, as in
            nlg-eval, which made the 2021 paper's figures.
    """

    name: str
    rows: dict[str, int]
    matrix: np.ndarray

    @classmethod
    def read(cls, path: Path) -> "WordVectors":
        """Reads ``word number number ...`` lines, all with as many numbers as the first.

        The first line says how many numbers there are; they are taken from the end of a line, so that a later word may
        hold blanks (``glove.840B`` has such). Of a word that comes twice the first vector is kept, and this is logged.

        Raises:
            ValueError: A line that is not in the format; names file and line.
            OSError: The file cannot be read.
        """
        digest = hashlib.sha256()
        rows: dict[str, int] = {}
        numbers = array("f")
        size = repeated = 0
        with path.open("rb") as lines:
            for line_number, line in enumerate(lines, start=1):
                digest.update(line)
                place = f"{path}: line {line_number}"
                try:
                    text = line.decode("utf-8").rstrip("\r\n ")
                except UnicodeDecodeError as error:
                    raise ValueError(f"{place}: not UTF-8 text ({error.reason})") from error
                size = size or text.count(" ")
                word, *values = text.rsplit(" ", size)
                if size < _SMALLEST:
                    raise ValueError(f"{place}: got {size} numbers after the word, expected at least {_SMALLEST}")
                if not word or len(values) != size:
                    raise ValueError(f"{place}: got {len(values)} numbers, expected a word and {size} numbers")
                try:
                    vector = np.array(values, dtype=np.float32)
                except ValueError as error:
                    raise ValueError(f"{place}: {error}, expected a word and {size} numbers") from error
                if not np.isfinite(vector).all():
                    raise ValueError(f"{place}: a number is not finite")
                if word in rows:
                    repeated += 1
                    continue
                rows[word] = len(rows)
                numbers.frombytes(vector.tobytes())
        if not rows:
            raise ValueError(f"{path}: no word vectors in it")
        if repeated:
            logger.warning("%s: %d words occur more than once; the first vector of each is used", path, repeated)
        known = np.frombuffer(numbers, dtype=np.float32).reshape(len(rows), size)
        matrix = np.concatenate([known, known.mean(axis=0, dtype=np.float64, keepdims=True).astype(np.float32)])
        return cls(name=f"{path.name}-{digest.hexdigest()[:12]}", rows=rows, matrix=matrix)

    def vectors(self, tokens: Tokens) -> np.ndarray:
        """Vectors of tokens, in order: (T, size) float32."""
        unknown = len(self.rows)
        return self.matrix[np.array([self.rows.get(token, unknown) for token in tokens], dtype=np.int64)]


def _percent(score: Callable[[np.ndarray, np.ndarray], float]) -> Callable[[np.ndarray, np.ndarray], list[float]]:
    return lambda response, reference: [100.0 * score(response, reference)]


METRICS = tuple(
    Metric(
        name,
        name.capitalize(),
        meaning,
        protocols=("text",),
        requires="vectors",
        statistics=_percent(score),
        formula=mean,
    )
    for name, meaning, score in (
        ("extrema", "vector extrema cosine, %", extrema_score),
        ("average", "embedding average cosine, %", average_score),
        ("greedy", "greedy matching, %", greedy_score),
    )
)
