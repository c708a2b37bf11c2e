"""A system a person can talk with: a planner and a generator, whatever they are made of.

A system from run folders: which of them is the planner and which the generator is seen from their contents.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from corpus.dialogue import Message
from corpus.strategy import Strategy
from encoding.embedding_cache import EmbeddingCache
from encoding.sentence_encoder import SentenceEncoder
from generator.realizer import Realizer
from language_models.quiet import quiet_transformers
from planner.plan import Plan
from planner.planner import StrategyPlanner

SystemReply = tuple[Strategy | None, str]


class PlansTurns(Protocol):
    """History to plan."""

    def plan(self, history: Sequence[Message]) -> Plan:
        """Plans what the supporter does next."""


class WritesTurns(Protocol):
    """History and strategies to texts."""

    @property
    def variant(self) -> str:
        """``vanilla`` knows no strategies."""

    def realize(
        self,
        history: Sequence[Message],
        strategies: Sequence[Strategy] | None = None,
        *,
        rng: np.random.Generator | None = None,
    ) -> list[SystemReply]:
        """Writes the next turn; without strategies the model chooses them itself."""


@dataclass(frozen=True)
class System:
    """A planner and a generator. Several people may talk with it at once: it answers them one after the other.

    Attributes:
        name: What tables call it; a participant of a comparison never sees it.
        generator: Writes the texts.
        planner: Chooses the strategies; ``None``: the generator does (the 2021 paper's *Joint*, or *Vanilla*).
    """

    name: str
    generator: WritesTurns
    planner: PlansTurns | None = None
    _busy: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def knows_strategies(self) -> bool:
        """Whether the texts follow strategies, so that they can be chosen by hand."""
        return self.generator.variant != "vanilla"

    def reply(
        self, history: Sequence[Message], *, strategies: Sequence[Strategy] | None, rng: np.random.Generator
    ) -> tuple[Plan | None, list[SystemReply]]:
        """Plans the next turn, unless strategies are given, and writes it.

        Returns:
            The plan (``None`` where nobody planned) and (strategy, text) pairs.
        """
        with self._busy:
            plan = self.planner.plan(history) if strategies is None and self.planner is not None else None
            chosen = plan.strategies if plan is not None else strategies
            return plan, self.generator.realize(history, chosen, rng=rng)


_PLANNER, _GENERATOR = "planner.json", "generator.json"  # what a finished run of either kind holds


def load_system(runs: Sequence[Path], *, name: str | None = None) -> System:
    """Loads run folders, in any order.

    Args:
        runs: A generator's run folder, and usually a planner's. A folder that holds both as ``planner`` and
            ``generator``, as the quickstart's does, stands for its two.
        name: Name of the system; by default those of the folders.

    Raises:
        ValueError: A folder is neither, there are two of one kind, or there is no generator.
    """
    found: dict[str, Path] = {}
    for run in (part for folder in runs for part in _parts(folder)):
        kinds = [kind for kind in (_PLANNER, _GENERATOR) if (run / kind).is_file()]
        if not kinds:
            raise ValueError(f"{run}: no finished run, expected {_PLANNER} or {_GENERATOR} in it")
        if kinds[0] in found:
            raise ValueError(f"{run} and {found[kinds[0]]}: two runs of one kind, expected a planner and a generator")
        found[kinds[0]] = run
    if _GENERATOR not in found:
        raise ValueError("no generator given, expected the run folders of a planner and a generator")
    return System(
        name or "+".join(found[kind].resolve().name for kind in (_PLANNER, _GENERATOR) if kind in found),
        Realizer.load(found[_GENERATOR]),
        _load_planner(found[_PLANNER]) if _PLANNER in found else None,
    )


def _load_planner(run: Path) -> StrategyPlanner:
    """The planner with its encoder loaded now, not at a person's first message, and without the cache on disk."""
    try:
        name = json.loads((run / _PLANNER).read_text(encoding="utf-8"))["encoder"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{run / _PLANNER}: damaged ({type(error).__name__}: {error})") from error
    with quiet_transformers():
        text_encoder = EmbeddingCache(SentenceEncoder(name), folder=None)
        _ = text_encoder.dimension  # loads the model
        return StrategyPlanner.load(run, text_encoder=text_encoder)


def _parts(folder: Path) -> list[Path]:
    parts = [folder / "planner", folder / "generator"]
    return parts if all(part.is_dir() for part in parts) else [folder]
