import math

import pytest

from metrics.statistics.agreement import SignTest, share, sign_mark


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
