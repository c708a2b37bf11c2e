"""Scores planners on the message protocol and keeps their predictions for a closer look."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from corpus.dialogue import Message, Utterance
from corpus.strategy import Strategy
from evaluation.differences import REFERENCE, Differences, differences_json, differences_to_reference
from evaluation.items import INTERVALS, dialogue_units, progress_interval, strategies_by_progress
from evaluation.planner.rows import PlanTable, System, planner_rows, with_progress
from evaluation.planner.speed import mean_speed, measure_speed
from evaluation.published import PublishedTable, published
from evaluation.result import EvaluationResult
from metrics.statistics.bootstrap import Tally
from metrics.statistics.estimate import Estimate
from metrics.statistics.run_mean import joined_tally, mean_tally, run_estimates
from metrics.strategy.calibration import CALIBRATION, Reliability, calibration_tally, reliability
from metrics.strategy.progress import PROGRESS_TV, progress_tally
from metrics.strategy.scores import message_signature, message_tally
from planner.plan import Calibrated, Planner

COMPARED = ("macro_f1", "weighted_f1", "preference_bias", "entropy")  # what the trained planners' lead is shown in


@dataclass(frozen=True)
class MessageBenchmark:
    """Planners on the message protocol.

    Attributes:
        result: Scores and speed of every planner.
        utterances: The items. Length N.
        predictions: System -> predicted class of every item, a row for each of its runs. Shape of each: (R, N).
        beliefs: System -> probabilities without class offsets. Shape of each: (R, N, 8).
        trained: Which of the systems are trained planners.
        differences: Trained planners against the reference.
    """

    result: EvaluationResult
    utterances: tuple[Utterance, ...]
    predictions: Mapping[str, np.ndarray]
    beliefs: Mapping[str, np.ndarray]
    trained: tuple[str, ...] = ()
    differences: Differences = field(default_factory=lambda: Differences(REFERENCE, {}))

    @property
    def gold(self) -> np.ndarray:
        """Gold class of every item. Shape: (N,)."""
        return np.array([utterance.strategy for utterance in self.utterances], dtype=np.int64)

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
        return strategies_by_progress(np.tile(_intervals(self.utterances), len(runs)), runs.ravel()) / len(runs)

    def reliability(self, system: str) -> Reliability:
        """Accuracy by confidence, all runs' decisions together."""
        beliefs = self.beliefs[system]
        return reliability(np.tile(self.gold, len(beliefs)), beliefs.reshape(-1, len(Strategy)))


def benchmark_messages(
    planners: Sequence[System],
    utterances: Sequence[Utterance],
    *,
    split: str,
    data: str,
    rng: np.random.Generator,
    samples: int = 1000,
    trained: Sequence[Planner] = (),
    reference: str = REFERENCE,
) -> MessageBenchmark:
    """Predicts the strategy of every supporter message with every planner and scores it.

    Args:
        planners: Baselines and plan tables, with different names.
        utterances: The items, all dialogues' together (:func:`corpus.dialogue.message_view`).
        split: For the result.
        data: What identifies the data in the signature, e.g. name and shortened fingerprint.
        rng: For bootstrap and speed; every planner is scored on the same resampled dialogues.
        samples: Bootstrap resamples.
        trained: Trained planners; several of one name are runs of one system, and stand in one row as their mean.
        reference: System that differences of the trained planners are measured to.

    Raises:
        ValueError: No items, no planners, two of one name, or a planner that gives no proper probabilities.
    """
    start = time.perf_counter()
    rows = planner_rows(planners, trained, items=len(utterances))
    units = dialogue_units(utterances)
    seed = int(rng.integers(2**63))
    histories = [utterance.history for utterance in utterances]
    predictions: dict[str, np.ndarray] = {}
    beliefs: dict[str, np.ndarray] = {}
    tallies: dict[str, Tally] = {}
    systems: dict[str, dict[str, Estimate]] = {}
    for name, runs in with_progress(rows, "message protocol"):
        decided = [_probabilities(planner, histories) for planner in runs]
        predictions[name] = np.stack([decision.argmax(axis=1) for decision, _ in decided])  # (R, N)
        beliefs[name] = np.stack([belief for _, belief in decided])  # (R, N, 8)
        of_runs = [
            _tally(utterances, predicted, belief, units)
            for predicted, belief in zip(predictions[name], beliefs[name], strict=True)
        ]
        tallies[name] = mean_tally(of_runs)
        timed = [
            measure_speed(planner.strategy_probabilities, histories, rng=np.random.default_rng(seed))
            for planner in runs
            if not isinstance(planner, PlanTable)
        ]
        systems[name] = {
            **run_estimates(of_runs, rng=np.random.default_rng(seed), samples=samples),
            **mean_speed(timed),
        }
    text = message_signature(samples=samples, ece=CALIBRATION, progress=PROGRESS_TV, data=data, split=split)
    own = tuple(dict.fromkeys(planner.name for planner in trained))
    differences = differences_to_reference(
        tallies, own, reference=reference, metrics=COMPARED, seed=seed, samples=samples
    )
    seconds = round(time.perf_counter() - start, 2)
    result = EvaluationResult("planner", "message", split, len(utterances), text, seconds, systems)
    benchmark = MessageBenchmark(result, tuple(utterances), predictions, beliefs, own, differences)
    return replace(benchmark, result=replace(result, details=_details(benchmark)))


def _probabilities(planner: System, histories: Sequence[Sequence[Message]]) -> tuple[np.ndarray, np.ndarray]:
    """What a planner decides by and, where it tells it apart, what it believes. Each (N, 8)."""
    if isinstance(planner, PlanTable):
        decision = np.eye(len(Strategy))[[strategy for (strategy,) in planner.plans]]
    else:
        decision = np.asarray(planner.strategy_probabilities(histories))
    belief = decision
    if isinstance(planner, Calibrated):
        belief = np.asarray(planner.calibrated_probabilities(histories))
    expected = (len(histories), len(Strategy))
    for probabilities in (decision, belief):
        if probabilities.shape != expected or not np.isfinite(probabilities).all():
            raise ValueError(f"planner {planner.name}: expected finite probabilities of shape {expected}")
    return decision, belief


def _tally(utterances: Sequence[Utterance], predicted: np.ndarray, belief: np.ndarray, units: np.ndarray) -> Tally:
    """All that one run is scored in."""
    gold = np.array([utterance.strategy for utterance in utterances], dtype=np.int64)
    intervals = _intervals(utterances)
    return joined_tally(
        [
            message_tally(gold, predicted, units),
            calibration_tally(gold, belief, units),
            progress_tally((intervals, gold, units), (intervals, predicted, units), intervals=INTERVALS),
        ]
    )


def _intervals(utterances: Sequence[Utterance]) -> np.ndarray:
    """The sixth of its conversation that every message stands in. Shape: (N,)."""
    return np.array([progress_interval(item.index, len(item.dialogue.messages)) for item in utterances], dtype=np.int64)


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
