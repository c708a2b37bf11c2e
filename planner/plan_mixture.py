"""The distribution over plans with all reasoning summed out, by factors: what planning many turns at once needs.

Given need and stage (a *state*), a decision d after a prefix has the probability

    P(d | state, prefix) = table[prefix, d] * factor[length of prefix, state, d] / (their sum over d)

because need and stage shift its logit by constants (:class:`planner.deliberation.DeliberationNetwork`). So exponentials
are taken of one table instead of one per state, and a plan's probability over all states, the mean of its chains

    P(plan) = sum over states of P(state) * product over its decisions of P(d | state, prefix),

is the product of table entries along the plan times one matrix product with the states at every prefix.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from encoding.plan_codec import STOP
from planner.plan_distribution import PlanSpace

_SMALLEST = 1e-30  # a sum of probabilities is never divided by less


class PlanMixture(NamedTuple):
    """Distributions over plans of B histories.

    Attributes:
        reasoning: Probability of each value of each reasoning slot, five of shape (B, values), or none.
        states: Probability of every state; one state without reasoning. Shape: (B, S).
        table: Weight of every decision after every prefix, the largest of a row 1; 0 = impossible. Shape: (B, R, 9).
        factors: What each state multiplies it with, by strategies that stand. Shape: (K, S, 9).
    """

    reasoning: list[Tensor]
    states: Tensor
    table: Tensor
    factors: Tensor

    def plan_probabilities(self, space: PlanSpace, *, standing: tuple[int, ...] = ()) -> Tensor:
        """Probability of every plan of the codec.

        Args:
            space: The plans.
            standing: Strategies that stand already and are taken as given; plans that begin otherwise get 0.

        Returns:
            Shape: (B, plans), rows sum to 1.
        """
        batch, longest = len(self.states), space.codec.max_strategies
        found = self.states.new_zeros(batch, len(space.codec.plans))
        if len(standing) == longest:
            found[:, space.codec.plans.index(standing)] = 1.0
            return found
        # ``chain`` is the product of table entries since what stands, ``weight`` the states' share of what multiplies
        # it; the largest weight of a prefix is 1 and its size goes into the chain, so that neither over- or underflows.
        weight = self.states[:, None]  # (B, prefixes, S)
        chain = self.states.new_ones(batch, 1)  # (B, prefixes)
        for length in range(len(standing), longest):
            first = _offset(length) + _number(standing) * STOP ** (length - len(standing))
            rows = self.table[:, first : first + chain.shape[1]]  # (B, prefixes, 9)
            factor = self.factors[length]  # (S, 9)
            weight = weight / (rows @ factor.T).clamp(min=_SMALLEST)
            size = weight.amax(-1, keepdim=True)
            weight, chain = weight / size, chain * size[..., 0]
            step = chain[..., None] * rows
            decided = step * (weight @ factor)  # (B, prefixes, 9): probability of the prefix and then this decision
            found[:, first : first + chain.shape[1]] = decided[..., STOP]
            if length + 1 == longest:
                start = _offset(longest) + _number(standing) * STOP ** (longest - len(standing))
                found[:, start : start + decided[..., :STOP].flatten(1).shape[1]] = decided[..., :STOP].flatten(1)
            else:
                weight = (weight[:, :, None] * factor.T[:STOP]).flatten(1, 2)
                chain = step[..., :STOP].flatten(1)
        return found


def mixed_decisions(states: Tensor, weights: Tensor, factors: Tensor) -> Tensor:
    """Probabilities of the decisions after one prefix for each history, over all states.

    Args:
        states: Probability of every state. Shape: (B, S).
        weights: Weight of every decision. Shape: (B, 9).
        factors: What each state multiplies it with. Shape: (B, S, 9).

    Returns:
        Shape: (B, 9), rows sum to 1.
    """
    given_state = weights[:, None] * factors
    given_state = given_state / given_state.sum(-1, keepdim=True).clamp(min=_SMALLEST)
    return (states[..., None] * given_state).sum(1)


def strategies_along(probabilities: Tensor, plans: Tensor, space: PlanSpace) -> Tensor:
    """The distribution each strategy of a plan is from, given those before it and that one follows.

    Args:
        probabilities: Of all plans. Shape: (B, plans).
        plans: Index of each history's plan. Shape: (B,).
        space: The plans.

    Returns:
        Shape: (B, K, 8), rows sum to 1; what is beyond a plan, or stood before, has no meaning.
    """
    longest = space.codec.max_strategies
    begins = [probabilities[:, _offset(length) : _offset(length + 1)] for length in range(longest + 1)]
    for length in reversed(range(longest)):  # from the plan itself to all plans that begin with it
        begins[length] = begins[length] + begins[length + 1].unflatten(1, (-1, STOP)).sum(-1)
    here = torch.arange(len(plans), device=probabilities.device)
    prefixes = space.plan_prefixes.to(probabilities.device)[plans]  # (B, K)
    steps = [
        begins[length + 1].unflatten(1, (-1, STOP))[here, prefixes[:, length]] for length in range(longest)
    ]  # K times (B, 8)
    along = torch.stack(steps, dim=1)
    return along / along.sum(-1, keepdim=True).clamp(min=_SMALLEST)


def _offset(length: int) -> int:
    """Number of plans shorter than this: plans and prefixes stand by length, then in lexicographic order."""
    return sum(STOP**shorter for shorter in range(length))


def _number(plan: tuple[int, ...]) -> int:
    """Place of a plan among those of its length."""
    number = 0
    for strategy in plan:
        number = number * STOP + strategy
    return number
