import dataclasses

import pytest

from planner.config import PlannerConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("members", 0),
        ("dropout", 1.0),
        ("ppo_steps", -1),
        ("window", 0),
        ("input_dropout", -0.1),
        ("ppo_rate", -1.0),
        ("stop_reward", -0.1),
    ],
)
def test_impossible_settings_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{field}: got"):
        dataclasses.replace(PlannerConfig(), **{field: value})
