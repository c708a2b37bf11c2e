"""The reward terms against tables worked by hand, and the table of all plans against the terms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.rewards import (
    RewardTable,
    RewardWeights,
    balance_factors,
    exact_match,
    similarity,
    similarity_gain,
    stop_match,
)
from metrics.strategy.edit_distance import levenshtein_ratio
from tests.env.turn_tasks import CODECS, GOLDS

plans = st.lists(st.integers(0, 7), max_size=3).map(tuple)
golds = st.lists(st.integers(0, 7), min_size=1, max_size=7).map(tuple)
SETTINGS = settings(max_examples=100, deadline=None)


@pytest.mark.parametrize(
    ("plan", "gold", "ratio"),
    [
        ((3,), (3,), 1.0),
        ((4,), (3,), 0.0),
        ((), (3,), 0.0),
        ((0,), (0, 4), 1 / 2),  # one missing of two
        ((4,), (0, 4), 1 / 2),
        ((0, 4), (0, 4), 1.0),
        ((4, 0), (0, 4), 0.0),  # two replaced of two
        ((0, 0, 4), (0, 4), 2 / 3),  # one too many of three
        ((2, 2), (2, 2, 5), 2 / 3),
        ((0, 1, 2), (0, 1, 2, 3), 3 / 4),  # the gold plan counts whole, though only three can be planned
        ((2, 3, 4), (1, 2, 3, 4, 5), 3 / 5),
    ],
)
def test_similarity_by_hand(plan: tuple[int, ...], gold: tuple[int, ...], ratio: float) -> None:
    assert similarity(plan, gold) == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("plan", "gold", "match"),
    [
        ((3,), (5,), 1.0),  # where, not with what
        ((3,), (0, 4), 0.0),
        ((3, 3), (5,), 0.0),
        ((), (5,), 0.0),
        ((1, 1, 1), (0, 4, 2), 1.0),
        ((1, 1, 1), (0, 4, 2, 2, 2), 1.0),  # both cut at three
        ((1, 1), (0, 4, 2, 2), 0.0),
    ],
)
def test_stop_match_by_hand(plan: tuple[int, ...], gold: tuple[int, ...], match: float) -> None:
    assert stop_match(plan, gold, max_strategies=3) == match


@pytest.mark.parametrize(
    ("plan", "gold", "match"),
    [
        ((3,), (3,), 1.0),
        ((3,), (5,), 0.0),
        ((0, 4), (4, 0), 0.0),
        ((0,), (0, 4), 0.0),
        ((), (5,), 0.0),
        ((0, 4, 2), (0, 4, 2, 2, 2), 1.0),  # gold is cut at three
        ((0, 4), (0, 4, 2, 2), 0.0),
    ],
)
def test_exact_match_by_hand(plan: tuple[int, ...], gold: tuple[int, ...], match: float) -> None:
    assert exact_match(plan, gold, max_strategies=3) == match


def test_balance_by_hand() -> None:
    turns = ((0,), (0, 4), (0, 1), (0,), (7, 0))  # frequencies 4/5 and 1/5
    np.testing.assert_allclose(balance_factors(turns, balance=0.0), np.ones(5))
    # (mean / frequency): 1/4 and 1 up to a scale; their mean over the turns is 2/5.
    np.testing.assert_allclose(balance_factors(turns, balance=1.0), [5 / 8] * 4 + [5 / 2])
    # At the exponent 1/2: 1/2 and 1, of mean 3/5.
    np.testing.assert_allclose(balance_factors(turns, balance=0.5), [5 / 6] * 4 + [5 / 3])


@SETTINGS
@given(st.lists(golds, min_size=1, max_size=30), st.floats(0, 3))
def test_balance_keeps_the_mean_and_favours_the_rare(turns: list[tuple[int, ...]], balance: float) -> None:
    factors = balance_factors(turns, balance=balance)
    assert factors.mean() == pytest.approx(1.0)
    frequency = np.bincount([gold[0] for gold in turns], minlength=8)[[gold[0] for gold in turns]]
    assert (np.diff(factors[np.argsort(-frequency, kind="stable")]) >= -1e-12).all()


def test_negative_balance_is_refused() -> None:
    with pytest.raises(ValueError, match="balance: got -1"):
        RewardWeights(balance=-1)


def test_gain_by_hand() -> None:
    assert similarity_gain((), (0,), (0, 4)) == pytest.approx(1 / 2)
    assert similarity_gain((0,), (0, 4), (0, 4)) == pytest.approx(1 / 2)
    assert similarity_gain((3,), (3, 3), (3,)) == pytest.approx(-1 / 2)
    assert similarity_gain((3,), (3,), (3,)) == 0.0  # STOP adds no strategy


@SETTINGS
@given(plans, golds)
def test_gains_add_up_to_the_metric(plan: tuple[int, ...], gold: tuple[int, ...]) -> None:
    gains = [similarity_gain(plan[:end], plan[: end + 1], gold) for end in range(len(plan))]
    assert sum(gains) == pytest.approx(levenshtein_ratio(plan, gold))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_table_equals_the_terms_for_every_plan(size: int) -> None:
    codec = CODECS[size]
    table = RewardTable(GOLDS, codec=codec)
    shape = (len(set(GOLDS)), 9**size)
    assert table.similarity.shape == table.stop_match.shape == table.exact_match.shape == shape
    assert table.gold_index[1] == table.gold_index[6]  # the same gold plan, one row
    for gold, row in zip(GOLDS, table.gold_index, strict=True):
        of_plan = np.array([similarity(plan, gold) for plan in codec.plans])
        stops = np.array([stop_match(plan, gold, max_strategies=size) for plan in codec.plans])
        np.testing.assert_allclose(table.similarity[row], of_plan[codec.plan_of_code], atol=1e-6)
        np.testing.assert_array_equal(table.stop_match[row], stops[codec.plan_of_code])
        exact = np.array([plan == gold[:size] for plan in codec.plans])
        np.testing.assert_array_equal(table.exact_match[row], exact[codec.plan_of_code])
        assert exact.sum() == 1
