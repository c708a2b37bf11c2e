"""Repetition: inside a text, and of what the same supporter has said before in the conversation.

Inside a text it is the portion of duplicate n-grams, 1 - different n-grams / n-grams (seq-rep-n of Welleck et al., ICLR
2020, "Neural text generation with unlikelihood training"), with n = 2, because a message has some 17 tokens
and a word written three times in a row should count. Across a conversation it is the share of a text's 4-grams that
stand in an earlier message of the supporter. Both are sums over the corpus, as the messages are short.
"""

from collections.abc import Iterator

import numpy as np

from corpus.dialogue import Role
from metrics.metric import Metric
from metrics.response.response_data import ResponseData
from metrics.statistics.estimate import ratio
from metrics.text.tokens import Tokens, tokenize

INSIDE = 2  # n of the n-grams inside a text
ACROSS = 4  # n of the n-grams across a conversation


def grams(tokens: Tokens, order: int) -> Iterator[Tokens]:
    """All n-grams of a text, in order, repeats included; none where it is shorter."""
    return zip(*[tokens[start:] for start in range(order)], strict=False)


def repeated(hypothesis: Tokens, _: Tokens) -> list[int]:
    """Duplicate pairs of neighbouring tokens in a text, and all its pairs."""
    pairs = list(grams(hypothesis, INSIDE))
    return [len(pairs) - len(set(pairs)), len(pairs)]


def said_before(data: ResponseData) -> np.ndarray:
    """4-grams of each response that the supporter has already said, and all its 4-grams.

    An n-gram never reaches from one message into another, neither in the history nor in a response of a whole turn.

    Returns:
        Shape: (N, 2).
    """
    counts = np.zeros((len(data.texts), 2))
    for row, texts, history in zip(counts, data.texts, data.histories or (), strict=True):
        earlier = {
            gram
            for message in history
            if message.role is Role.SUPPORTER
            for gram in grams(tokenize(message.text), ACROSS)
        }
        written = [gram for text in texts for gram in grams(tokenize(text), ACROSS)]
        row[:] = sum(gram in earlier for gram in written), len(written)
    return counts


def share(sums: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Formula of a share of counts, in percent: first sum / second sum; 0 of nothing."""
    return 100.0 * ratio(sums[:, 0], sums[:, 1], empty=0.0)


METRICS = (
    Metric(
        "repetition",
        "Rep-2",
        "duplicate pairs of words inside a text, % of all pairs",
        better="lower",
        protocols=("text",),
        statistics=repeated,
        formula=share,
    ),
    Metric(
        "repetition_history",
        "Rep said",
        "4-grams that the supporter said before in the conversation, % of all 4-grams",
        better="lower",
        protocols=("text",),
        requires="histories",
        responses=said_before,
        formula=share,
    ),
)
