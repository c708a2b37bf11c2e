"""The reward terms against tables worked by hand, and the table of all plans against the terms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.rewards import RewardTable, similarity, similarity_gain, stop_match
from metrics.edit_distance import levenshtein_ratio
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
    assert table.similarity.shape == table.stop_match.shape == (len(set(GOLDS)), 9**size)
    assert table.gold_index[1] == table.gold_index[6]  # the same gold plan, one row
    for gold, row in zip(GOLDS, table.gold_index, strict=True):
        of_plan = np.array([similarity(plan, gold) for plan in codec.plans])
        stops = np.array([stop_match(plan, gold, max_strategies=size) for plan in codec.plans])
        np.testing.assert_allclose(table.similarity[row], of_plan[codec.plan_of_code], atol=1e-6)
        np.testing.assert_array_equal(table.stop_match[row], stops[codec.plan_of_code])
