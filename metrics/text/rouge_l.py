"""ROUGE-L of one response: F-measure over the longest common subsequence (Lin 2004), as the captioning tools do it."""

from metrics.metric import Metric, percent
from metrics.text.tokens import Tokens

BETA = 1.2  # recall weighs more: the value of coco-caption, nlg-eval and the authors of ESConv


def longest_common_subsequence(a: Tokens, b: Tokens) -> int:
    """Length of the longest common subsequence, 0..min(len a, len b).

    Bit-parallel: one big integer holds a whole row of the table, a zero bit for each place where the row grows
    (Crochemore et al. 2001; Hyyrö 2004, "Bit-parallel LCS-length computation revisited").
    """
    places: dict[str, int] = {}
    for place, token in enumerate(a):
        places[token] = places.get(token, 0) | 1 << place
    full = (1 << len(a)) - 1
    row = full
    for token in b:
        matched = row & places.get(token, 0)
        row = ((row + matched) | (row - matched)) & full
    return len(a) - row.bit_count()


def rouge_l(hypothesis: Tokens, reference: Tokens) -> float:
    """(1 + beta^2) P R / (R + beta^2 P) with P = LCS / len(hypothesis), R = LCS / len(reference): 0..1.

    0 without a common token, so also for an empty response.
    """
    common = longest_common_subsequence(hypothesis, reference)
    if common == 0:
        return 0.0
    precision, recall = common / len(hypothesis), common / len(reference)
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


METRICS = (
    Metric(
        "rouge_l",
        "R-L",
        "ROUGE-L F, beta 1.2, %",
        protocols=("text",),
        statistics=lambda hypothesis, reference: [rouge_l(hypothesis, reference)],
        formula=percent,
    ),
)
