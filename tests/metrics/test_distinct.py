"""Distinct-n in both versions, and its jackknife interval."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.statistics.jackknife import jackknife
from metrics.text.distinct import distinct_left_out

SETTINGS = settings(max_examples=60, deadline=None)
corpora = st.lists(st.tuples(st.lists(st.sampled_from("abc"), max_size=6).map(tuple), st.integers(0, 3)), min_size=1)


def _distinct(texts: list[str], order: int, leave_out_last: bool = False) -> float:
    responses = [tuple(text) for text in texts]
    return distinct_left_out(responses, np.arange(len(texts)), order=order, leave_out_last=leave_out_last).value


@pytest.mark.parametrize(
    ("order", "value", "value_esconv2021"),
    [
        # Responses "a b a" and "b a".
        (1, 2 / 5, 2 / 3),  # a b a b a: 2 of 5; without the last of each: a b b, 2 of 3
        (2, 2 / 3, 1 / 1),  # ab ba ba: 2 of 3; without the last of each: ab, 1 of 1
        (3, 1 / 1, 0.0),  # aba; without it nothing is left
    ],
)
def test_hand_worked_table(order: int, value: float, value_esconv2021: float) -> None:
    assert _distinct(["aba", "ba"], order) == pytest.approx(100.0 * value)
    assert _distinct(["aba", "ba"], order, leave_out_last=True) == pytest.approx(100.0 * value_esconv2021)


def test_empty_and_one_token() -> None:
    assert [_distinct([""], order) for order in (1, 2, 3)] == [0.0, 0.0, 0.0]
    assert [_distinct(["a"], order) for order in (1, 2, 3)] == [100.0, 0.0, 0.0]
    assert [_distinct(["a"], order, leave_out_last=True) for order in (1, 2, 3)] == [0.0, 0.0, 0.0]


@SETTINGS
@given(corpora, st.integers(1, 3))
def test_equals_the_authors_loop_and_the_definition(rows: list, order: int) -> None:
    responses = [response for response, _ in rows]
    position = np.unique([dialogue for _, dialogue in rows], return_inverse=True)[1]
    for leave_out_last in (False, True):
        grams = [
            response[start : start + order]
            for response in responses
            for start in range(len(response) - order + (0 if leave_out_last else 1))
        ]
        expected = 100.0 * len(set(grams)) / len(grams) if grams else 0.0
        result = distinct_left_out(responses, position, order=order, leave_out_last=leave_out_last)
        assert result.value == pytest.approx(expected)
        assert ((result.left_out >= 0.0) & (result.left_out <= 100.0)).all()


@SETTINGS
@given(corpora)
def test_one_dialogue_at_a_time_is_left_out(rows: list) -> None:
    position = np.unique([dialogue for _, dialogue in rows], return_inverse=True)[1]
    left_out = []
    for dialogue in range(position.max() + 1):
        rest = [response for (response, _), other in zip(rows, position, strict=True) if other != dialogue]
        left_out.append(distinct_left_out(rest, np.zeros(len(rest), dtype=int), order=2).value if rest else 0.0)
    whole = distinct_left_out([response for response, _ in rows], position, order=2)
    assert whole.left_out == pytest.approx(np.array(left_out))


def test_jackknife_by_hand() -> None:
    # 1 2 3: squares 1 + 0 + 1 = 2, times (3 - 1)/3 = 4/3, root 1.154701; t of 2 degrees of freedom 4.302653: 4.968276.
    estimate = jackknife(20.0, np.array([1.0, 2.0, 3.0]), low=0.0, high=100.0)
    assert (estimate.low, estimate.high) == pytest.approx((15.031724, 24.968276), abs=1e-5)


def test_jackknife_of_a_mean_is_its_standard_error() -> None:
    # For a mean the jackknife equals the usual s / sqrt(n).
    values = np.random.default_rng(0).normal(50, 5, size=200)
    left_out = (values.sum() - values) / 199
    estimate = jackknife(float(values.mean()), left_out, low=0.0, high=100.0)
    assert (estimate.high - estimate.low) / 2 == pytest.approx(1.971957 * values.std(ddof=1) / np.sqrt(200), rel=1e-5)


def test_jackknife_is_cut_at_the_ends_and_has_no_spread_for_one() -> None:
    cut = jackknife(50.0, np.array([0.0, 100.0]), low=0.0, high=100.0)
    assert (cut.low, cut.high) == (0.0, 100.0)
    one = jackknife(50.0, np.array([0.0]), low=0.0, high=100.0)
    assert (one.low, one.high) == (50.0, 50.0)
