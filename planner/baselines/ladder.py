"""The baseline ladder: what a trained planner is compared with, from a random draw to logistic regression.

To add a baseline, write a module in this folder with a :class:`Baseline` in its ``BASELINES``. The ceiling, the oracle,
is no planner: it is a table of the gold plans (:func:`evaluation.plan_source.oracle`).
"""

import importlib
import logging
import pkgutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import planner.baselines
from corpus.dialogue import Dialogue
from encoding.observation import Observer
from planner.decisions import training_turns
from planner.plan import Planner

logger = logging.getLogger(__name__)


class Fit(Protocol):
    """Fits a baseline to training dialogues."""

    def __call__(self, train: Sequence[Dialogue], *, observer: Observer, seed: int) -> Planner:
        """Fits.

        Args:
            observer: Encodes histories; its codec gives K, the longest plan.
        """


@dataclass(frozen=True)
class Baseline:
    """A baseline of the ladder.

    Attributes:
        name: What tables and JSON call it.
        rank: Its place in the ladder; those of one rank are sorted by name.
    """

    name: str
    fit: Fit
    rank: int = 10


def baselines() -> list[Baseline]:
    """Every baseline of this folder, in the order of the ladder."""
    folder = planner.baselines
    names = [f"{folder.__name__}.{one.name}" for one in pkgutil.iter_modules(folder.__path__)]
    found = [one for name in names for one in getattr(importlib.import_module(name), "BASELINES", ())]
    return sorted(found, key=lambda one: (one.rank, one.name))


def fit_ladder(train: Sequence[Dialogue], *, observer: Observer, seed: int) -> list[Planner]:
    """Fits every baseline; arguments as of :class:`Fit`.

    Returns:
        The planners ``random majority markov tfidf embedding``, in this order, and what else is in the folder.

    Raises:
        ValueError: No supporter turn to learn from, or only one kind of decision.
    """
    training_turns(train, name="baselines")
    ladder = []
    for baseline in baselines():
        began = time.perf_counter()
        ladder.append(baseline.fit(train, observer=observer, seed=seed))
        logger.info("baseline %s fitted in %.1f s", baseline.name, time.perf_counter() - began)
    return ladder
