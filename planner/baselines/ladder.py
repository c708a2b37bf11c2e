"""The baseline ladder: what a trained planner stands beside, from a random draw to logistic regression.

The ceiling, the oracle, is no planner: it is a table of the gold plans (:func:`evaluation.plan_source.oracle`).
"""

import logging
import time
from collections.abc import Callable, Sequence

import numpy as np

from corpus.dialogue import Dialogue
from encoding.observation import Observer
from planner.baselines.frequencies import MajorityPlanner, RandomPlanner
from planner.baselines.linear import fit_embedding, fit_tfidf
from planner.baselines.markov import MarkovPlanner
from planner.decisions import training_turns
from planner.plan import Planner

logger = logging.getLogger(__name__)


def fit_ladder(train: Sequence[Dialogue], *, observer: Observer, seed: int) -> list[Planner]:
    """Fits every baseline.

    Args:
        train: Training dialogues.
        observer: Encodes histories for ``tfidf`` and ``embedding``; its codec gives K, the longest plan, for all.
        seed: Of the random baseline; the others draw nothing.

    Returns:
        The planners ``random majority markov tfidf embedding``, in this order.

    Raises:
        ValueError: No supporter turn to learn from, or only one kind of decision.
    """
    training_turns(train, name="baselines")
    longest = observer.codec.max_strategies
    rungs: list[Callable[[], Planner]] = [
        lambda: RandomPlanner(train, max_strategies=longest, rng=np.random.default_rng(seed)),
        lambda: MajorityPlanner(train, max_strategies=longest),
        lambda: MarkovPlanner(train, max_strategies=longest),
        lambda: fit_tfidf(train, observer=observer),
        lambda: fit_embedding(train, observer=observer),
    ]
    ladder = []
    for fit in rungs:
        began = time.perf_counter()
        ladder.append(fit())
        logger.info("baseline %s fitted in %.1f s", ladder[-1].name, time.perf_counter() - began)
    return ladder
