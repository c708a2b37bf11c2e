"""Scores of a whole predicted plan beside the gold plan of its turn.

EMR and LR as in Zhu et al. 2026 (arXiv 2604.17972).
"""

import numpy as np

from metrics.metric import Metric, mean, percent
from metrics.statistics.estimate import ratio
from metrics.strategy.edit_distance import indel_ratio, levenshtein_ratio

StrategyCodes = tuple[int, ...]


def _exact(gold: StrategyCodes, predicted: StrategyCodes) -> list[float]:
    return [gold == predicted]


def _lr(gold: StrategyCodes, predicted: StrategyCodes) -> list[float]:
    return [levenshtein_ratio(gold, predicted)]


def _lr_indel(gold: StrategyCodes, predicted: StrategyCodes) -> list[float]:
    return [indel_ratio(gold, predicted)]


def _length_difference(gold: StrategyCodes, predicted: StrategyCodes) -> list[float]:
    return [abs(len(gold) - len(predicted))]


def _set_f1(gold: StrategyCodes, predicted: StrategyCodes) -> list[float]:
    """F1 of the sets of strategies, 0..1: order and repeats do not count."""
    return [2.0 * len({*gold} & {*predicted}) / (len({*gold}) + len({*predicted}))]


def _exact_single(gold: StrategyCodes, predicted: StrategyCodes) -> list[float]:
    return [len(gold) == 1 and gold == predicted, len(gold) == 1]


def _exact_multi(gold: StrategyCodes, predicted: StrategyCodes) -> list[float]:
    return [len(gold) > 1 and gold == predicted, len(gold) > 1]


def _multi(_: StrategyCodes, predicted: StrategyCodes) -> list[float]:
    return [len(predicted) > 1]


def _of_some(sums: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Percent of what is right, (R, 2) sums: right ones and those that count; NaN where none does."""
    return 100.0 * ratio(sums[:, 0], sums[:, 1], empty=np.nan)


METRICS = tuple(
    Metric(name, label, meaning, better, decimals, protocols=("turn",), statistics=statistics, formula=formula)
    for name, label, meaning, better, decimals, statistics, formula in (
        ("emr", "EMR", "plans that match exactly, %", "higher", 2, _exact, percent),
        ("lr", "LR", "Levenshtein ratio of the plans, %", "higher", 2, _lr, percent),
        ("lr_indel", "LR indel", "Levenshtein ratio without substitutions, %", "higher", 2, _lr_indel, percent),
        ("ald", "ALD", "mean absolute difference of plan lengths, messages", "lower", 2, _length_difference, mean),
        ("set_f1", "set-F1", "F1 between the sets of strategies, %", "higher", 2, _set_f1, percent),
        ("emr_single", "EMR single", "EMR on turns with one gold message, %", "higher", 2, _exact_single, _of_some),
        (
            "emr_multi",
            "EMR multi",
            "EMR on turns with two or more gold messages, %",
            "higher",
            2,
            _exact_multi,
            _of_some,
        ),
        ("multi_rate", "Multi rate", "predicted plans of two or more strategies, %", "", 1, _multi, percent),
    )
)
