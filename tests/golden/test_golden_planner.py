"""Planners of the golden runs plan, reason and believe what they did when the runs were made."""

import pytest

from tests.golden_data import PLANNERS, differences, golden_histories, plans, stored


@pytest.mark.parametrize("name", PLANNERS)
def test_plans_reasoning_and_probabilities(name: str) -> None:
    assert list(differences(stored(f"plans-{name}.json"), plans(name))) == []


def test_golden_histories_are_many_and_unlike() -> None:
    histories = golden_histories()
    lengths = sorted(map(len, histories))
    assert len(set(histories)) == 30
    assert lengths[0] == 0 and lengths[-1] > 25
    assert sum(bool(history) and history[-1].strategy is not None for history in histories) >= 10


def test_a_changed_value_is_a_difference() -> None:
    expected = {"numbers": [0.25, 40.0, 3], "text": "How are you?", "none": None, "nested": [{"a": 1}]}
    assert list(differences(expected, {**expected, "numbers": [0.25005, 40.003, 3]})) == []
    assert list(differences(expected, {**expected, "numbers": [0.2502, 40.0, 3]})) == [
        "/numbers/0: is 0.2502, expected 0.25"
    ]
    assert list(differences(expected, {**expected, "numbers": [0.25, 40.005, 3]})) == [
        "/numbers/1: is 40.005, expected 40.0"
    ]
    assert list(differences(expected, {**expected, "numbers": [0.25, 40.0]})) == ["/numbers: has 2 entries, expected 3"]
    assert list(differences(expected, {**expected, "text": "How are you"})) == [
        "/text: is 'How are you', expected 'How are you?'"
    ]
    assert list(differences(expected, {**expected, "none": 0.0})) == ["/none: is 0.0, expected None"]
    assert list(differences(expected, {**expected, "nested": [{"b": 1}]})) != []
    assert list(differences(0.5, float("nan"))) == [": is nan, expected 0.5"]
