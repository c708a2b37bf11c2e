"""All-in-One with its divergence summed along drawn chains, beside the exact one."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from encoding.observation import plan_features
from encoding.plan_codec import STOP
from planner.base_models.predictions import PredictionLayout
from planner.policy.sb3_policies import AllInOnePolicy, SampledAllInOnePolicy
from tests.planner.toy_predictions import random_predictions, stirred_network, toy_layout

_DRAWS = 20_000


def _policy(policy_class: type[AllInOnePolicy], layout: PredictionLayout) -> Any:
    reasons = list(layout.reasoning.sizes) if layout.reasoning is not None else []
    policy = policy_class(
        spaces.Box(-20.0, 1.0, (_start(layout, 1).shape[1],)),
        spaces.MultiDiscrete([*reasons, *[STOP + 1] * layout.space.codec.max_strategies]),
        lambda _: 1e-3,
        network=stirred_network(layout),
        refine_reasoning=True,
    )
    policy.reference.load_state_dict(stirred_network(layout, seed=7).state_dict())
    return policy


def _start(layout: PredictionLayout, count: int) -> Tensor:
    """The same history many times, nothing chosen yet."""
    plan = torch.from_numpy(plan_features(np.full((1, layout.space.codec.max_strategies), STOP)))
    parts = [random_predictions(layout, 1), torch.zeros(1, layout.reasoning_width), plan]
    return torch.cat(parts, dim=1).expand(count, -1)


@pytest.mark.parametrize("reasons", [True, False])
def test_the_divergence_along_drawn_chains_has_the_exact_one_as_its_mean(reasons: bool) -> None:
    layout = toy_layout(reasons=reasons)
    exact, sampled = _policy(AllInOnePolicy, layout), _policy(SampledAllInOnePolicy, layout)
    observations = _start(layout, _DRAWS)
    torch.manual_seed(0)
    with torch.no_grad():
        actions, _, drawn_with = sampled(observations)
        values, log_probabilities, along = sampled.evaluate_actions(observations, actions.float())
        same_values, _, whole = exact.evaluate_actions(observations[:2], actions[:2].float())
    torch.testing.assert_close(log_probabilities, drawn_with)
    torch.testing.assert_close(values[:2], same_values)
    error = float(along.std()) / _DRAWS**0.5
    assert abs(float(along.mean()) - float(whole[0])) < 4 * error
    assert (along <= 1e-6).all()
