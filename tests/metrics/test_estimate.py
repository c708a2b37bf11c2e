"""What a score is made of: estimates, division with a stated result for nothing, signatures."""

import json

import numpy as np
import pytest

from metrics.statistics.estimate import Estimate, ratio, signature
from metrics.strategy.scores import message_signature, plan_signature
from metrics.text.scores import text_signature


def test_undefined_numbers_become_null_in_json() -> None:
    nan = float("nan")
    assert Estimate(1.5, 1.0, 2.0).as_json() == {"value": 1.5, "low": 1.0, "high": 2.0}
    assert (
        json.dumps(Estimate(nan, nan, nan).as_json(), allow_nan=False) == '{"value": null, "low": null, "high": null}'
    )


def test_a_mean_of_runs_says_so_and_both_kinds_come_back() -> None:
    mean = Estimate(1.5, 1.0, 2.0, spread=0.25, runs=5)
    assert mean.as_json() == {"value": 1.5, "low": 1.0, "high": 2.0, "spread": 0.25, "runs": 5}
    for estimate in (mean, Estimate(1.5, 1.0, 2.0)):
        assert Estimate.from_json(json.loads(json.dumps(estimate.as_json()))) == estimate


@pytest.mark.parametrize(
    "wrong", [3, {"value": 3}, {"value": "3", "low": 1, "high": 2}, {"value": 3, "low": 1, "high": 2, "runs": 2.5}]
)
def test_what_is_no_estimate_is_refused(wrong: object) -> None:
    with pytest.raises((KeyError, TypeError)):
        Estimate.from_json(wrong)


def test_empty_denominators_give_the_stated_result() -> None:
    result = ratio(np.array([1.0, 2.0, 0.0]), np.array([4.0, 0.0, 0.0]), empty=7.0)
    assert result.tolist() == [0.25, 7.0, 7.0]


def test_shapes_broadcast() -> None:
    assert ratio(np.ones((2, 1)), np.array([[2.0, 0.0]]), empty=0.0).tolist() == [[0.5, 0.0], [0.5, 0.0]]


def test_fields_keep_their_order() -> None:
    assert signature("demo", case="lower", beta=1.2) == "protocol:demo|case:lower|beta:1.2|version:1"


@pytest.mark.parametrize("value", ["", "a|b", "a:b", "a\nb"])
def test_characters_of_the_line_itself_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="signature field 'name'"):
        signature("demo", name=value)


def test_signatures_of_the_protocols_differ_and_name_the_resampling() -> None:
    lines = [message_signature(), plan_signature(), text_signature()]
    assert len(set(lines)) == 3
    assert all("bootstrap:dialogue-1000" in line for line in lines)
    assert "bootstrap:line-50" in text_signature(unit="line", samples=50)
    assert "decoding:greedy" in text_signature(decoding="greedy")
    assert "entropy:bits" in message_signature()
    assert "entropy:bits" in plan_signature()
