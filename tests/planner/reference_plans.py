"""Plans' probabilities state by state, in log-probabilities: what the faster PlanMixture must agree with."""

import torch
from torch import Tensor

from planner.base_models.predictions import PredictionLayout
from planner.plan_distribution import PlanSpace
from planner.policy.network import PolicyDistribution


def plan_log_probabilities(table: Tensor, space: PlanSpace) -> Tensor:
    """Log-probability of every plan; the empty plan's is about -1e9. Shape: (..., R, 9) -> (..., plans)."""
    rows, decisions = space.plan_steps
    taken = table[..., rows, decisions.clamp(min=0)]  # (..., plans, K)
    return taken.masked_fill(decisions < 0, 0.0).sum(-1)


def policy_plans(distribution: PolicyDistribution, layout: PredictionLayout, *, prefix: tuple[int, ...] = ()) -> Tensor:
    """Log-probability of every plan over all reasoning, given the prefix. Shape: (B, plans)."""
    per_state = plan_log_probabilities(distribution.decisions, layout.space)  # (B, states, plans)
    codec = layout.space.codec
    for k, strategy in enumerate(prefix):
        row = layout.space.row_of_code[codec.code(codec.slots(prefix[:k]))]
        per_state = per_state - distribution.decisions[:, :, row, strategy, None]
    begins = torch.tensor([plan[: len(prefix)] == prefix for plan in codec.plans])
    whole = (distribution.state_probabilities().log()[..., None] + per_state).logsumexp(1)
    return whole.masked_fill(~begins, -torch.inf)
