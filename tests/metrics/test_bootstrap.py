"""Resampling: weights, intervals, paired differences, tallies side by side and means over runs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.statistics.bootstrap import (
    Tally,
    dialogue_index,
    dialogue_totals,
    estimates,
    interval,
    joined_tally,
    mean_tally,
    paired_differences,
    resample_weights,
    run_estimates,
    tally_values,
)
from metrics.strategy.calibration import calibration_tally
from metrics.strategy.scores import message_tally

SETTINGS = settings(max_examples=30, deadline=None)


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@SETTINGS
@given(st.integers(1, 30), st.integers(1, 50), st.integers(0, 9))
def test_every_resample_draws_as_many_dialogues_as_there_are(dialogues: int, samples: int, seed: int) -> None:
    weights = resample_weights(dialogues, rng=_rng(seed), samples=samples)
    assert weights.shape == (samples, dialogues)
    assert (weights >= 0).all()
    assert (weights == np.floor(weights)).all()
    assert (weights.sum(axis=1) == dialogues).all()


def test_dialogues_are_drawn_evenly_and_with_replacement() -> None:
    weights = resample_weights(10, rng=_rng(), samples=20_000)
    assert weights.mean(axis=0) == pytest.approx(np.ones(10), abs=0.05)
    assert weights.var() == pytest.approx(0.9, abs=0.03)  # binomial(10, 1/10): 10 * 0.1 * 0.9


def test_no_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="expected at least 1"):
        resample_weights(3, rng=_rng(), samples=0)


def test_totals_by_hand() -> None:
    # Dialogues 7, 3, 7: ascending 3 -> 0, 7 -> 1.
    dialogues, position = dialogue_index([7, 3, 7], items=3)
    assert dialogues.tolist() == [3, 7]
    assert position.tolist() == [1, 0, 1]
    assert dialogue_totals(np.array([[1, 10], [2, 20], [4, 40]]), position).tolist() == [[2, 20], [5, 50]]


@pytest.mark.parametrize(
    ("dialogue", "items", "complaint"),
    [
        ([], 0, "the corpus is empty"),
        ([1, 2], 3, "expected one for each of 3 items"),
        ([0.5, 1.0], 2, "expected whole numbers"),
    ],
)
def test_wrong_dialogue_numbers_are_refused(dialogue: list, items: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        dialogue_index(dialogue, items=items)


def test_interval_by_hand() -> None:
    # 0, 1, ..., 1000: the 2.5th percentile is 25, the 97.5th is 975.
    estimate = interval(500.0, np.arange(1001.0))
    assert (estimate.value, estimate.low, estimate.high) == (500.0, 25.0, 975.0)


def test_undefined_resamples_are_left_out_and_an_undefined_value_stays_undefined() -> None:
    with_nan = np.concatenate([np.arange(1001.0), np.full(500, np.nan)])
    assert interval(500.0, with_nan) == interval(500.0, np.arange(1001.0))
    assert np.isnan(interval(float("nan"), np.arange(3.0)).low)


def test_whole_dialogues_are_resampled_not_messages() -> None:
    # Two dialogues of 50 messages, one all right, one all wrong: accuracy of any resample is 0, 50 or 100.
    gold = np.zeros(100, dtype=np.int64)
    predicted = np.repeat([0, 1], 50)
    scores = estimates(message_tally(gold, predicted, np.repeat([4, 9], 50)), rng=_rng(), samples=200)
    assert (scores["accuracy"].low, scores["accuracy"].value, scores["accuracy"].high) == (0.0, 50.0, 100.0)


def test_the_interval_of_a_mean_has_the_width_theory_gives() -> None:
    # 400 dialogues of one message, right with probability 1/2: 1.96 * sqrt(0.25 / 400) = 4.9 points to each side.
    predicted = np.tile([0, 1], 200)
    tally = message_tally(np.zeros(400, dtype=np.int64), predicted, np.arange(400))
    accuracy = estimates(tally, rng=_rng(), samples=4000)["accuracy"]
    assert accuracy.value - accuracy.low == pytest.approx(4.9, abs=0.4)
    assert accuracy.high - accuracy.value == pytest.approx(4.9, abs=0.4)


def test_one_dialogue_has_no_spread() -> None:
    for score in estimates(message_tally([0, 1], [0, 2], [5, 5]), rng=_rng(), samples=20).values():
        assert score.low == score.value == score.high


@SETTINGS
@given(st.integers(0, 5))
def test_same_seed_same_interval(seed: int) -> None:
    rng = _rng(seed)
    gold, predicted, dialogue = (rng.integers(0, high, size=60) for high in (8, 8, 10))
    tally = message_tally(gold, predicted, dialogue)
    assert estimates(tally, rng=_rng(seed), samples=50) == estimates(tally, rng=_rng(seed), samples=50)
    assert estimates(tally, rng=_rng(seed), samples=50) != estimates(tally, rng=_rng(seed + 1), samples=50)


def _paired(first: np.ndarray, second: np.ndarray, dialogue: np.ndarray, samples: int = 999) -> tuple:
    gold = np.zeros(len(first), dtype=np.int64)
    tallies = [message_tally(gold, predicted, dialogue) for predicted in (first, second)]
    result = paired_differences(*tallies, rng=_rng(), samples=samples)["accuracy"]
    return result.value, result.low, result.high, result.p


def test_equal_systems_do_not_differ() -> None:
    predicted = _rng().integers(0, 2, size=40)
    assert _paired(predicted, predicted, np.repeat(np.arange(8), 5)) == (0.0, 0.0, 0.0, 1.0)


def test_resamples_are_shared_by_both_systems() -> None:
    # In every dialogue of ten messages the first system has one more right, however many the second has: the difference
    # is 10 points in each resample, though both accuracies vary. None of 999 resamples is <= 0: p = 2 * 1 / 1000.
    right = np.arange(8)  # right answers of the second system per dialogue
    second = np.concatenate([np.repeat([0, 1], [count, 10 - count]) for count in right])
    first = np.concatenate([np.repeat([0, 1], [count + 1, 9 - count]) for count in right])
    assert _paired(first, second, np.repeat(right, 10)) == pytest.approx((10.0, 10.0, 10.0, 0.002))
    assert _paired(second, first, np.repeat(right, 10)) == pytest.approx((-10.0, -10.0, -10.0, 0.002))


def test_a_difference_of_chance_is_not_significant_and_a_steady_one_is() -> None:
    rng = _rng(1)
    dialogue = np.repeat(np.arange(100), 5)
    base = (rng.random(500) > 0.5).astype(np.int64)  # 0 is right
    shuffled = rng.permutation(base)
    better = np.where(rng.random(500) < 0.2, 0, base)
    _, low, high, p = _paired(shuffled, base, dialogue)
    assert low < 0 < high
    assert p > 0.05
    _, low, _, p = _paired(better, base, dialogue)
    assert low > 0
    assert p < 0.01


def test_pairs_of_different_dialogues_are_refused() -> None:
    with pytest.raises(ValueError, match="same dialogues"):
        paired_differences(message_tally([0], [0], [1]), message_tally([0], [0], [2]), rng=_rng())


def test_all_metrics_go_through_one_set_of_resamples() -> None:
    rng = _rng(3)
    gold, dialogue = rng.integers(0, 8, size=60), rng.integers(0, 9, size=60)
    first, second = (message_tally(gold, rng.integers(0, 8, size=60), dialogue) for _ in range(2))
    together, once = _rng(1), _rng(1)
    differences = paired_differences(first, second, rng=together, samples=50)
    weights = resample_weights(9, rng=once, samples=50)
    assert together.bit_generator.state == once.bit_generator.state
    resampled = [tally.formula(weights @ tally.totals) for tally in (first, second)]
    assert set(differences) == set(resampled[0])
    for metric, difference in differences.items():
        low, high = np.percentile(resampled[0][metric] - resampled[1][metric], [2.5, 97.5])
        assert (difference.low, difference.high) == pytest.approx((low, high))


GOLD = np.zeros(60, dtype=np.int64)
DIALOGUE = np.repeat(np.arange(12), 5)


def run(seed: int, wrong: float) -> Tally:
    return message_tally(GOLD, (_rng(seed).random(60) < wrong).astype(np.int64), DIALOGUE)


def test_joined_tally_has_the_metrics_and_intervals_of_its_parts() -> None:
    messages, calibration = run(0, 0.3), calibration_tally(GOLD, np.full((60, 8), 0.125), DIALOGUE)
    together = estimates(joined_tally([messages, calibration]), rng=_rng(), samples=50)
    apart = [estimates(part, rng=_rng(), samples=50) for part in (messages, calibration)]
    assert together == apart[0] | apart[1]
    with pytest.raises(ValueError, match="a metric of one name"):
        tally_values(joined_tally([messages, messages]))


def test_mean_and_spread_over_runs_by_hand() -> None:
    runs = [message_tally([0] * 4, predicted, [1, 1, 2, 2]) for predicted in ([0, 0, 0, 1], [0, 1, 1, 0])]
    accuracy = run_estimates(runs, rng=_rng(), samples=400)["accuracy"]
    assert (accuracy.value, accuracy.runs) == (62.5, 2)  # 75 and 50
    assert accuracy.spread == pytest.approx(25 / np.sqrt(2))
    # Dialogue 1: mean of 100 and 50; dialogue 2: mean of 50 and 50. Dialogues are drawn for both runs alike.
    assert (accuracy.low, accuracy.high) == (50.0, 75.0)


def test_one_run_is_itself_and_equal_runs_have_no_spread() -> None:
    one = run(0, 0.4)
    assert run_estimates([one], rng=_rng(), samples=50) == estimates(one, rng=_rng(), samples=50)
    three = run_estimates([one, one, one], rng=_rng(), samples=50)
    for metric, estimate in estimates(one, rng=_rng(), samples=50).items():
        assert (three[metric].value, three[metric].low) == pytest.approx((estimate.value, estimate.low))
        assert three[metric].spread == pytest.approx(0.0, abs=1e-9) and three[metric].runs == 3


def test_a_mean_of_runs_can_be_compared_with_one_system() -> None:
    runs, other = [run(seed, 0.2) for seed in range(4)], run(9, 0.6)
    result = paired_differences(mean_tally(runs), other, rng=_rng(), samples=200)["accuracy"]
    means = [tally_values(one)["accuracy"] for one in runs]
    assert result.value == pytest.approx(np.mean(means) - tally_values(other)["accuracy"])
    assert result.low > 0


def test_runs_on_other_dialogues_are_refused() -> None:
    with pytest.raises(ValueError, match="the same dialogues"):
        mean_tally([run(0, 0.1), message_tally([0], [0], [1])])
    with pytest.raises(ValueError, match="the same dialogues"):
        joined_tally([])
