import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.statistics.agreement import cohen_kappa, score_kappa

answers = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=20)


def judges(table: tuple[int, int, int, int]) -> tuple[list[bool], list[bool]]:
    """Answers of two judges from how often they said yes-yes, yes-no, no-yes, no-no."""
    pairs = [(True, True), (True, False), (False, True), (False, False)]
    both = [pair for pair, count in zip(pairs, table, strict=True) for _ in range(count)]
    return [one for one, _ in both], [other for _, other in both]


def test_worked_example() -> None:
    # Observed 35 of 50; chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5; (0.7 - 0.5) / (1 - 0.5).
    assert cohen_kappa(*judges((20, 5, 10, 15))) == pytest.approx(0.4)


def test_full_no_and_chance_agreement() -> None:
    assert cohen_kappa(*judges((3, 0, 0, 4))) == 1
    assert cohen_kappa(*judges((0, 3, 3, 0))) == -1
    assert cohen_kappa(*judges((4, 4, 4, 4))) == pytest.approx(0)
    assert cohen_kappa(*judges((4, 0, 4, 0))) == pytest.approx(0)  # who always says yes agrees by chance


def test_undefined_where_both_always_gave_the_same_answer() -> None:
    assert math.isnan(cohen_kappa([True, True], [True, True]))
    assert math.isnan(cohen_kappa([False], [False]))
    assert math.isnan(score_kappa([True] * 3, [True] * 3, rng=np.random.default_rng(0), samples=5).value)


@given(answers)
def test_symmetry_and_range(pairs: list[tuple[bool, bool]]) -> None:
    one, other = np.array(pairs).T
    kappa = cohen_kappa(one, other)
    for same in (cohen_kappa(other, one), cohen_kappa(~one, ~other)):
        assert (math.isnan(kappa) and math.isnan(same)) or same == pytest.approx(kappa)
    assert math.isnan(kappa) or -1 <= kappa <= 1


def test_interval_holds_the_value_and_repeats() -> None:
    table = judges((20, 5, 10, 15))
    first, again = (score_kappa(*table, rng=np.random.default_rng(1), samples=200) for _ in range(2))
    assert first == again
    assert first.value == pytest.approx(0.4)
    assert 0 < first.low < 0.4 < first.high < 0.75


@pytest.mark.parametrize(("one", "other"), [([True], [True, False]), ([], [])])
def test_nothing_to_compare(one: list[bool], other: list[bool]) -> None:
    with pytest.raises(ValueError, match="expected one answer of each rater per item"):
        cohen_kappa(one, other)
