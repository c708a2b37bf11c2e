"""Average, Extrema and Greedy: likeness of two responses by the vectors of their words (Liu et al., EMNLP 2016).

As nlg-eval computes them. Each function takes the word vectors of the response (T, size) and of the reference
(U, size) and returns a cosine, -1..1; 0 where either has no word or only null vectors.
"""

import numpy as np


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
