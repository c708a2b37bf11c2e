"""A system that a person can talk with: a generator and usually a planner, loaded from run folders or made by hand.

``load_system`` recognises by their contents which run folder holds the planner and which the generator.
"""

import gc
import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from corpus.dialogue import Message
from corpus.strategy import Strategy
from encoding.tfidf import JoinedEncoder
from planner.plan import Plan
from safety.care import Care, default_care, load_care, rules_alone
from safety.replies import ScreenedTurn, screened_turn
from safety.rules import match_rules

if TYPE_CHECKING:
    from planner.planner import StrategyPlanner

_LOG = logging.getLogger(__name__)

SystemReply = tuple[Strategy | None, str]
"""One message of the supporter: its strategy (``None`` from a generator that knows none) and its text."""


class PlansTurns(Protocol):
    """What a system asks of its planner."""

    def plan(self, history: Sequence[Message]) -> Plan:
        """Plans what the supporter does next."""


class WritesTurns(Protocol):
    """What a system asks of its generator."""

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
        """Writes the next turn; without strategies the generator chooses them itself."""


@dataclass(frozen=True)
class System:
    """A planner and a generator. Any number of people may talk with it at once; it answers one after the other.

    Attributes:
        name: What tables call it; a participant of a study never sees it.
        generator: Writes the texts.
        planner: Chooses the strategies; ``None``: the generator does (the 2021 paper's *Joint*, or *Vanilla*).
        care: Screens both sides; by default with the detectors on the default encoder and all helplines.
    """

    name: str
    generator: WritesTurns
    planner: PlansTurns | None = None
    care: Care = field(default_factory=default_care)
    _busy: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def knows_strategies(self) -> bool:
        """Whether the texts follow strategies, so that a person can choose them."""
        return self.generator.variant != "vanilla"

    def reply(
        self, history: Sequence[Message], *, strategies: Sequence[Strategy] | None, rng: np.random.Generator
    ) -> tuple[Plan | None, ScreenedTurn]:
        """Plans the next turn, unless strategies are given, writes it and screens what was written.

        Returns:
            The plan (``None`` where the planner was not asked) and the messages that may be shown.
        """
        with self._busy:
            plan = self.planner.plan(history) if strategies is None and self.planner is not None else None
            chosen = plan.strategies if plan is not None else strategies
            return plan, screened_turn(lambda: self.generator.realize(history, chosen, rng=rng), self.care.replies)


_PLANNER, _GENERATOR = "planner.json", "generator.json"  # the file by which a finished run of either kind is known


def load_system(
    runs: Sequence[Path],
    *,
    name: str | None = None,
    country: str | None = None,
    candidates: int = 1,
    tagger: Path | None = None,
) -> System:
    """Loads run folders, in any order.

    Args:
        runs: See :func:`system_runs`.
        name: Name of the system; by default the names of the given folders.
        country: Two-letter code of the country whose helplines are named; None: those of all.
        candidates: Samples of every message, of which the best is taken.
        tagger: Run folder of the tagger that chooses among them.

    Raises:
        ValueError: As :func:`system_runs`, a run is damaged, or several candidates without a tagger.
    """
    planner, generator = system_runs(runs)
    _LOG.info("Loading %s ...", " and ".join(str(run) for run in (planner, generator) if run is not None))
    # The patterns of the rules are compiled beside; models are not loaded side by side, as libraries import each other.
    with _no_collection(), ThreadPoolExecutor(1) as beside:
        beside.submit(match_rules, "")
        from generator.turn_writer import load_writer

        chooser = None
        if candidates > 1:
            from generator.choosing import SampleChooser

            if tagger is None:
                raise ValueError("--candidates needs --tagger RUN, which chooses among them: train.py tagger makes one")
            chooser = SampleChooser.load(tagger, candidates=candidates)
        plans = None if planner is None else _load_planner(planner)
        return System(
            name or "+".join(run.resolve().name for run in runs),
            # The system screens by itself, and counts.
            load_writer(generator, precision="auto", remembers=True, screened=False, chooser=chooser),
            plans,
            _load_care(plans, country),
        )


def _load_care(planner: "StrategyPlanner | None", country: str | None) -> Care:
    """Care on the planner's encoder where it has detectors; the rules alone where an encoder or weights are missing."""
    joined = None if planner is None else planner.observer.text_encoder
    try:
        return load_care(joined.meaning if isinstance(joined, JoinedEncoder) else joined, country=country)
    except ValueError as error:
        care = rules_alone(country=country)  # says which countries there are
        _LOG.warning("the learned screening is missing: %s", error)
        return care


def check_complete(*systems: System) -> None:
    """A page shows nothing without both parts of both screenings.

    Raises:
        ValueError: A detector is missing.
    """
    if not all(system.care.complete for system in systems):
        raise ValueError("the web page needs the learned screening too: its encoder or its weights are missing")


def system_runs(runs: Sequence[Path]) -> tuple[Path | None, Path]:
    """The planner's run folder, if any, and the generator's; looks at names of files only and loads nothing.

    Args:
        runs: A generator's run folder, and usually a planner's; or one folder with both in it as ``planner`` and
            ``generator``, such as the quickstart's.

    Raises:
        ValueError: A folder is neither, there are two of one kind, or there is no generator.
    """
    found: dict[str, Path] = {}
    for run in (part for folder in runs for part in _parts(folder)):
        kind = next((kind for kind in (_PLANNER, _GENERATOR) if (run / kind).is_file()), None)
        if kind is None:
            raise ValueError(f"{run}: no finished run, expected {_PLANNER} or {_GENERATOR} in it")
        if kind in found:
            raise ValueError(f"{run} and {found[kind]}: two runs of one kind, expected a planner and a generator")
        found[kind] = run
    if _GENERATOR not in found:
        raise ValueError("no generator given, expected the run folders of a planner and a generator")
    return found.get(_PLANNER), found[_GENERATOR]


def _parts(folder: Path) -> list[Path]:
    parts = [folder / "planner", folder / "generator"]
    return parts if all(part.is_dir() for part in parts) else [folder]


@contextmanager
def _no_collection() -> Iterator[None]:
    """Within it no garbage is collected: searching what libraries make as they are imported costs a second."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # what was made is there to stay
        gc.enable()


def _load_planner(run: Path) -> "StrategyPlanner":
    """The planner, with nothing of what a person writes in the embedding cache on disk."""
    from language_models.quiet import quiet_transformers
    from planner.planner import StrategyPlanner

    with quiet_transformers():
        planner = StrategyPlanner.load(run, memory_only=True)
        _ = planner.observer.history_size  # loads the text encoder now and not at the first message
    return planner
