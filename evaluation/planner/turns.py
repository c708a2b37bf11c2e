"""Scores planners on the turn protocol and keeps their plans for a closer look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from corpus.dialogue import Message, Turn
from corpus.strategy import Strategy
from evaluation.differences import REFERENCE, Differences, differences_json
from evaluation.items import INTERVALS, dialogue_units, progress_interval, strategies_by_progress
from evaluation.plan_source import PlannedSystem, PlanTable
from evaluation.planner.setup import BenchmarkSetup, score_systems
from evaluation.planner.speed import measure_reply_speed, measure_speed
from evaluation.published import PublishedTable, published
from evaluation.result import EvaluationResult
from metrics.statistics.bootstrap import Tally, joined_tally
from metrics.statistics.estimate import Estimate
from metrics.strategy.progress import PROGRESS_TV, progress_tally
from metrics.strategy.scores import plan_signature, plan_tally
from planner.plan import Planner

COMPARED = (
    "lr",
    "emr",
    "emr_multi",
    "multi_rate",
    "preference_bias",
    "entropy",
)  # what the trained planners' lead is shown in

TurnPlans = tuple[tuple[Strategy, ...], ...]


@dataclass(frozen=True)
class TurnBenchmark:
    """Planners on the turn protocol.

    Attributes:
        turns: The items. Length N.
        predictions: System -> for each of its runs the predicted plan of every item. Length of each: R, each of N.
        trained: Which of the systems are trained planners.
    """

    result: EvaluationResult
    turns: tuple[Turn, ...]
    predictions: Mapping[str, tuple[TurnPlans, ...]]
    trained: tuple[str, ...] = ()
    differences: Differences = field(default_factory=lambda: Differences(REFERENCE, {}))

    @property
    def gold(self) -> TurnPlans:
        """Gold plan of every item. Length: N."""
        return tuple(turn.plan for turn in self.turns)

    @property
    def published(self) -> tuple[PublishedTable, ...]:
        """What others report under this protocol."""
        return published("turn")

    def plan_lengths(self, system: str | None = None) -> np.ndarray:
        """How many plans have length 0, 1, ..., of a system (mean) or (``None``) of gold. Shape: (longest + 1,)."""
        runs = self._runs(system)
        return np.bincount([len(plan) for plans in runs for plan in plans]) / len(runs)

    def by_progress(self, system: str | None = None) -> np.ndarray:
        """Strategies of all slots per sixth of a conversation, of a system (mean) or (``None``) gold. Shape: (6, 8)."""
        runs = self._runs(system)
        slots = [_slots(self.turns, plans) for plans in runs]
        intervals, strategies = (np.concatenate([one[part] for one in slots]) for part in (0, 1))
        return strategies_by_progress(intervals, strategies) / len(runs)

    def _runs(self, system: str | None) -> tuple[TurnPlans, ...]:
        return (self.gold,) if system is None else self.predictions[system]


def benchmark_turns(setup: BenchmarkSetup, turns: Sequence[Turn], *, rng: np.random.Generator) -> TurnBenchmark:
    """Predicts the plan of every supporter turn with every planner, free-running, and scores it.

    Args:
        turns: The items, all dialogues' together (:func:`corpus.dialogue.turn_view`).
        rng: For bootstrap and speed.

    Raises:
        ValueError: No items, no planners, two of one name, or a planner that does not give one plan per turn.
    """
    histories = [turn.history for turn in turns]

    def measure(planner: Planner, rng: np.random.Generator) -> dict[str, Estimate]:
        speed = measure_speed(planner.plans, histories, rng=rng)
        return speed | measure_reply_speed(planner, histories, rng=rng)

    scored = score_systems(
        setup,
        turns,
        predict=lambda system: _plans(system, histories),
        tally=lambda plans: _tally(turns, plans),
        measure=measure,
        compared=COMPARED,
        rng=rng,
    )
    signature = plan_signature(samples=setup.samples, progress=PROGRESS_TV, data=setup.data, split=setup.split)
    benchmark = TurnBenchmark(
        EvaluationResult("planner", "turn", setup.split, len(turns), signature, scored.seconds, scored.systems),
        tuple(turns),
        scored.predictions,
        setup.own,
        scored.differences,
    )
    return replace(benchmark, result=replace(benchmark.result, details=_details(benchmark)))


def _plans(planner: PlannedSystem, histories: Sequence[Sequence[Message]]) -> TurnPlans:
    if isinstance(planner, PlanTable):
        plans = planner.plans
    else:
        plans = tuple(plan.strategies for plan in planner.plans(histories))
    if len(plans) != len(histories) or not all(plans):
        raise ValueError(
            f"planner {planner.name}: expected {len(histories)} plans that are not empty, "
            f"got {len(plans)}, {sum(not plan for plan in plans)} of them empty"
        )
    return plans


def _tally(turns: Sequence[Turn], plans: TurnPlans) -> Tally:
    """All that one run is scored in."""
    gold = tuple(turn.plan for turn in turns)
    scores = plan_tally(gold, plans, dialogue_units(turns))
    progress = progress_tally(_slots(turns, gold), _slots(turns, plans), intervals=INTERVALS)
    return joined_tally([scores, progress])


def _slots(turns: Sequence[Turn], plans: TurnPlans) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every strategy of every plan the sixth of the conversation, the class and the dialogue. Each (slots,)."""
    slots = [
        (progress_interval(turn.start + place, len(turn.dialogue.messages)), int(strategy), unit)
        for turn, plan, unit in zip(turns, plans, dialogue_units(turns).tolist(), strict=True)
        for place, strategy in enumerate(plan)
    ]
    intervals, strategies, units = np.array(slots, dtype=np.int64).T
    return intervals, strategies, units


def _details(benchmark: TurnBenchmark) -> dict[str, object]:
    """Distributions of the trained planners for the JSON; strategies in class order, lengths from 0."""
    own = benchmark.trained
    if not own:
        return {}
    return {
        "plan_lengths": {"gold": benchmark.plan_lengths().tolist()}
        | {name: benchmark.plan_lengths(name).tolist() for name in own},
        "progress": {"gold": benchmark.by_progress().tolist()}
        | {name: benchmark.by_progress(name).tolist() for name in own},
        f"differences_to_{benchmark.differences.reference}": differences_json(benchmark.differences),
    }
