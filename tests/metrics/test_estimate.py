"""The number types."""

import json

import pytest

from metrics.statistics.estimate import Estimate


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
