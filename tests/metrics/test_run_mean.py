"""Tallies side by side, and means over runs."""

import numpy as np
import pytest

from metrics.statistics.bootstrap import (
    Tally,
    estimates,
    joined_tally,
    mean_tally,
    paired_differences,
    run_estimates,
    tally_values,
)
from metrics.strategy.calibration import calibration_tally
from metrics.strategy.scores import message_tally

GOLD = np.zeros(60, dtype=np.int64)
DIALOGUE = np.repeat(np.arange(12), 5)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def run(seed: int, wrong: float) -> Tally:
    return message_tally(GOLD, (rng(seed).random(60) < wrong).astype(np.int64), DIALOGUE)


def test_joined_tally_has_the_metrics_and_intervals_of_its_parts() -> None:
    messages, calibration = run(0, 0.3), calibration_tally(GOLD, np.full((60, 8), 0.125), DIALOGUE)
    together = estimates(joined_tally([messages, calibration]), rng=rng(), samples=50)
    apart = [estimates(part, rng=rng(), samples=50) for part in (messages, calibration)]
    assert together == apart[0] | apart[1]
    with pytest.raises(ValueError, match="a metric of one name"):
        tally_values(joined_tally([messages, messages]))


def test_mean_and_spread_over_runs_by_hand() -> None:
    runs = [message_tally([0] * 4, predicted, [1, 1, 2, 2]) for predicted in ([0, 0, 0, 1], [0, 1, 1, 0])]
    accuracy = run_estimates(runs, rng=rng(), samples=400)["accuracy"]
    assert (accuracy.value, accuracy.runs) == (62.5, 2)  # 75 and 50
    assert accuracy.spread == pytest.approx(25 / np.sqrt(2))
    # Dialogue 1: mean of 100 and 50; dialogue 2: mean of 50 and 50. Dialogues are drawn for both runs alike.
    assert (accuracy.low, accuracy.high) == (50.0, 75.0)


def test_one_run_is_itself_and_equal_runs_have_no_spread() -> None:
    one = run(0, 0.4)
    assert run_estimates([one], rng=rng(), samples=50) == estimates(one, rng=rng(), samples=50)
    three = run_estimates([one, one, one], rng=rng(), samples=50)
    for metric, estimate in estimates(one, rng=rng(), samples=50).items():
        assert (three[metric].value, three[metric].low) == pytest.approx((estimate.value, estimate.low))
        assert three[metric].spread == pytest.approx(0.0, abs=1e-9) and three[metric].runs == 3


def test_a_mean_of_runs_can_be_compared_with_one_system() -> None:
    runs, other = [run(seed, 0.2) for seed in range(4)], run(9, 0.6)
    result = paired_differences(mean_tally(runs), other, rng=rng(), samples=200)["accuracy"]
    means = [tally_values(one)["accuracy"] for one in runs]
    assert result.value == pytest.approx(np.mean(means) - tally_values(other)["accuracy"])
    assert result.low > 0


def test_runs_on_other_dialogues_are_refused() -> None:
    with pytest.raises(ValueError, match="the same dialogues"):
        mean_tally([run(0, 0.1), message_tally([0], [0], [1])])
    with pytest.raises(ValueError, match="the same dialogues"):
        joined_tally([])
