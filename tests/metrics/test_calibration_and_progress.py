"""Calibration error and use of strategies over a conversation, by hand and by their properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.statistics.bootstrap import estimates, tally_values
from metrics.strategy.calibration import calibration_tally, reliability
from metrics.strategy.progress import progress_tally


def row(confidence: float, decision: int = 0) -> np.ndarray:
    """A distribution with this maximum, at this class."""
    probabilities = np.full(8, (1 - confidence) / 7)
    probabilities[decision] = confidence
    return probabilities


def ece(gold: list[int], rows: list[np.ndarray]) -> float:
    return tally_values(calibration_tally(gold, np.stack(rows), np.arange(len(gold))))["ece"]


def test_by_hand() -> None:
    # Bin of 0.41 and 0.45 (0.4 < c <= 0.467): one of two right, |1 - 0.86| = 0.14. Bin of 0.9: wrong, 0.9.
    gold, rows = [0, 1, 3], [row(0.41), row(0.45), row(0.9, 2)]
    assert ece(gold, rows) == pytest.approx(100 * (0.14 + 0.9) / 3)
    curve = reliability(gold, np.stack(rows))
    assert curve.confidence == pytest.approx([0.43, 0.9])
    assert curve.accuracy == pytest.approx([0.5, 0.0])
    assert curve.items.tolist() == [2, 1]


def test_certain_and_right_is_calibrated_certain_and_wrong_is_not() -> None:
    certain = np.eye(8)
    assert ece([0, 1], [certain[0], certain[1]]) == 0.0
    assert ece([0, 1], [certain[1], certain[0]]) == 100.0
    assert reliability([0], certain[:1]).items.tolist() == [1]  # a confidence of 1 lies in the last bin


def test_honest_probabilities_have_a_small_error_and_boasting_ones_a_large() -> None:
    rng = np.random.default_rng(0)
    rows = rng.dirichlet(np.full(8, 0.8), size=6000)
    gold = np.array([rng.choice(8, p=one) for one in rows])
    assert ece(gold, list(rows)) < 3
    boasting = rows**3 / (rows**3).sum(axis=1, keepdims=True)
    assert ece(gold, list(boasting)) > 15


def test_the_interval_holds_the_value_although_resampling_adds_noise() -> None:
    rng = np.random.default_rng(1)
    rows = rng.dirichlet(np.ones(8), size=400)
    gold = np.array([rng.choice(8, p=one) for one in rows])
    score = estimates(calibration_tally(gold, rows, np.repeat(np.arange(80), 5)), rng=rng, samples=400)["ece"]
    assert 0 <= score.low < score.value < score.high


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.floats(0.2, 1.0), st.integers(0, 7)), min_size=1, max_size=30))
def test_error_is_a_share_and_no_item_is_lost(items: list[tuple[int, float, int]]) -> None:
    gold = [item[0] for item in items]
    rows = np.stack([row(confidence, decision) for _, confidence, decision in items])
    assert 0 <= ece(gold, list(rows)) <= 100 + 1e-9
    assert reliability(gold, rows).items.sum() == len(items)


@pytest.mark.parametrize("rows", [np.zeros((2, 7)), np.full((2, 8), 1.5), np.full((2, 8), np.nan)])
def test_what_is_no_distribution_is_refused(rows: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected"):
        calibration_tally([0, 1], rows, [0, 1])


def part(*triples: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triples (interval, strategy, dialogue)."""
    columns = np.array(triples, dtype=np.int64).reshape(-1, 3).T
    return columns[0], columns[1], columns[2]


def distance(gold: tuple, predicted: tuple, intervals: int = 6) -> float:
    return tally_values(progress_tally(gold, predicted, intervals=intervals))["progress_tv"]


def test_by_hand_of_progress() -> None:
    # Interval 0: gold half 0, half 1; predicted all 0: 1/2. Interval 2: 5 against 6: 1. Others: no gold. Mean 3/4.
    gold = part((0, 0, 1), (0, 1, 1), (2, 5, 2))
    predicted = part((0, 0, 1), (0, 0, 1), (2, 6, 2), (4, 3, 2))
    assert distance(gold, predicted) == pytest.approx(75.0)


def test_equal_is_zero_disjoint_is_hundred_and_silence_counts_in_full() -> None:
    gold = part((0, 0, 1), (1, 1, 1))
    assert distance(gold, gold) == 0.0
    assert distance(gold, part((0, 2, 1), (1, 2, 1))) == pytest.approx(100.0)
    assert distance(gold, part((0, 0, 1))) == pytest.approx(50.0)
    assert distance(gold, part((0, 0, 1), (0, 0, 1), (1, 1, 1))) == 0.0  # shares, not counts


def test_interval_of_a_system_like_gold_touches_its_value() -> None:
    rng = np.random.default_rng(0)
    size = 600
    numbers, places = rng.integers(0, 60, size), rng.integers(0, 6, size)
    gold, predicted = ((places, rng.integers(0, 8, size), numbers) for _ in range(2))
    score = estimates(progress_tally(gold, predicted, intervals=6), rng=rng, samples=300)["progress_tv"]
    assert 0 < score.low < score.value < score.high < 40


@pytest.mark.parametrize("wrong", [part((6, 0, 1)), part((-1, 0, 1)), part((0, 0, 9)), part((0, 8, 1))])
def test_refusals(wrong: tuple) -> None:
    with pytest.raises(ValueError, match="predicted"):
        distance(part((0, 0, 1)), wrong)
    with pytest.raises(ValueError, match="nothing to score"):
        distance(part(), part())
