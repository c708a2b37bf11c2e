"""Agreement of raters and the sign test: worked examples, limits, published marks."""

import math

import numpy as np
import pytest

from metrics.statistics.agreement import SignTest, cohen_kappa, fleiss_kappa, score_kappa, share, sign_mark

# Ten items, fourteen raters, five categories: the usual worked example of Fleiss' kappa, 0.210.
WORKED = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def test_worked_example() -> None:
    assert fleiss_kappa(np.array(WORKED)) == pytest.approx(0.210, abs=5e-4)


def test_full_and_no_agreement() -> None:
    assert fleiss_kappa(np.array([[3, 0], [0, 3]])) == pytest.approx(1)
    assert fleiss_kappa(np.array([[1, 1], [1, 1]])) == pytest.approx(-1)


def test_items_with_one_rater_count_nowhere() -> None:
    table = np.array([[3, 0, 0], [1, 2, 0], [0, 1, 1]])
    assert fleiss_kappa(np.vstack([table, [[0, 0, 1], [0, 0, 0]]])) == fleiss_kappa(table)


def test_undefined() -> None:
    assert math.isnan(fleiss_kappa(np.array([[1, 0], [0, 1]])))
    assert math.isnan(fleiss_kappa(np.array([[3, 0], [2, 0]])))
    assert math.isnan(fleiss_kappa(np.zeros((0, 3), int)))


def test_no_table_of_counts() -> None:
    for wrong in (np.array([[0.5, 1.5]]), np.array([[-1, 3]]), np.array([1, 2])):
        with pytest.raises(ValueError, match="expected counts"):
            fleiss_kappa(wrong)


def raters(table: tuple[int, int, int, int]) -> tuple[list[bool], list[bool]]:
    """Answers of two raters from how often they said yes-yes, yes-no, no-yes, no-no."""
    pairs = [(True, True), (True, False), (False, True), (False, False)]
    both = [pair for pair, count in zip(pairs, table, strict=True) for _ in range(count)]
    return [one for one, _ in both], [other for _, other in both]


def test_worked_example_of_cohen() -> None:
    # Observed 35 of 50; chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5; (0.7 - 0.5) / (1 - 0.5).
    assert cohen_kappa(*raters((20, 5, 10, 15))) == pytest.approx(0.4)


def test_full_no_and_chance_agreement() -> None:
    assert cohen_kappa(*raters((3, 0, 0, 4))) == 1
    assert cohen_kappa(*raters((0, 3, 3, 0))) == -1
    assert cohen_kappa(*raters((4, 4, 4, 4))) == pytest.approx(0)
    assert cohen_kappa(*raters((4, 0, 4, 0))) == pytest.approx(0)  # who always says yes agrees by chance


def test_undefined_where_both_always_gave_the_same_answer() -> None:
    assert math.isnan(cohen_kappa([True, True], [True, True]))
    assert math.isnan(cohen_kappa([False], [False]))
    assert math.isnan(score_kappa([True] * 3, [True] * 3, rng=np.random.default_rng(0), samples=5).value)


def test_interval_holds_the_value_and_repeats() -> None:
    table = raters((20, 5, 10, 15))
    first, again = (score_kappa(*table, rng=np.random.default_rng(1), samples=200) for _ in range(2))
    assert first == again
    assert first.value == pytest.approx(0.4)
    assert 0 < first.low < 0.4 < first.high < 0.75


@pytest.mark.parametrize(("one", "other"), [([True], [True, False]), ([], [])])
def test_nothing_to_compare(one: list[bool], other: list[bool]) -> None:
    with pytest.raises(ValueError, match="expected one answer of each rater per item"):
        cohen_kappa(one, other)


@pytest.mark.parametrize(
    ("wins", "losses", "p"),
    [
        (9, 1, 22 / 1024),  # 2 (1 + 10) / 2^10
        (1, 9, 22 / 1024),
        (5, 0, 2 / 32),
        (5, 5, 1.0),
        (8, 2, 112 / 1024),  # 2 (1 + 10 + 45) / 2^10
    ],
)
def test_hand_computed(wins: int, losses: int, p: float) -> None:
    assert SignTest(wins, losses).p == pytest.approx(p)
    assert SignTest(wins, losses, ties=40).p == pytest.approx(p), "ties are left out"


@pytest.mark.parametrize(("p", "mark"), [(0.049, "‡"), (0.05, "†"), (0.099, "†"), (0.1, ""), (math.nan, "")])
def test_marks(p: float, mark: str) -> None:
    assert sign_mark(p) == mark


def test_table_5_of_the_2021_paper() -> None:
    # 71 wins and 24 losses of 100 are beyond any doubt; 47 to 39 is not.
    assert SignTest(71, 24, 5).mark == "‡"
    assert SignTest(47, 39, 14).mark == ""
    assert SignTest(48, 27, 25).mark == "‡"
    assert SignTest(53, 35, 12).mark == "†"


def test_shares_and_intervals() -> None:
    test = SignTest(6, 2, 2)
    assert test.win.value == pytest.approx(60)
    assert test.lose.value == pytest.approx(20)
    assert test.preference.value == pytest.approx(75)
    # Clopper and Pearson for 0 of n: 0 to 1 - 0.025^(1/n).
    none = share(0, 10)
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(100 * (1 - 0.025 ** (1 / 10)))


def test_nothing_decided() -> None:
    test = SignTest(0, 0, 3)
    assert math.isnan(test.p)
    assert math.isnan(test.preference.value)
    assert test.mark == ""
    with pytest.raises(ValueError, match="expected counts"):
        SignTest(-1, 0)


def test_wilson_by_hand() -> None:
    # Wilson 1927 for 0 of n: 0 to z^2 / (n + z^2); for 5 of 10: 0.5 -+ z sqrt(1/40 + z^2/400) / (1 + z^2/10).
    square = 1.959964**2
    none, half = share(0, 10, method="wilson"), share(5, 10, method="wilson")
    assert (none.low, none.high) == pytest.approx((0, 100 * square / (10 + square)), abs=1e-4)
    width = (square * (1 / 40 + square / 400)) ** 0.5 / (1 + square / 10)
    assert (half.value, half.low, half.high) == pytest.approx((50, 50 - 100 * width, 50 + 100 * width), abs=1e-4)
    assert math.isnan(share(0, 0, method="wilson").value)
