"""Levenshtein and indel ratios: hand-worked tables, properties, and the table of all pairs against the scalar."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.strategy.edit_distance import indel_ratio, levenshtein_ratio, levenshtein_ratio_table

plans = st.lists(st.integers(0, 7), max_size=7).map(tuple)
SETTINGS = settings(max_examples=100, deadline=None)


@pytest.mark.parametrize(
    ("a", "b", "ratio", "indel"),
    [
        ((), (), 1.0, 1.0),
        ((3,), (), 0.0, 0.0),  # 1 - 1/1; indel 1 - 1/1
        ((3,), (3,), 1.0, 1.0),
        ((3,), (4,), 0.0, 0.0),  # one substitution of 1; indel: delete + insert = 2 of 2
        ((0, 4), (0,), 1 / 2, 2 / 3),  # one deletion; 1 - 1/2; indel 1 - 1/3
        ((0, 4), (4, 0), 0.0, 1 / 2),  # two substitutions of 2; indel: delete 0, append 0 = 2 of 4
        ((2,), (2, 2, 5), 1 / 3, 1 / 2),  # two insertions; 1 - 2/3; 1 - 2/4
        ((0, 1, 2), (0, 5, 2), 2 / 3, 2 / 3),  # one substitution of 3; indel 2 of 6
        (tuple("kitten"), tuple("sitting"), 4 / 7, 8 / 13),  # textbook; LCS "ittn" = 4, 2*4/(6+7)
    ],
)
def test_hand_worked_pairs(a: tuple, b: tuple, ratio: float, indel: float) -> None:
    assert levenshtein_ratio(a, b) == pytest.approx(ratio)
    assert indel_ratio(a, b) == pytest.approx(indel)


@SETTINGS
@given(plans, plans)
def test_symmetric_bounded_and_one_only_for_equal_plans(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    for score in (levenshtein_ratio, indel_ratio):
        assert score(a, b) == score(b, a)
        assert 0.0 <= score(a, b) <= 1.0
        assert (score(a, b) == 1.0) == (a == b)


@SETTINGS
@given(plans, st.permutations(range(8)))
def test_renaming_the_strategies_changes_nothing(a: tuple[int, ...], names: list[int]) -> None:
    b = a[1:] + a[:1]
    renamed = [tuple(names[label] for label in plan) for plan in (a, b)]
    assert levenshtein_ratio(*renamed) == levenshtein_ratio(a, b)


@SETTINGS
@given(st.lists(plans, max_size=6), st.lists(plans, max_size=6))
def test_table_equals_the_scalar_everywhere(side_a: list[tuple[int, ...]], side_b: list[tuple[int, ...]]) -> None:
    table = levenshtein_ratio_table(side_a, side_b)
    assert table.dtype == np.float32
    assert table.shape == (len(side_a), len(side_b))
    for row, a in enumerate(side_a):
        for column, b in enumerate(side_b):
            assert table[row, column] == np.float32(levenshtein_ratio(a, b))
