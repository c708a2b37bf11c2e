"""F1 of every strategy and of every stage, from one confusion matrix: where a mean F1 comes from."""

import numpy as np

from corpus.stage import Stage, stage_of
from corpus.strategy import Strategy
from metrics.confusion import CLASSES, class_f1
from metrics.ratio import ratio

STAGES = "liu2021-primary-gold-others-left-out"  # for signatures

STRATEGY_F1: tuple[str, ...] = tuple(f"f1_{strategy.name.lower()}" for strategy in Strategy)
STAGE_F1: tuple[str, ...] = tuple(f"f1_{stage.name.lower()}" for stage in Stage)

_MEMBERS = np.array([[stage_of(strategy) is stage for stage in Stage] for strategy in Strategy], dtype=np.float64)


def class_scores(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """F1 of the eight strategies and the three stages (:mod:`corpus.stage`).

    A stage is the set of its strategies: Restatement for a gold Question is right. Items whose gold strategy is
    *Others* have no stage to find and are left out; *Others* predicted for an item that has a stage is a miss. A last
    row and column beyond the eight classes, where given, mean "no message here": such a prediction is a false alarm
    of its class and stage, such a gold message a miss.

    Args:
        confusion: (..., 8, 8) or (..., 9, 9) counts, rows gold, columns predicted.

    Returns:
        ``f1_question`` ... ``f1_others``, ``f1_exploration``, ``f1_comforting``, ``f1_action``, each (...,), 0..100;
        a class or stage that neither occurs nor is predicted scores 0, as in macro-F1.
    """
    of_gold = confusion[..., :CLASSES, :].sum(axis=-1)  # (..., 8)
    of_predicted = confusion[..., :, :CLASSES].sum(axis=-2)
    known = confusion[..., :CLASSES, :CLASSES]
    strategies = class_f1(np.diagonal(known, axis1=-2, axis2=-1), of_gold, of_predicted)
    judged = of_predicted - confusion[..., Strategy.OTHERS, :CLASSES]  # without the items whose gold is Others
    hits = ((_MEMBERS.T @ known) * _MEMBERS.T).sum(axis=-1)  # (..., 3): the stage's own block
    stages = ratio(2.0 * hits, of_gold @ _MEMBERS + judged @ _MEMBERS, empty=0.0)
    scores = np.concatenate([strategies, stages], axis=-1)
    return {name: 100.0 * scores[..., place] for place, name in enumerate((*STRATEGY_F1, *STAGE_F1))}
