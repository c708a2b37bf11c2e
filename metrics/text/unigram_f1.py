"""Unigram F1 of one response: how many words it shares with the reference. And how many words it has."""

from collections import Counter

from metrics.metric import Metric, mean, percent
from metrics.text.tokens import Tokens


def unigram_f1(hypothesis: Tokens, reference: Tokens) -> float:
    """2 shared / (len(hypothesis) + len(reference)), words counted as often as they occur in both: 0..1.

    The harmonic mean of precision and recall over tokens; articles and punctuation count, as in ``codes_zcj`` and
    unlike ParlAI's F1. 0 without a common token, so also for an empty response.
    """
    shared = sum((Counter(hypothesis) & Counter(reference)).values())
    return 0.0 if shared == 0 else 2.0 * shared / (len(hypothesis) + len(reference))


METRICS = (
    Metric(
        "unigram_f1",
        "F1 words",
        "unigram F1, %",
        protocols=("text",),
        statistics=lambda hypothesis, reference: [unigram_f1(hypothesis, reference)],
        formula=percent,
    ),
    Metric(
        "length",
        "Length",
        "mean response length, words",
        better="",
        decimals=1,
        protocols=("text",),
        statistics=lambda hypothesis, _: [len(hypothesis)],
        formula=mean,
    ),
)
