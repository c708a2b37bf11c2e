"""Retrieval rank: how well a response tells its own history from those of other dialogues.

The true history stands among 20, the 19 others drawn from other dialogues of what is evaluated, and all are ranked by
the cosine of their vector and the response's. Instead of drawing them, the expected rank is computed: 1 + 19 times the
share of all histories of other dialogues that are closer, ties counting half. So there is no seed, and the mean over
responses varies with the responses alone; by chance it is 10.5. A text that would fit after any history ranks none
high. To rank the true one of 20 is the task of ConvAI2 (Zhang et al., ACL 2018), there with responses as candidates.

The vector of a history is the sum of its messages' vectors, the k-th last weighted DECAY^(k-1). This was chosen on 195
dialogues of ESConv's train: with it the corpus's own texts have the mean rank 3.43. The last message alone gives 5.21,
the last seeker message 5.10, the mean of the last four messages 3.66, that of all messages 4.36; decays of 0.5, 0.8 and
0.9 give 3.70, 3.45 and 3.69.
"""

import numpy as np

from metrics.metric import Metric
from metrics.response.response_data import ResponseData
from metrics.response.similarity import vectors
from metrics.statistics.estimate import ratio

CANDIDATES = 20
DECAY = 0.7
_BLOCK = 512  # responses whose cosines to all histories are held at a time


def retrieval_rank(data: ResponseData) -> np.ndarray:
    """Expected rank of each response's history, 1..20, and whether there are others to rank it with. Shape: (N, 2).

    Raises:
        ValueError: No encoder or no histories.
    """
    written, histories = vectors(data, data.generations), history_vectors(data)
    _, dialogue = np.unique(data.dialogue, return_inverse=True)
    results = np.zeros((len(written), 2))
    for first in range(0, len(written), _BLOCK):
        part = slice(first, first + _BLOCK)
        cosines = written[part] @ histories.T  # (B, N)
        true = cosines[np.arange(len(cosines)), np.arange(len(histories))[part]][:, None]
        others = dialogue[part, None] != dialogue
        closer = (others * ((cosines > true) + 0.5 * (cosines == true))).sum(axis=1)
        counted = others.sum(axis=1)
        results[part, 0] = 1.0 + (CANDIDATES - 1) * ratio(closer, counted, empty=0.0)
        results[part, 1] = counted > 0
    results[:, 0] *= results[:, 1]
    return results


def history_vectors(data: ResponseData) -> np.ndarray:
    """Vector of each response's history, of length 1; zeros where it is empty. Shape: (N, D), float64."""
    if data.histories is None:
        raise ValueError("histories: missing, expected one for each response")
    texts = list(dict.fromkeys(message.text for history in data.histories for message in history))
    row = {text: number for number, text in enumerate(texts)}
    messages = vectors(data, texts or [""])
    sums = np.zeros((len(data.histories), messages.shape[1]))
    for total, history in zip(sums, data.histories, strict=True):
        weights = DECAY ** np.arange(len(history))[::-1]
        total += weights @ messages[[row[message.text] for message in history]]
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return sums / np.where(lengths > 0, lengths, 1.0)


def _mean(sums: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Formula of the mean over those that have others to rank with; undefined (NaN) where none has."""
    return ratio(sums[:, 0], sums[:, 1], empty=np.nan)


METRICS = (
    Metric(
        "retrieval_rank",
        "Rank/20",
        "expected rank of the true history among 20, 1 = best, 10.5 = chance",
        better="lower",
        protocols=("text",),
        requires="encoder histories",
        responses=retrieval_rank,
        formula=_mean,
    ),
)
