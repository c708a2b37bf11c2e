"""Scores of a whole predicted plan beside the gold plan of its turn.

EMR and LR as in Zhu et al. 2026 (arXiv 2604.17972).
"""

import numpy as np

from metrics.metric import Metric, mean, percent
from metrics.statistics.estimate import ratio
from metrics.strategy.edit_distance import indel_ratio, levenshtein_ratio


def set_f1(gold: tuple[int, ...], predicted: tuple[int, ...]) -> float:
    """F1 of the sets of strategies, 0..1: order and repeats do not count."""
    return 2.0 * len({*gold} & {*predicted}) / (len({*gold}) + len({*predicted}))


def _of_some(sums: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Percent of what is right, (R, 2) sums: right ones and those that count; NaN where none does."""
    return 100.0 * ratio(sums[:, 0], sums[:, 1], empty=np.nan)


METRICS = (
    Metric(
        "emr",
        "EMR",
        "plans that match exactly, %",
        protocols=("turn",),
        statistics=lambda gold, predicted: [gold == predicted],
        formula=percent,
    ),
    Metric(
        "lr",
        "LR",
        "Levenshtein ratio of the plans, %",
        protocols=("turn",),
        statistics=lambda gold, predicted: [levenshtein_ratio(gold, predicted)],
        formula=percent,
    ),
    Metric(
        "lr_indel",
        "LR indel",
        "Levenshtein ratio without substitutions, %",
        protocols=("turn",),
        statistics=lambda gold, predicted: [indel_ratio(gold, predicted)],
        formula=percent,
    ),
    Metric(
        "ald",
        "ALD",
        "mean absolute difference of plan lengths, messages",
        better="lower",
        protocols=("turn",),
        statistics=lambda gold, predicted: [abs(len(gold) - len(predicted))],
        formula=mean,
    ),
    Metric(
        "set_f1",
        "set-F1",
        "F1 between the sets of strategies, %",
        protocols=("turn",),
        statistics=lambda gold, predicted: [set_f1(gold, predicted)],
        formula=percent,
    ),
    Metric(
        "emr_single",
        "EMR single",
        "EMR on turns whose gold plan has one message, %",
        protocols=("turn",),
        statistics=lambda gold, predicted: [len(gold) == 1 and gold == predicted, len(gold) == 1],
        formula=_of_some,
    ),
    Metric(
        "emr_multi",
        "EMR multi",
        "EMR on turns whose gold plan has two or more messages, %",
        protocols=("turn",),
        statistics=lambda gold, predicted: [len(gold) > 1 and gold == predicted, len(gold) > 1],
        formula=_of_some,
    ),
    Metric(
        "multi_rate",
        "Multi rate",
        "predicted plans of two or more strategies, %",
        better="",
        decimals=1,
        protocols=("turn",),
        statistics=lambda _, predicted: [len(predicted) > 1],
        formula=percent,
    ),
)
