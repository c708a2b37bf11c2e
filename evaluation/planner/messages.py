"""Scores planners on the message protocol and keeps their predictions for a closer look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from corpus.dialogue import Message, SupporterMessage
from corpus.strategy import Strategy
from evaluation.differences import REFERENCE, Differences, differences_json
from evaluation.items import INTERVALS, dialogue_units, progress_interval, strategies_by_progress
from evaluation.plan_source import PlannedSystem, PlanTable
from evaluation.planner.setup import BenchmarkSetup, score_systems
from evaluation.planner.speed import measure_speed
from evaluation.published import PublishedTable, published
from evaluation.result import EvaluationResult
from metrics.statistics.bootstrap import Tally, joined_tally
from metrics.strategy.calibration import CALIBRATION, Reliability, calibration_tally, reliability
from metrics.strategy.progress import PROGRESS_TV, progress_tally
from metrics.strategy.scores import message_signature, message_tally
from planner.plan import Calibrated

COMPARED = ("macro_f1", "weighted_f1", "preference_bias", "entropy")  # what the trained planners' lead is shown in


@dataclass(frozen=True)
class MessageBenchmark:
    """Planners on the message protocol.

    Attributes:
        items: The supporter messages. Length N.
        predictions: System -> predicted class of every item, a row for each of its runs. Shape of each: (R, N).
        calibrated: System -> probabilities without class offsets. Shape of each: (R, N, 8).
        trained: Which of the systems are trained planners.
    """

    result: EvaluationResult
    items: tuple[SupporterMessage, ...]
    predictions: Mapping[str, np.ndarray]
    calibrated: Mapping[str, np.ndarray]
    trained: tuple[str, ...] = ()
    differences: Differences = field(default_factory=lambda: Differences(REFERENCE, {}))

    @property
    def gold(self) -> np.ndarray:
        """Gold class of every item. Shape: (N,)."""
        return np.array([item.strategy for item in self.items], dtype=np.int64)

    @property
    def published(self) -> tuple[PublishedTable, ...]:
        """What others report under this protocol."""
        return published("message")

    def confusion(self, system: str) -> np.ndarray:
        """Counts, rows gold and columns predicted, mean over the runs. Shape: (8, 8)."""
        runs = self.predictions[system]
        counts = np.zeros((len(Strategy), len(Strategy)))
        np.add.at(counts, (np.tile(self.gold, len(runs)), runs.ravel()), 1)
        return counts / len(runs)

    def by_progress(self, system: str | None = None) -> np.ndarray:
        """Strategies per sixth of the conversation, of a system (mean) or (``None``) of the corpus. Shape: (6, 8)."""
        runs = self.gold[None] if system is None else self.predictions[system]
        return strategies_by_progress(np.tile(_intervals(self.items), len(runs)), runs.ravel()) / len(runs)

    def reliability(self, system: str) -> Reliability:
        """Accuracy by confidence, all runs' decisions together."""
        runs = self.calibrated[system]
        return reliability(np.tile(self.gold, len(runs)), runs.reshape(-1, len(Strategy)))


def benchmark_messages(
    setup: BenchmarkSetup, items: Sequence[SupporterMessage], *, rng: np.random.Generator
) -> MessageBenchmark:
    """Predicts the strategy of every supporter message with every planner and scores it.

    Args:
        items: The supporter messages, of all dialogues together (:func:`corpus.dialogue.message_view`).
        rng: For bootstrap and speed.

    Raises:
        ValueError: No items, no planners, two of one name, or a planner that gives no proper probabilities.
    """
    units = dialogue_units(items)
    histories = [item.history for item in items]
    scored = score_systems(
        setup,
        items,
        predict=lambda system: _probabilities(system, histories),
        tally=lambda prediction: _tally(items, *prediction, units),
        measure=lambda planner, rng: measure_speed(planner.strategy_probabilities, histories, rng=rng),
        compared=COMPARED,
        rng=rng,
    )
    split, predictions = setup.split, scored.predictions
    signature = message_signature(
        samples=setup.samples, ece=CALIBRATION, progress=PROGRESS_TV, data=setup.data, split=split
    )
    benchmark = MessageBenchmark(
        EvaluationResult("planner", "message", split, len(items), signature, scored.seconds, scored.systems),
        tuple(items),
        {
            name: np.stack([decision.argmax(axis=1) for decision, _ in runs])
            for name, runs in scored.predictions.items()
        },
        {name: np.stack([calibrated for _, calibrated in runs]) for name, runs in predictions.items()},
        setup.own,
        scored.differences,
    )
    return replace(benchmark, result=replace(benchmark.result, details=_details(benchmark)))


def _probabilities(planner: PlannedSystem, histories: Sequence[Sequence[Message]]) -> tuple[np.ndarray, np.ndarray]:
    """What a planner decides by, and its probabilities without class offsets where it has such. Each (N, 8)."""
    if isinstance(planner, PlanTable):
        decision = np.eye(len(Strategy))[[strategy for (strategy,) in planner.plans]]
    else:
        decision = np.asarray(planner.strategy_probabilities(histories))
    calibrated = decision
    if isinstance(planner, Calibrated):
        calibrated = np.asarray(planner.calibrated_probabilities(histories))
    expected = (len(histories), len(Strategy))
    for probabilities in (decision, calibrated):
        if probabilities.shape != expected or not np.isfinite(probabilities).all():
            raise ValueError(f"planner {planner.name}: expected finite probabilities of shape {expected}")
    return decision, calibrated


def _tally(items: Sequence[SupporterMessage], decision: np.ndarray, calibrated: np.ndarray, units: np.ndarray) -> Tally:
    """All that one run is scored in."""
    predicted = decision.argmax(axis=1)
    gold = np.array([item.strategy for item in items], dtype=np.int64)
    intervals = _intervals(items)
    return joined_tally(
        [
            message_tally(gold, predicted, units),
            calibration_tally(gold, calibrated, units),
            progress_tally((intervals, gold, units), (intervals, predicted, units), intervals=INTERVALS),
        ]
    )


def _intervals(items: Sequence[SupporterMessage]) -> np.ndarray:
    """The sixth of its conversation that every message is in. Shape: (N,)."""
    return np.array([progress_interval(item.index, len(item.dialogue.messages)) for item in items], dtype=np.int64)


def _details(benchmark: MessageBenchmark) -> dict[str, object]:
    """Matrices and curves of the trained planners for the JSON; strategies in class order."""
    own = benchmark.trained
    if not own:
        return {}
    curves = {name: benchmark.reliability(name) for name in own}
    return {
        "confusion": {name: benchmark.confusion(name).tolist() for name in own},
        "reliability": {
            name: {
                "confidence": curve.confidence.tolist(),
                "accuracy": curve.accuracy.tolist(),
                "items": curve.items.tolist(),
            }
            for name, curve in curves.items()
        },
        "progress": {"gold": benchmark.by_progress().tolist()}
        | {name: benchmark.by_progress(name).tolist() for name in own},
        f"differences_to_{benchmark.differences.reference}": differences_json(benchmark.differences),
    }
