import dataclasses
from typing import Any

import pytest

from planner.config import PlannerConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, 0) for name in ("window", "folds", "words", "members", "width", "cloning_epochs", "cloning_batch")),
        *((name, 0) for name in ("deliberation_width", "deliberation_epochs", "ppo_envs", "ppo_rollout", "ppo_batch")),
        ("ppo_epochs", 0),
        ("reader_tokens", 31),
        ("dropout", 1.0),
        ("input_dropout", -0.1),
        ("reader_dropout", 1.5),
        ("ppo_steps", -1),
        ("ppo_kl", -0.1),
        ("weight_decay", -1.0),
        ("reader_epochs", -1),
        ("reader_frozen_layers", -1),
        ("stop_reward", -0.1),
        ("exact_reward", -0.1),
        ("reasoning_reward", -0.1),
        ("reward_balance", -0.1),
        ("exact_weight", -0.1),
        ("several_weight", -0.1),
        ("judge_trees", -1),
        ("cloning_rate", 0.0),
        ("reader_rate", -1.0),
        ("deliberation_rate", 0.0),
        ("ppo_rate", float("nan")),
    ],
)
def test_impossible_settings_are_refused_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{field}: got {value}, expected"):
        dataclasses.replace(PlannerConfig(), **{field: value})


@pytest.mark.parametrize("settings", [{"folds": 1}, {"members": 7}, {"folds": 3}])
def test_members_must_be_a_multiple_of_at_least_two_folds(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"^folds, members: got .* expected at least 2 folds and a multiple of them$"):
        dataclasses.replace(PlannerConfig(), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"ppo_batch": 1}, {"ppo_envs": 1, "ppo_rollout": 1}])
def test_advantages_of_one_step_cannot_be_normalised(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^ppo_batch and ppo_envs"):
        dataclasses.replace(PlannerConfig(), **settings)


def test_the_edges_are_possible() -> None:
    edges = PlannerConfig(ppo_steps=0, reader_epochs=0, ppo_kl=0.0, dropout=0.0, folds=2, members=4, exact_weight=0.0)
    assert edges.members == 4
