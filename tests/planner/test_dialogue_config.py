import pytest

from planner.config import DialogueConfig


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("steps", 0, "steps: got 0, expected at least 1"),
        ("kept_apart", 0, "kept_apart: got 0, expected at least 1"),
        ("batch", 1, "batch and envs . rollout: expected at least 2"),
        ("rate", 0.0, "rate: got 0.0, expected more than 0"),
        ("rate", float("nan"), "rate: got nan"),
        ("kl", -0.1, "kl: got -0.1, expected 0 or more"),
        ("gamma", 0.0, "gamma: got 0.0, expected above 0 to 1"),
        ("gae_lambda", 1.5, "gae_lambda: got 1.5, expected 0 to 1"),
        ("least_entropy", 80, "least_entropy: got 80, expected 0 to 1"),
    ],
)
def test_impossible_settings_are_refused(name: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DialogueConfig(**{name: value})  # type: ignore[arg-type]
