"""How fast a planner decides: throughput in a batch, latency of single calls."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from metrics.estimate import Estimate

PASSES = 5  # batch passes: their spread is the interval of the throughput
BATCH = 256  # items of a batch pass, at most: enough to fill a vectorised planner, small enough to repeat


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
        rng: Draws which items are timed.
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

    def draw(count: int) -> list[Any]:
        return [items[index] for index in rng.choice(len(items), size=min(count, len(items)), replace=False)]

    batch = draw(BATCH)
    seconds(batch)  # warm
    rates = np.array([len(batch) / seconds(batch) for _ in range(PASSES)])  # (PASSES,) decisions a second
    sample = draw(singles)
    seconds(sample[:1])  # warm: the first single call may take another path than a batch
    milliseconds = np.array([1000 * seconds([item]) for item in sample])  # (singles,)
    resampled = rng.choice(milliseconds, size=(1000, len(milliseconds)))  # (1000, singles)
    scores = {"decisions_per_second": Estimate(float(np.median(rates)), float(rates.min()), float(rates.max()))}
    for percentile in (50, 95):
        low, high = np.percentile(np.percentile(resampled, percentile, axis=1), [2.5, 97.5])
        value = float(np.percentile(milliseconds, percentile))
        # The bootstrap of an extreme percentile lies below it; its own value always belongs to the interval.
        scores[f"latency_ms_p{percentile}"] = Estimate(value, min(float(low), value), max(float(high), value))
    return scores
