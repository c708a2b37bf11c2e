"""Protocol turn: the plan (tuple of strategies) of every supporter turn, predicted free-running.

EMR and LR as in Zhu et al. 2026 (arXiv 2604.17972); the other metrics are defined at :func:`score_plans`.
"""

from collections.abc import Sequence

import numpy as np

from metrics.statistics.bootstrap import Tally, dialogue_index, dialogue_totals, estimates
from metrics.statistics.estimate import Estimate, ratio, signature
from metrics.strategy.classification import (
    CLASSES,
    STAGES,
    class_f1,
    class_scores,
    entropy,
    preference_bias,
    strategy_labels,
)
from metrics.strategy.edit_distance import indel_ratio, levenshtein_ratio

_SIDE = CLASSES + 1  # the slot confusion has one more row and column: "no message in this slot"
_MISSING = CLASSES
_MEANS = ("emr", "lr", "lr_indel", "ald", "set_f1", "multi_rate")  # means over all turns, in this order in the tally
_SCALAR_COLUMNS = len(_MEANS) + 5  # turns, gold-single turns, their exact matches, gold-multi turns, their matches

Plans = Sequence[tuple[int, ...]]


def plan_signature(*, samples: int = 1000, **fields: object) -> str:
    """Signature of :func:`score_plans`; ``fields`` are added, e.g. what the caller scored."""
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


def _checked(plans: Plans, *, name: str) -> list[tuple[int, ...]]:
    """Plans as tuples of int, every label 0..7."""
    labels = strategy_labels([label for plan in plans for label in plan], name=name).tolist()
    following = iter(labels)
    return [tuple(next(following) for _ in plan) for plan in plans]


def _set_f1(gold: tuple[int, ...], predicted: tuple[int, ...]) -> float:
    """F1 of the sets of strategies, 0..1: order and repeats do not count."""
    gold_set, predicted_set = set(gold), set(predicted)
    return 2.0 * len(gold_set & predicted_set) / (len(gold_set) + len(predicted_set))


def _turn_statistics(gold: tuple[int, ...], predicted: tuple[int, ...]) -> np.ndarray:
    """What one turn adds to its dialogue: the scalar columns, then its slots as a 9 x 9 confusion, flat."""
    exact = float(gold == predicted)
    several = float(len(gold) > 1)
    means = (
        exact,
        levenshtein_ratio(gold, predicted),
        indel_ratio(gold, predicted),
        abs(len(gold) - len(predicted)),
        _set_f1(gold, predicted),
        float(len(predicted) > 1),
    )
    slots = np.zeros((_SIDE, _SIDE))
    for slot in range(max(len(gold), len(predicted))):
        row = gold[slot] if slot < len(gold) else _MISSING
        column = predicted[slot] if slot < len(predicted) else _MISSING
        slots[row, column] += 1
    single = 1.0 - several
    return np.concatenate([means, [1.0, single, single * exact, several, several * exact], slots.ravel()])


def plan_tally(gold: Plans, predicted: Plans, dialogue: Sequence[int] | np.ndarray) -> Tally:
    """Each dialogue's sums over its turns: all that the metrics depend on. Arguments as score_plans."""
    if len(gold) != len(predicted):
        raise ValueError(f"got {len(gold)} gold plans but {len(predicted)} predicted ones")
    dialogues, position = dialogue_index(dialogue, items=len(gold))
    gold_plans, predicted_plans = _checked(gold, name="gold"), _checked(predicted, name="predicted")
    if () in gold_plans:
        raise ValueError(f"gold plan of item {gold_plans.index(())} is empty, expected at least one strategy")
    known: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}  # pairs of plans repeat a lot: compute each once
    pairs = [known.setdefault(pair, len(known)) for pair in zip(gold_plans, predicted_plans, strict=True)]
    statistics = np.stack([_turn_statistics(*pair) for pair in known])
    return Tally(dialogues, dialogue_totals(statistics[pairs], position), _formula)


def _formula(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Metrics from sums (R, K) of turn statistics."""
    turns, single, single_exact, several, several_exact = sums[:, len(_MEANS) : _SCALAR_COLUMNS].T
    means = {name: sums[:, column] / turns for column, name in enumerate(_MEANS)}
    slots = sums[:, _SCALAR_COLUMNS:].reshape(-1, _SIDE, _SIDE)
    shared = slots[:, :CLASSES, :CLASSES]  # slots that both plans have
    predicted = slots[:, :, :CLASSES].sum(axis=1)  # (R, 8) of all predicted slots
    gold = slots[:, :CLASSES, :].sum(axis=2)  # (R, 8) of all gold slots
    scores = class_f1(np.diagonal(shared, axis1=1, axis2=2), gold, predicted)
    return {
        "emr": 100.0 * means["emr"],
        "lr": 100.0 * means["lr"],
        "lr_indel": 100.0 * means["lr_indel"],
        "ald": means["ald"],
        "set_f1": 100.0 * means["set_f1"],
        "emr_single": 100.0 * ratio(single_exact, single, empty=np.nan),
        "emr_multi": 100.0 * ratio(several_exact, several, empty=np.nan),
        "multi_rate": 100.0 * means["multi_rate"],
        "macro_f1": 100.0 * scores.mean(axis=1),
        "preference_bias": preference_bias(shared),
        "entropy": entropy(predicted),
        **class_scores(slots),
    }


def score_plans(
    gold: Plans,
    predicted: Plans,
    dialogue: Sequence[int] | np.ndarray,
    *,
    rng: np.random.Generator,
    samples: int = 1000,
) -> dict[str, Estimate]:
    """Scores one predicted plan per supporter turn.

    Slots: slot k of the gold plan stands beside slot k of the predicted plan. A gold slot without a partner is a miss
    of its class (it counts in the gold count of ``macro_f1``), a predicted slot without a partner is a false alarm of
    its class (it counts in the predicted count). Preference is a choice between two strategies, so
    ``preference_bias`` sees only the slots that both plans have. ``entropy`` is over all predicted slots.

    Args:
        gold: N gold plans of at least one strategy, 0..7.
        predicted: N predicted plans, 0..7; an empty plan is allowed and matches nothing.
        dialogue: (N,) the dialogue number of every turn; what is resampled.
        rng: Source of the resamples.
        samples: How many.

    Returns:
        ``emr`` (plan exactly right), ``lr`` (mean of 1 - d/max(len)), ``lr_indel`` (mean of 1 - indel/(len + len)),
        ``set_f1`` (mean F1 of the sets), ``emr_single`` and ``emr_multi`` (EMR on the turns whose GOLD plan has one,
        or at least two, strategies; NaN where there is no such turn), ``multi_rate`` (share of PREDICTED plans with at
        least two), ``macro_f1``: 0..100. ``ald``: mean absolute difference of lengths, in strategies.
        ``preference_bias``: 0..2.65. ``entropy``: bits, 0..3. ``f1_question`` ...
        ``f1_others`` and ``f1_exploration`` ... over the slots (:func:`class_scores`), 0..100.

    Raises:
        ValueError: Different lengths, nothing to score, an empty gold plan, or a label that is not 0..7.
    """
    return estimates(plan_tally(gold, predicted, dialogue), rng=rng, samples=samples)
