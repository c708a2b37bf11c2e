"""The space of plans, exact distributions over it, and how one plan is taken from a distribution.

A plan is decided step by step: after every prefix that can still grow there is a distribution over nine decisions, the
eight strategies and STOP. A table of all of them gives everything exactly: the probability, entropy and divergence of
whole plans, P(plan) = prod_k P(decision_k | decisions before k). torch has no such distribution, and SB3's
MultiDiscrete treats slots as independent, so it is written out here.

:class:`PlanMixture` is the distribution with all reasoning summed out, by factors. Given need and stage (a *state*), a
decision d after a prefix has the probability

    P(d | state, prefix) = table[prefix, d] * factor[length of prefix, state, d] / (their sum over d)

because need and stage shift its logit by constants (:class:`planner.policy.network.PolicyNetwork`). So exponentials are
taken of one table instead of one per state, and a plan's probability over all states, the mean of its chains

    P(plan) = sum over states of P(state) * product over its decisions of P(d | state, prefix),

is the product of table entries along the plan times one matrix product with the states at every prefix.

:class:`PlanDecoder` takes a greedy plan, the most probable one or the one of highest expected utility; :func:`sampled`
takes plans at random. Both modes plan ahead by the same rule: in the turn environments the gold plan does not depend on
what the planner does, so the best One-by-One policy carries out, step by step, the plan of highest expected return. A
One-by-One planner is asked again after every realized message whether to stop: a prefix is given then, and only plans
that begin with it count.
"""

from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from encoding.observation import plan_features
from encoding.plan_codec import STOP, PlanCodec
from metrics.strategy.edit_distance import levenshtein_ratio_table
from planner.config import PlanDecodingConfig

IMPOSSIBLE = -1e9  # log-probability
LARGEST_LOGIT = 80.0  # 9 e^80 and e^-80 are still single-precision numbers
_SMALLEST = 1e-30  # a sum of probabilities is never divided by less


class PlanSpace:
    """Constant tensors about the plans a codec can make.

    Attributes:
        prefixes: The R plans that can still grow (length < K), short ones first; row 0 is empty. Shape: (R, K).
        lengths: Strategies in each prefix, 0..K-1. Shape: (R,).
        features: Plan features of the prefixes. Shape: (R, P), float32.
        allowed: Decisions possible after each prefix: all but STOP after the empty one. Shape: (R, 9), bool.
    """

    def __init__(self, codec: PlanCodec) -> None:
        self.codec = codec
        self._growing = [plan for plan in codec.plans if len(plan) < codec.max_strategies]
        self._row = {plan: number for number, plan in enumerate(self._growing)}
        self.prefixes = np.stack([codec.slots(plan) for plan in self._growing])
        self.lengths = torch.from_numpy(codec.lengths(self.prefixes))
        self.features = torch.from_numpy(plan_features(self.prefixes))
        self.allowed = torch.ones(len(self.prefixes), STOP + 1, dtype=torch.bool)
        self.allowed[0, STOP] = False

    @cached_property
    def plan_steps(self) -> tuple[Tensor, Tensor]:
        """How each plan of the codec is decided, STOP included. Shapes: (plans, K) rows, (plans, K) decisions or -1."""
        full = self.codec.max_strategies
        chains = [(*plan, STOP) if len(plan) < full else plan for plan in self.codec.plans]
        rows = torch.zeros(len(chains), full, dtype=torch.long)
        decisions = torch.full((len(chains), full), -1)
        for number, chain in enumerate(chains):
            for k, decision in enumerate(chain):
                rows[number, k] = self._row[chain[:k]]
                decisions[number, k] = decision
        return rows, decisions

    @cached_property
    def plan_prefixes(self) -> Tensor:
        """Place of each plan's first 0, 1, ... strategies among the prefixes of that length. Shape: (plans, K)."""
        places = torch.zeros(len(self.codec.plans), self.codec.max_strategies, dtype=torch.long)
        for number, plan in enumerate(self.codec.plans):
            for k, strategy in enumerate(plan[: self.codec.max_strategies - 1]):
                places[number, k + 1] = places[number, k] * STOP + strategy
        return places

    @cached_property
    def row_of_code(self) -> np.ndarray:
        """Row of the plan with each code; of a plan that is full, row of its last K - 1 strategies. Shape: (9^K,)."""
        longest = self.codec.max_strategies - 1
        rows = np.array([self._row[plan[max(0, len(plan) - longest) :]] for plan in self.codec.plans])
        return rows[self.codec.plan_of_code]


def log_softmax(logits: Tensor, allowed: Tensor) -> Tensor:
    """Log-probabilities in which what is not allowed has about -1e9. Shape: (..., 9).

    Written out, because torch's own takes eight times as long over an axis of nine. It subtracts the largest logit
    first; here logits are cut at +-80, far beyond any met, so that no exponential over- or underflows.
    """
    masked = logits.clamp(-LARGEST_LOGIT, LARGEST_LOGIT).masked_fill(~allowed, IMPOSSIBLE)
    return masked - masked.exp().sum(-1, keepdim=True).log()


def allowed_decisions(slots: Tensor) -> Tensor:
    """Decisions possible after prefixes: everything, but never STOP first. Shape: (..., K) -> (..., 9), bool."""
    allowed = torch.ones(*slots.shape[:-1], STOP + 1, dtype=torch.bool, device=slots.device)
    allowed[..., STOP] = slots[..., 0] != STOP
    return allowed


def chain_expectation(per_prefix: Tensor, table: Tensor, space: PlanSpace) -> Tensor:
    """Expected sum, over the decisions of a plan sampled from ``table``, of a quantity that depends on the prefix.

    With the entropy of each decision this is the entropy of the plan (chain rule); with the divergence of each
    decision from another table's, the divergence between the distributions over plans.

    Args:
        per_prefix: Shape: (..., R).
        table: Shape: (..., R, 9).

    Returns:
        Shape: (...).
    """
    return (torch.cat(_reached(table, space)[:-1], dim=-1).exp() * per_prefix).sum(-1)


def _levels(table: Tensor, space: PlanSpace) -> list[Tensor]:
    """The table's rows by length of the prefix, 8^length each: prefixes are in lexicographic order."""
    return list(table.split([STOP**length for length in range(space.codec.max_strategies)], dim=-2))


def _reached(table: Tensor, space: PlanSpace) -> list[Tensor]:
    """Log-probability that a plan begins with each sequence of 0, 1, ... K strategies. Shapes: (..., 8^length)."""
    reached = [torch.zeros_like(table[..., 0, :1])]
    for rows in _levels(table, space):
        reached.append((reached[-1][..., None] + rows[..., :STOP]).flatten(-2))
    return reached


class PlanMixture(NamedTuple):
    """Distributions over plans of B histories.

    Attributes:
        reasoning: Probability of each value of each reasoning slot, five of shape (B, values), or none.
        states: Probability of every state; one state without reasoning. Shape: (B, S).
        table: Weight of every decision after every prefix, the largest of a row 1; 0 = impossible. Shape: (B, R, 9).
        factors: What each state multiplies it with, by length of the prefix. Shape: (K, S, 9).
    """

    reasoning: list[Tensor]
    states: Tensor
    table: Tensor
    factors: Tensor

    def plan_probabilities(self, space: PlanSpace, *, prefix: tuple[int, ...] = ()) -> Tensor:
        """Probability of every plan of the codec.

        Args:
            prefix: Strategies that are already said; plans that begin otherwise get 0.

        Returns:
            Shape: (B, plans), rows sum to 1.
        """
        batch, longest = len(self.states), space.codec.max_strategies
        found = self.states.new_zeros(batch, len(space.codec.plans))
        if len(prefix) == longest:
            found[:, space.codec.plans.index(prefix)] = 1.0
            return found
        # ``chain`` is the product of table entries since the prefix, ``weight`` the states' share of what multiplies
        # it; the largest weight of a prefix is 1 and its size goes into the chain, so that neither over- or underflows.
        weight = self.states[:, None]  # (B, prefixes, S)
        chain = self.states.new_ones(batch, 1)  # (B, prefixes)
        for length in range(len(prefix), longest):
            first = _offset(length) + _number(prefix) * STOP ** (length - len(prefix))
            rows = self.table[:, first : first + chain.shape[1]]  # (B, prefixes, 9)
            factor = self.factors[length]  # (S, 9)
            weight = weight / (rows @ factor.T).clamp(min=_SMALLEST)
            size = weight.amax(-1, keepdim=True)
            weight, chain = weight / size, chain * size[..., 0]
            step = chain[..., None] * rows
            decided = step * (weight @ factor)  # (B, prefixes, 9): probability of the prefix and then this decision
            found[:, first : first + chain.shape[1]] = decided[..., STOP]
            if length + 1 == longest:
                start = _offset(longest) + _number(prefix) * STOP ** (longest - len(prefix))
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

    Returns:
        Shape: (B, K, 8), rows sum to 1; what is beyond a plan, or in the prefix, has no meaning.
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


class PlanDecoder:
    """Takes the best plan from a distribution.

    The plan with the highest expected Levenshtein ratio is the minimum-risk decision for the metric LR (Kumar and
    Byrne, "Minimum Bayes-Risk Decoding", NAACL 2004): near misses of many plausible plans can be worth more than the
    single most probable one. The more an exact match counts beside it, the shorter are the plans; four turns in five
    have one message, so whoever wants to be right as often as possible never plans two. Therefore an exact match of a
    multi-strategy plan can count more.
    """

    def __init__(self, codec: PlanCodec, config: PlanDecodingConfig) -> None:
        self._codec = codec
        self._rule = config.rule
        ratios = levenshtein_ratio_table(codec.plans, codec.plans)
        of_match = [config.exact_weight + config.multi_strategy_weight * (len(plan) > 1) for plan in codec.plans]
        self._utility = ratios + np.diag(np.array(of_match, np.float32))  # (plans, plans)

    def best(self, probabilities: np.ndarray, *, prefix: tuple[int, ...] = ()) -> np.ndarray:
        """Plans of highest expected utility, or the most probable ones.

        Args:
            probabilities: Probability of every plan of the codec. Shape: (B, plans).
            prefix: Strategies that are already said; only plans that begin with them are possible.

        Returns:
            Index into the codec's plans. Shape: (B,).
        """
        length = max(1, len(prefix))  # never the empty plan
        possible = np.array([len(plan) >= length and plan[: len(prefix)] == prefix for plan in self._codec.plans])
        scores = probabilities
        if self._rule == "expected-lr":
            scores = (probabilities * possible) @ self._utility.T
        return np.where(possible, scores, -np.inf).argmax(axis=1)


def sampled(probabilities: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Plans sampled by inverse transform. Shapes: (B, plans), (B,) in 0..1 -> (B,) indices of plans."""
    bounds = probabilities.astype(np.float64).cumsum(axis=1)
    return (bounds <= uniform[:, None] * bounds[:, -1:]).sum(axis=1)  # the last bound is 1 but for rounding


def _offset(length: int) -> int:
    """Number of plans shorter than this: plans and prefixes are sorted by length, then in lexicographic order."""
    return sum(STOP**shorter for shorter in range(length))


def _number(plan: tuple[int, ...]) -> int:
    """Place of a plan among those of its length."""
    number = 0
    for strategy in plan:
        number = number * STOP + strategy
    return number
