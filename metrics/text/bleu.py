"""Corpus BLEU-1..4, from counts that add up over responses, so that a resample costs a matrix product.

Papineni et al. 2002, with one reference a response and smoothing method 3 of Chen and Cherry 2014 (NIST geometric
sequence). Equals ``nltk.translate.bleu_score.corpus_bleu`` with ``SmoothingFunction().method3`` and weights 1/n,
which is what the authors of ESConv print (``codes_zcj``); a test holds it to that. NLTK's function itself takes texts
and not counts: a thousand resamples of a test split would take it half an hour.
"""

from collections import Counter
from functools import partial

import numpy as np

from metrics.metric import Metric
from metrics.statistics.estimate import ratio
from metrics.text.tokens import Tokens

ORDERS = 4


def bleu_counts(hypothesis: Tokens, reference: Tokens) -> list[int]:
    """What one response adds: matches of order 1..4, n-grams of order 1..4, length of hypothesis and of reference.

    Matches are clipped by the reference. A hypothesis shorter than n counts as one n-gram without match, as in NLTK.
    """
    matches, totals = [], []
    for order in range(1, ORDERS + 1):
        shifted = [hypothesis[start:] for start in range(order)]
        grams = Counter(zip(*shifted, strict=False))
        wanted = Counter(zip(*[reference[start:] for start in range(order)], strict=False))
        matches.append(sum(min(count, wanted[gram]) for gram, count in grams.items()))
        totals.append(max(1, len(hypothesis) - order + 1))
    return [*matches, *totals, len(hypothesis), len(reference)]


def bleu(sums: np.ndarray, order: int) -> np.ndarray:
    """BLEU of orders up to ``order``, of corpora given by their summed counts.

    Args:
        sums: (R, 10) sums of :func:`bleu_counts`.
        order: 1..4.

    Returns:
        (R,), 0..100; 0 without any matching word.
    """
    matches, totals = sums[:, :order], sums[:, ORDERS : ORDERS + order]
    hypothesis_length, reference_length = sums[:, -2], sums[:, -1]
    # Method 3: the k-th order (counted from the lowest) without a match counts 1 / 2^k matches.
    missing = matches == 0
    smoothed = np.where(missing, 0.5 ** np.cumsum(missing, axis=1), matches)
    brevity = np.minimum(0.0, 1.0 - ratio(reference_length, hypothesis_length, empty=np.inf))
    scores = np.exp(np.log(smoothed / totals).cumsum(axis=1)[:, -1] / order + brevity)
    return 100.0 * np.where(missing[:, 0], 0.0, scores)


def _formula(sums: np.ndarray, _: np.ndarray, *, order: int) -> np.ndarray:
    return bleu(sums, order)


METRICS = tuple(
    Metric(
        f"bleu_{order}",
        f"B-{order}",
        f"BLEU-{order}, %",
        protocols=("text",),
        statistics=bleu_counts,
        formula=partial(_formula, order=order),
    )
    for order in range(1, ORDERS + 1)
)
