"""Similarity: cosine of the sentence vectors of response and reference.

The encoder is not part of the metric; its name and fingerprint stand in the signature. Sentence embeddings see a
paraphrase that shares no word with the reference, which BLEU and ROUGE-L do not (Reimers and Gurevych, EMNLP 2019).
"""

from collections.abc import Sequence

import numpy as np

from metrics.metric import Metric, mean
from metrics.response.response_data import ResponseData


def similarity(data: ResponseData) -> np.ndarray:
    """100 times the cosine of each response and its reference, -100..100; 0 of an empty text. Shape: (N, 1)."""
    written, references = vectors(data, data.generations), vectors(data, data.references)
    return 100.0 * (written * references).sum(axis=1, keepdims=True)


def vectors(data: ResponseData, texts: Sequence[str]) -> np.ndarray:
    """Vectors of texts, float64; zeros where a text is blank. Shape: (M, D)."""
    if data.encoder is None:
        raise ValueError("encoder: missing, expected one that embeds the responses")
    encoded = np.asarray(data.encoder(texts), np.float64)
    return encoded * np.array([[bool(text.strip())] for text in texts], np.float64)


METRICS = (
    Metric(
        "similarity",
        "Similarity",
        "cosine of the sentence vectors of response and reference, %",
        protocols=("text",),
        requires="encoder",
        responses=similarity,
        formula=mean,
    ),
)
