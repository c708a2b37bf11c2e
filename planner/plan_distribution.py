"""The distribution over plans: every decision's distribution after every possible prefix, hence everything exactly.

SB3's MultiDiscrete treats slots as independent. Here slot k is drawn given the slots before it, within one action, and
log-probability, entropy and divergence are those of the whole plan: P(plan) = prod_k P(slot_k | slots before k).
"""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from encoding.observation import plan_features
from encoding.plan_codec import STOP, PlanCodec


class PlanSpace:
    """Constant tensors about the plans a codec can make.

    Args:
        codec: Which plans there are.

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


def allowed_decisions(slots: Tensor) -> Tensor:
    """Decisions possible after plans so far: everything, but never STOP first. Shape: (..., K) -> (..., 9), bool."""
    allowed = torch.ones(*slots.shape[:-1], STOP + 1, dtype=torch.bool, device=slots.device)
    allowed[..., STOP] = slots[..., 0] != STOP
    return allowed


def chain_expectation(per_prefix: Tensor, table: Tensor, space: PlanSpace) -> Tensor:
    """Expected sum, over the decisions of a plan drawn from ``table``, of a quantity that depends on the prefix.

    With the entropy of each decision this is the entropy of the plan (chain rule); with the divergence of each
    decision from another table's, the divergence between the distributions over plans.

    Args:
        per_prefix: Shape: (..., R).
        table: Shape: (..., R, 9).
        space: The plans.

    Returns:
        Shape: (...).
    """
    return (torch.cat(_reached(table, space)[:-1], dim=-1).exp() * per_prefix).sum(-1)


def _levels(table: Tensor, space: PlanSpace) -> list[Tensor]:
    """The table's rows by length of the prefix, 8^length each: prefixes stand in lexicographic order."""
    return list(table.split([STOP**length for length in range(space.codec.max_strategies)], dim=-2))


def _reached(table: Tensor, space: PlanSpace) -> list[Tensor]:
    """Log-probability that a plan begins with each sequence of 0, 1, ... K strategies. Shapes: (..., 8^length)."""
    reached = [torch.zeros_like(table[..., 0, :1])]
    for rows in _levels(table, space):
        reached.append((reached[-1][..., None] + rows[..., :STOP]).flatten(-2))
    return reached
