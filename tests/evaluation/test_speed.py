from collections.abc import Sequence

import numpy as np
import pytest

from evaluation.speed import measure_speed


class Clock:
    """Time that passes only when work is done."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_rate_and_latency_of_known_work():
    clock = Clock()
    batches: list[int] = []

    def decide(items: Sequence[int]) -> None:
        batches.append(len(items))
        clock.now += 0.004 + 0.001 * len(items)

    scores = measure_speed(decide, list(range(100)), rng=np.random.default_rng(0), singles=10, clock=clock)
    assert scores["decisions_per_second"].value == pytest.approx(100 / 0.104)
    for metric in ("latency_ms_p50", "latency_ms_p95"):
        estimate = scores[metric]
        assert (estimate.low, estimate.value, estimate.high) == pytest.approx((5.0, 5.0, 5.0))
    assert batches[:6] == [100] * 6 and batches[6:] == [1] * 11  # a warm-up before each kind


def test_percentiles_of_uneven_calls():
    clock = Clock()

    def decide(items: Sequence[int]) -> None:
        clock.now += sum(items) / 1000  # an item takes as many milliseconds as its number

    scores = measure_speed(decide, list(range(1, 42)), rng=np.random.default_rng(0), singles=41, clock=clock)
    assert scores["latency_ms_p50"].value == pytest.approx(21.0)
    assert scores["latency_ms_p95"].value == pytest.approx(39.0)
    for estimate in scores.values():
        assert estimate.low <= estimate.value <= estimate.high
    assert scores["latency_ms_p50"].low < 21 < scores["latency_ms_p50"].high


def test_one_item_and_a_clock_that_stands_still():
    scores = measure_speed(len, ["only"], rng=np.random.default_rng(0), clock=lambda: 0.0)
    assert all(np.isfinite(estimate.value) for estimate in scores.values())
