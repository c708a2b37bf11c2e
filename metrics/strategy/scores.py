"""Protocols message and turn: predicted strategies of single messages, predicted plans of whole turns.

Message (EmoDynamiX, NAACL 2025): the strategy of every supporter message, given all messages before it. Turn (Zhu et
al. 2026, arXiv 2604.17972): the plan of every supporter turn, predicted free-running. Each metric is defined in the
module that has it in its ``METRICS`` (:mod:`metrics.metric`).
"""

from collections.abc import Sequence

import numpy as np

from metrics.metric import metric_tally, metrics_of
from metrics.statistics.bootstrap import Tally
from metrics.statistics.estimate import signature
from metrics.strategy.classification import CLASSES, STAGES, strategy_labels

Plans = Sequence[tuple[int, ...]]


def message_signature(*, samples: int = 1000, **fields: object) -> str:
    """Signature of :func:`message_tally`; ``fields`` are added, e.g. what the caller scored."""
    return signature(
        "message",
        classes=CLASSES,
        macro="all-classes-absent-0",
        bias="bradley-terry-20-absent-kept",
        entropy="bits",
        stages=STAGES,
        bootstrap=f"dialogue-{samples}",
        **fields,
    )


def plan_signature(*, samples: int = 1000, **fields: object) -> str:
    """Signature of :func:`plan_tally`; ``fields`` are added, e.g. what the caller scored."""
    return signature(
        "turn",
        classes=CLASSES,
        lr="1-levenshtein/max",
        slots="aligned-missing-is-error",
        macro="all-classes-absent-0",
        bias="bradley-terry-20-absent-kept-shared-slots",
        entropy="bits",
        stages=STAGES,
        bootstrap=f"dialogue-{samples}",
        **fields,
    )


def message_tally(
    gold: Sequence[int] | np.ndarray, predicted: Sequence[int] | np.ndarray, dialogue: Sequence[int] | np.ndarray
) -> Tally:
    """Tally of one predicted strategy per supporter message.

    Args:
        gold: (N,) gold strategies, 0..7.
        predicted: (N,) predicted strategies, 0..7.
        dialogue: (N,) the dialogue number of every message; what is resampled.

    Raises:
        ValueError: Different lengths, nothing to score, or a label that is not 0..7.
    """
    gold_labels = strategy_labels(gold, name="gold").tolist()
    predicted_labels = strategy_labels(predicted, name="predicted").tolist()
    if len(gold_labels) != len(predicted_labels):
        raise ValueError(f"got {len(gold_labels)} gold labels but {len(predicted_labels)} predicted ones")
    pairs = [((one,), (other,)) for one, other in zip(gold_labels, predicted_labels, strict=True)]
    return metric_tally(metrics_of("message"), pairs, dialogue)


def plan_tally(gold: Plans, predicted: Plans, dialogue: Sequence[int] | np.ndarray) -> Tally:
    """Tally of one predicted plan per supporter turn.

    Scores of classes are over slots: slot k of the gold plan stands beside slot k of the predicted plan. A gold slot
    without a partner is a miss of its class, a predicted slot without a partner a false alarm of its class. Preference
    is a choice between two strategies, so preference bias sees only the slots that both plans have.

    Args:
        gold: N gold plans of at least one strategy, 0..7.
        predicted: N predicted plans, 0..7; an empty plan is allowed and matches nothing.
        dialogue: (N,) the dialogue number of every turn; what is resampled.

    Raises:
        ValueError: Different lengths, nothing to score, an empty gold plan, or a label that is not 0..7.
    """
    if len(gold) != len(predicted):
        raise ValueError(f"got {len(gold)} gold plans but {len(predicted)} predicted ones")
    gold_plans, predicted_plans = _checked(gold, name="gold"), _checked(predicted, name="predicted")
    if () in gold_plans:
        raise ValueError(f"gold plan of item {gold_plans.index(())} is empty, expected at least one strategy")
    return metric_tally(metrics_of("turn"), list(zip(gold_plans, predicted_plans, strict=True)), dialogue)


def _checked(plans: Plans, *, name: str) -> list[tuple[int, ...]]:
    """Plans as tuples of int, every label 0..7."""
    following = iter(strategy_labels([label for plan in plans for label in plan], name=name).tolist())
    return [tuple(next(following) for _ in plan) for plan in plans]
