"""Corpus BLEU-1..4, from counts that add up over responses, so that a resample costs a matrix product.

Papineni et al. 2002, with one reference a response and smoothing method 3 of Chen and Cherry 2014 (NIST geometric
sequence). Equals ``nltk.translate.bleu_score.corpus_bleu`` with ``SmoothingFunction().method3`` and weights 1/n,
which is what the authors of ESConv print (``codes_zcj``); a test holds it to that.
"""

from collections import Counter

import numpy as np

from metrics.statistics.estimate import ratio
from metrics.text.tokens import Tokens

ORDERS = 4
COLUMNS = 2 * ORDERS + 2  # matches of order 1..4, n-grams of order 1..4, hypothesis length, reference length


def bleu_counts(hypothesis: Tokens, reference: Tokens) -> list[int]:
    """What one response adds to the corpus counts: (COLUMNS,).

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


def bleu(sums: np.ndarray) -> dict[str, np.ndarray]:
    """BLEU-1..4 of corpora given by their summed counts.

    Args:
        sums: (R, COLUMNS) sums of :func:`bleu_counts`.

    Returns:
        ``bleu_1``..``bleu_4``, each (R,), 0..100. Without any matching word all are 0.
    """
    matches, totals = sums[:, :ORDERS], sums[:, ORDERS : 2 * ORDERS]
    hypothesis_length, reference_length = sums[:, -2], sums[:, -1]
    # Method 3: the k-th order (counted from the lowest) without a match counts 1 / 2^k matches.
    missing = matches == 0
    smoothed = np.where(missing, 0.5 ** np.cumsum(missing, axis=1), matches)
    log_precision = np.log(smoothed / totals)  # (R, 4)
    brevity = np.minimum(0.0, 1.0 - ratio(reference_length, hypothesis_length, empty=np.inf))
    averages = np.cumsum(log_precision, axis=1) / np.arange(1, ORDERS + 1)
    scores = np.where(missing[:, :1], 0.0, np.exp(averages + brevity[:, None]))
    return {f"bleu_{order}": 100.0 * scores[:, order - 1] for order in range(1, ORDERS + 1)}
