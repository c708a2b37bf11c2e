"""The number types."""

import json

from metrics.estimate import Estimate


def test_undefined_numbers_become_null_in_json() -> None:
    nan = float("nan")
    assert Estimate(1.5, 1.0, 2.0).as_json() == {"value": 1.5, "low": 1.0, "high": 2.0}
    assert (
        json.dumps(Estimate(nan, nan, nan).as_json(), allow_nan=False) == '{"value": null, "low": null, "high": null}'
    )
