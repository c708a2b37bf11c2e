"""Plans, slots and codes are one another's mirror images, up to what comes after the first STOP."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoding.plan_codec import STOP, PlanCodec

CODECS = {size: PlanCodec(size) for size in (1, 2, 3, 4)}
sizes = st.sampled_from(sorted(CODECS))
plans = st.lists(st.integers(0, 7), max_size=7).map(tuple)
SETTINGS = settings(max_examples=100, deadline=None)


def slots_of(size: int) -> st.SearchStrategy[np.ndarray]:
    return st.lists(st.integers(0, 8), min_size=size, max_size=size).map(lambda slots: np.array(slots, np.int64))


@pytest.mark.parametrize(
    ("plan", "slots", "code"),
    [
        ((), [8, 8, 8], 8 * 81 + 8 * 9 + 8),
        ((0,), [0, 8, 8], 80),
        ((0, 7), [0, 7, 8], 71),
        ((1, 2, 3), [1, 2, 3], 81 + 18 + 3),
        ((7, 7, 7), [7, 7, 7], 7 * 91),
    ],
)
def test_hand_worked_codes(plan: tuple[int, ...], slots: list[int], code: int) -> None:
    codec = CODECS[3]
    assert codec.slots(plan).tolist() == slots
    assert codec.code(np.array(slots)) == code
    assert codec.plans[codec.plan_of_code[code]] == plan
    assert codec.lengths(np.array(slots)) == len(plan)


@pytest.mark.parametrize(("size", "number"), [(1, 9), (2, 73), (3, 585), (4, 4681)])
def test_every_plan_is_there_once_short_ones_first(size: int, number: int) -> None:
    codec = CODECS[size]
    assert len(codec.plans) == len(set(codec.plans)) == number == sum(8**length for length in range(size + 1))
    assert list(codec.plans) == sorted(codec.plans, key=lambda plan: (len(plan), plan))
    assert codec.codes == len(codec.plan_of_code) == 9**size
    assert set(codec.plan_of_code.tolist()) == set(range(number))


@SETTINGS
@given(sizes, plans)
def test_plan_to_slots_and_back(size: int, plan: tuple[int, ...]) -> None:
    codec = CODECS[size]
    cut = plan[:size]
    slots = codec.slots(cut)
    assert slots.shape == (size,)
    assert codec.plan(slots) == cut
    assert codec.plans[codec.plan_of_code[codec.code(slots)]] == cut
    if len(plan) > size:
        with pytest.raises(ValueError, match=f"plan of {len(plan)} strategies, expected at most {size}"):
            codec.slots(plan)


@SETTINGS
@given(sizes, plans)
def test_of_a_long_prefix_the_last_strategies_count(size: int, prefix: tuple[int, ...]) -> None:
    assert CODECS[size].plan(CODECS[size].prefix_slots(prefix)) == prefix[-size:]


@SETTINGS
@given(sizes.flatmap(slots_of))
def test_slots_to_code_to_plan(slots: np.ndarray) -> None:
    codec = CODECS[len(slots)]
    plan = codec.plan(slots)
    code = int(codec.code(slots))
    assert 0 <= code < codec.codes
    assert STOP not in plan
    assert list(plan) == slots[: len(plan)].tolist()
    assert len(plan) == len(slots) or slots[len(plan)] == STOP
    assert codec.plans[codec.plan_of_code[code]] == plan
    assert codec.lengths(slots) == len(plan)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_codes_are_a_one_to_one_map_of_slots(size: int) -> None:
    slots = np.indices((9,) * size).reshape(size, -1).T  # every row of slots, last digit fastest
    np.testing.assert_array_equal(CODECS[size].code(slots), np.arange(9**size))


@SETTINGS
@given(st.lists(slots_of(3), min_size=4, max_size=4))
def test_arrays_of_slots_are_read_row_by_row(rows: list[np.ndarray]) -> None:
    codec = CODECS[3]
    stacked = np.stack(rows).reshape(2, 2, 3)
    np.testing.assert_array_equal(codec.code(stacked).ravel(), [codec.code(row) for row in rows])
    np.testing.assert_array_equal(codec.lengths(stacked).ravel(), [codec.lengths(row) for row in rows])


@pytest.mark.parametrize("size", [0, -1, 6])
def test_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"max_strategies: got {size}, expected 1 to 4"):
        PlanCodec(size)
