"""Total variation over the intervals of a conversation, by hand and by its properties."""

import numpy as np
import pytest

from metrics.statistics.bootstrap import estimates, tally_values
from metrics.strategy.progress import progress_tally


def part(*triples: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Triples (interval, strategy, dialogue)."""
    columns = np.array(triples, dtype=np.int64).reshape(-1, 3).T
    return columns[0], columns[1], columns[2]


def distance(gold: tuple, predicted: tuple, intervals: int = 6) -> float:
    return tally_values(progress_tally(gold, predicted, intervals=intervals))["progress_tv"]


def test_by_hand() -> None:
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
