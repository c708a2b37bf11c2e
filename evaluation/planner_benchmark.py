"""Scores planners on the message and the turn protocol and keeps their predictions for the report."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from corpus.dialogue import Turn, Utterance
from corpus.strategy import Strategy
from evaluation.items import dialogue_units, progress_interval, strategies_by_progress
from evaluation.published import PublishedTable, published
from evaluation.result import EvaluationResult
from evaluation.speed import measure_speed
from metrics.estimate import Estimate
from metrics.message_scores import message_signature, score_messages
from metrics.plan_scores import plan_signature, score_plans
from planner.plan import Planner

GOLD = "gold"  # how the report calls the corpus itself; the ceiling of the ladder bears the same name


@dataclass(frozen=True)
class MessageBenchmark:
    """Planners on the message protocol.

    Attributes:
        result: Scores and speed of every planner.
        utterances: The items. Length N.
        predictions: Planner -> predicted class of every item. Shape of each: (N,).
    """

    result: EvaluationResult
    utterances: tuple[Utterance, ...]
    predictions: Mapping[str, np.ndarray]

    @property
    def gold(self) -> np.ndarray:
        """Gold class of every item. Shape: (N,)."""
        return np.array([utterance.strategy for utterance in self.utterances], dtype=np.int64)

    @property
    def published(self) -> tuple[PublishedTable, ...]:
        """What others report under this protocol."""
        return published("message")

    def confusion(self, system: str) -> np.ndarray:
        """Counts, rows gold and columns predicted. Shape: (8, 8)."""
        counts = np.zeros((len(Strategy), len(Strategy)), dtype=np.int64)
        np.add.at(counts, (self.gold, self.predictions[system]), 1)
        return counts

    def by_progress(self, system: str | None = None) -> np.ndarray:
        """Strategies per sixth of the conversation, of a planner or (``None``) of the corpus. Shape: (6, 8)."""
        intervals = [progress_interval(item.index, len(item.dialogue.messages)) for item in self.utterances]
        return strategies_by_progress(intervals, self.gold if system is None else self.predictions[system])


@dataclass(frozen=True)
class TurnBenchmark:
    """Planners on the turn protocol.

    Attributes:
        result: Scores and speed of every planner.
        turns: The items. Length N.
        predictions: Planner -> predicted plan of every item. Length of each: N.
    """

    result: EvaluationResult
    turns: tuple[Turn, ...]
    predictions: Mapping[str, tuple[tuple[Strategy, ...], ...]]

    @property
    def gold(self) -> tuple[tuple[Strategy, ...], ...]:
        """Gold plan of every item. Length: N."""
        return tuple(turn.plan for turn in self.turns)

    @property
    def published(self) -> tuple[PublishedTable, ...]:
        """What others report under this protocol."""
        return published("turn")

    def plan_lengths(self, system: str | None = None) -> np.ndarray:
        """How many plans have length 0, 1, 2, ..., of a planner or (``None``) of the corpus. Shape: (longest + 1,)."""
        return np.bincount([len(plan) for plan in (self.gold if system is None else self.predictions[system])])

    def by_progress(self, system: str | None = None) -> np.ndarray:
        """Strategies of all slots per sixth of the conversation, of a planner or (``None``) gold. Shape: (6, 8)."""
        places = [
            (progress_interval(turn.start + slot, len(turn.dialogue.messages)), strategy)
            for turn, plan in zip(self.turns, self.gold if system is None else self.predictions[system], strict=True)
            for slot, strategy in enumerate(plan)
        ]
        return strategies_by_progress([place[0] for place in places], [place[1] for place in places])


def benchmark_messages(
    planners: Sequence[Planner],
    utterances: Sequence[Utterance],
    *,
    split: str,
    data: str,
    rng: np.random.Generator,
    samples: int = 1000,
) -> MessageBenchmark:
    """Predicts the strategy of every supporter message with every planner and scores it.

    Args:
        planners: With different names.
        utterances: The items, all dialogues' together (:func:`corpus.dialogue.message_view`).
        split: For the result.
        data: What identifies the data in the signature, e.g. name and shortened fingerprint.
        rng: For bootstrap and speed; every planner is scored on the same resampled dialogues.
        samples: Bootstrap resamples.

    Raises:
        ValueError: No items, no planners, two of one name, or a planner that gives no proper probabilities.
    """
    start = time.perf_counter()
    _check(planners, utterances)
    gold = np.array([utterance.strategy for utterance in utterances], dtype=np.int64)  # (N,)
    units = dialogue_units(utterances)
    seed = int(rng.integers(2**63))
    predictions: dict[str, np.ndarray] = {}
    systems: dict[str, dict[str, Estimate]] = {}
    for planner in _progress(planners, "message protocol"):
        probabilities = np.asarray(planner.strategy_probabilities(utterances))  # (N, 8)
        expected = (len(utterances), len(Strategy))
        if probabilities.shape != expected or not np.isfinite(probabilities).all():
            raise ValueError(f"planner {planner.name}: expected finite probabilities of shape {expected}")
        predictions[planner.name] = probabilities.argmax(axis=1)
        predicted = predictions[planner.name]
        systems[planner.name] = {
            **score_messages(gold, predicted, units, rng=np.random.default_rng(seed), samples=samples),
            **measure_speed(planner.strategy_probabilities, utterances, rng=np.random.default_rng(seed)),
        }
    text = message_signature(samples=samples, data=data, split=split)
    seconds = round(time.perf_counter() - start, 2)
    result = EvaluationResult("planner", "message", split, len(utterances), text, seconds, systems)
    return MessageBenchmark(result, tuple(utterances), predictions)


def benchmark_turns(
    planners: Sequence[Planner],
    turns: Sequence[Turn],
    *,
    split: str,
    data: str,
    rng: np.random.Generator,
    samples: int = 1000,
) -> TurnBenchmark:
    """Predicts the plan of every supporter turn with every planner, free-running, and scores it.

    Args:
        planners: With different names.
        turns: The items, all dialogues' together (:func:`corpus.dialogue.turn_view`).
        split: For the result.
        data: What identifies the data in the signature, e.g. name and shortened fingerprint.
        rng: For bootstrap and speed; every planner is scored on the same resampled dialogues.
        samples: Bootstrap resamples.

    Raises:
        ValueError: No items, no planners, two of one name, or a planner that does not give one plan per turn.
    """
    start = time.perf_counter()
    _check(planners, turns)
    gold = [turn.plan for turn in turns]
    units = dialogue_units(turns)
    seed = int(rng.integers(2**63))
    predictions: dict[str, tuple[tuple[Strategy, ...], ...]] = {}
    systems: dict[str, dict[str, Estimate]] = {}
    for planner in _progress(planners, "turn protocol"):
        plans = tuple(plan.strategies for plan in planner.plans(turns))
        if len(plans) != len(turns) or not all(plans):
            raise ValueError(
                f"planner {planner.name}: expected {len(turns)} plans that are not empty, "
                f"got {len(plans)}, {sum(not plan for plan in plans)} of them empty"
            )
        predictions[planner.name] = plans
        systems[planner.name] = {
            **score_plans(gold, plans, units, rng=np.random.default_rng(seed), samples=samples),
            **measure_speed(planner.plans, turns, rng=np.random.default_rng(seed)),
        }
    text = plan_signature(samples=samples, data=data, split=split)
    seconds = round(time.perf_counter() - start, 2)
    result = EvaluationResult("planner", "turn", split, len(turns), text, seconds, systems)
    return TurnBenchmark(result, tuple(turns), predictions)


def _check(planners: Sequence[Planner], items: Sequence[object]) -> None:
    names = [planner.name for planner in planners]
    if not names or not items:
        raise ValueError(f"nothing to evaluate: {len(names)} planners, {len(items)} items")
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two planners are called {repeated[0]!r}; each needs its own name in the table")


def _progress(planners: Sequence[Planner], what: str) -> Iterable[Planner]:
    """The planners behind a progress bar on stderr; no bar where stderr is not a terminal."""
    bar = tqdm(planners, desc=what, unit="planner", disable=None)
    for planner in bar:
        bar.set_postfix_str(planner.name)
        yield planner
