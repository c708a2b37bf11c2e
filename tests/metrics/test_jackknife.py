"""Intervals, means over runs and paired differences of scores that are jackknifed, by hand."""

import numpy as np
import pytest
from scipy import stats

from metrics.statistics.jackknife import LeftOut, jackknife, jackknife_difference, run_mean


def test_jackknife_by_hand() -> None:
    # 1 2 3: squares 1 + 0 + 1 = 2, times (3 - 1)/3 = 4/3, root 1.154701; t of 2 degrees of freedom 4.302653: 4.968276.
    estimate = jackknife([LeftOut(20.0, np.array([1.0, 2.0, 3.0]))])
    assert (estimate.low, estimate.high) == pytest.approx((15.031724, 24.968276), abs=1e-5)


def test_jackknife_is_cut_at_the_ends_and_has_no_spread_for_one() -> None:
    cut = jackknife([LeftOut(50.0, np.array([0.0, 100.0]))])
    assert (cut.low, cut.high) == (0.0, 100.0)
    one = jackknife([LeftOut(50.0, np.array([0.0]))])
    assert (one.low, one.high) == (50.0, 50.0)


def test_runs_by_hand() -> None:
    # Values 10 and 14: mean 12, spread sqrt(((-2)^2 + 2^2) / 1) = 2.828427; left out 1 2 3 and 3 4 5: mean 2 3 4.
    runs = [LeftOut(10.0, np.array([1.0, 2.0, 3.0])), LeftOut(14.0, np.array([3.0, 4.0, 5.0]))]
    mean = run_mean(runs)
    assert mean.value == 12.0 and mean.left_out.tolist() == [2.0, 3.0, 4.0]
    estimate = jackknife(runs)
    alone = jackknife([mean])
    assert (estimate.value, estimate.low, estimate.high) == (12.0, alone.low, alone.high)
    assert (estimate.spread, estimate.runs) == (pytest.approx(8**0.5), 2)
    assert jackknife(runs[:1]).runs == 1


def test_the_difference_of_means_is_a_paired_t_test() -> None:
    rng = np.random.default_rng(0)
    first, noise = rng.normal(50, 5, size=60), rng.normal(0.7, 2, size=60)
    second = first - noise

    def without(values: np.ndarray) -> LeftOut:
        return LeftOut(float(values.mean()), (values.sum() - values) / (len(values) - 1))

    difference = jackknife_difference(without(first), without(second))
    test = stats.ttest_rel(first, second)
    interval = test.confidence_interval(0.95)
    assert difference.p == pytest.approx(test.pvalue)
    assert (difference.value, difference.low, difference.high) == pytest.approx(
        (noise.mean(), interval.low, interval.high)
    )


def test_what_never_differs_tests_nothing() -> None:
    same = LeftOut(5.0, np.array([4.0, 6.0]))
    assert jackknife_difference(same, same).p == 1.0
    alone = jackknife_difference(LeftOut(5.0, np.array([0.0])), LeftOut(3.0, np.array([0.0])))
    assert (alone.value, alone.low, alone.high, alone.p) == (2.0, 2.0, 2.0, 1.0)


def test_other_dialogues_are_refused() -> None:
    two, three = LeftOut(1.0, np.zeros(2)), LeftOut(1.0, np.zeros(3))
    with pytest.raises(ValueError, match="scored on the same dialogues"):
        jackknife_difference(two, three)
    with pytest.raises(ValueError, match="only runs on the same dialogues have a mean"):
        run_mean([two, three])
    with pytest.raises(ValueError, match="only runs on the same dialogues have a mean"):
        run_mean([])
