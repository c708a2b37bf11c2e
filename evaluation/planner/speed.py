"""How fast a planner decides: throughput in a batch, latency of single calls."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from corpus.dialogue import Message, Role
from encoding.embedding_cache import memory_only
from metrics.statistics.estimate import Estimate
from planner.plan import Planner

PASSES = 5  # batch passes: their spread is the interval of the throughput
BATCH = 2048  # items of a batch pass, at most: enough to fill a vectorised planner
FIRST = 64  # items of the pass that tells how many of them fit into the time of one
PASS_SECONDS = 2.0  # a slow planner gets smaller batches, so that passes take about this long at most


def measure_speed(
    decide: Callable[[Sequence[Any]], object],
    items: Sequence[Any],
    *,
    rng: np.random.Generator,
    singles: int = 50,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Estimate]:
    """Times a planner that is already warm: it has decided all ``items`` once before, so caches are filled.

    Args:
        decide: Takes a sequence of items and decides them all.
        items: At least one.
        rng: Samples the items that are timed.
        singles: Single calls for the latency, at most; fewer where there are fewer items.
        clock: Seconds; a test passes its own.

    Returns:
        ``decisions_per_second``: median of the batch passes, low and high are the slowest and the fastest pass.
        ``latency_ms_p50``, ``latency_ms_p95``: percentiles over single calls in milliseconds, low and high a 95 %
        bootstrap interval over these calls.
    """

    def seconds(batch: Sequence[Any]) -> float:
        start = clock()
        decide(batch)
        return max(clock() - start, 1e-9)  # a clock of coarse resolution may see no time pass

    def sampled(count: int) -> list[Any]:
        return [items[index] for index in rng.choice(len(items), size=min(count, len(items)), replace=False)]

    first = sampled(FIRST)
    seconds(first)  # warm
    fitting = int(PASS_SECONDS * len(first) / seconds(first))
    batch = sampled(min(BATCH, max(FIRST, fitting)))
    seconds(batch)  # warm
    rates = np.array([len(batch) / seconds(batch) for _ in range(PASSES)])  # (PASSES,) decisions a second
    sample = sampled(singles)
    seconds(sample[:1])  # warm: the first single call may take another path than a batch
    milliseconds = [1000 * seconds([item]) for item in sample]
    return {
        "decisions_per_second": Estimate(float(np.median(rates)), float(rates.min()), float(rates.max())),
        **_percentiles(milliseconds, "latency_ms", rng=rng),
    }


def measure_reply_speed(
    planner: Planner,
    histories: Sequence[Sequence[Message]],
    *,
    rng: np.random.Generator,
    singles: int = 50,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Estimate]:
    """Times planning after a seeker's message that was never met before: tokenise, embed, plan; as in a live chat.

    Args:
        planner: Warm; the older messages of every history are in its cache.
        histories: Those are timed that end with the seeker.
        rng: Samples the histories that are timed.
        singles: Histories timed, at most.
        clock: Seconds; a test passes its own.

    Returns:
        ``latency_new_ms_p50``, ``latency_new_ms_p95``; nothing where no history ends with the seeker.
    """
    answers = [history for history in histories if history and history[-1].role is Role.SEEKER]
    if not answers:
        return {}
    timed = rng.choice(len(answers), size=min(singles, len(answers)), replace=False)
    marks = rng.integers(10**9, size=len(timed) + 1)  # another text in every run: caches outlive a process
    milliseconds = []
    with memory_only():  # messages that nobody wrote are no data
        planner.plans([_after_new_message(answers[0], marks[-1])])  # warm: loads the encoder
        for index, mark in zip(timed, marks, strict=False):
            history = _after_new_message(answers[index], mark)
            start = clock()
            planner.plans([history])
            milliseconds.append(1000 * (clock() - start))
    return _percentiles(milliseconds, "latency_new_ms", rng=rng)


def _after_new_message(history: Sequence[Message], mark: int) -> tuple[Message, ...]:
    """The same history with a last message that nobody wrote: the seeker's own with a number behind it."""
    *earlier, last = history
    return (*earlier, replace(last, text=f"{last.text} {mark}"))


def _percentiles(values: Sequence[float], name: str, *, rng: np.random.Generator) -> dict[str, Estimate]:
    """``NAME_p50`` and ``NAME_p95`` with 95 % bootstrap intervals."""
    milliseconds = np.array(values)
    resampled = rng.choice(milliseconds, size=(1000, len(milliseconds)))  # (1000, singles)
    scores = {}
    for percentile in (50, 95):
        low, high = np.percentile(np.percentile(resampled, percentile, axis=1), [2.5, 97.5])
        value = float(np.percentile(milliseconds, percentile))
        # The bootstrap of an extreme percentile lies below it; its own value always belongs to the interval.
        scores[f"{name}_p{percentile}"] = Estimate(value, min(float(low), value), max(float(high), value))
    return scores


def mean_speed(runs: Sequence[Mapping[str, Estimate]]) -> dict[str, Estimate]:
    """Speed of a system of one or more runs: mean and spread of their values, between the lowest and the highest end.

    Args:
        runs: What :func:`measure_speed` gave for each; of a plan table, which decides nothing, none.
    """
    if len(runs) < 2:
        return dict(*runs)
    scores = {}
    for metric in runs[0]:
        parts = [run[metric] for run in runs]
        values = [part.value for part in parts]
        low, high = min(part.low for part in parts), max(part.high for part in parts)
        scores[metric] = Estimate(float(np.mean(values)), low, high, float(np.std(values, ddof=1)), len(runs))
    return scores
