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
from planner.network import DecisionNetwork


class PlanSpace:
    """Constant tensors about the plans a codec can make.

    Args:
        codec: Which plans there are.

    Attributes:
        prefixes: The R plans that can still grow (length < K), in the codec's order; row 0 is empty. Shape: (R, K).
        features: Plan features of the prefixes. Shape: (R, P), float32.
        allowed: Decisions possible after each prefix: all but STOP after the empty one. Shape: (R, 9), bool.
    """

    def __init__(self, codec: PlanCodec) -> None:
        self.codec = codec
        self._growing = [plan for plan in codec.plans if len(plan) < codec.max_strategies]
        self._row = {plan: number for number, plan in enumerate(self._growing)}
        self.prefixes = np.stack([codec.slots(plan) for plan in self._growing])
        self.features = torch.from_numpy(plan_features(self.prefixes))
        self.allowed = allowed_decisions(torch.from_numpy(self.prefixes))

    @cached_property
    def plan_steps(self) -> tuple[Tensor, Tensor]:
        """How each plan of the codec is decided, STOP included. Shapes: (plans, K) rows, (plans, K) decisions or -1."""
        full = self.codec.max_strategies
        return self._steps([(*plan, STOP) if len(plan) < full else plan for plan in self.codec.plans])

    @cached_property
    def prefix_steps(self) -> tuple[Tensor, Tensor]:
        """How each prefix is reached. Shapes: (R, K) rows, (R, K) decisions or -1."""
        return self._steps(self._growing)

    def row(self, slots: np.ndarray) -> np.ndarray:
        """Row of each prefix given as slots. Shape: (B, K) -> (B,).

        Raises:
            KeyError: A plan is full already.
        """
        return np.array([self._row[self.codec.plan(plan)] for plan in slots])

    def _steps(self, chains: list[tuple[int, ...]]) -> tuple[Tensor, Tensor]:
        width = self.codec.max_strategies
        rows = torch.zeros(len(chains), width, dtype=torch.long)
        decisions = torch.full((len(chains), width), -1)
        for number, chain in enumerate(chains):
            for k, decision in enumerate(chain):
                rows[number, k] = self._row[chain[:k]]
                decisions[number, k] = decision
        return rows, decisions


def allowed_decisions(slots: Tensor) -> Tensor:
    """Decisions possible after plans so far: everything, but never STOP first. Shape: (..., K) -> (..., 9), bool."""
    allowed = torch.ones(*slots.shape[:-1], STOP + 1, dtype=torch.bool, device=slots.device)
    allowed[..., STOP] = slots[..., 0] != STOP
    return allowed


def decision_table(network: DecisionNetwork, space: PlanSpace, history: Tensor) -> tuple[Tensor, Tensor]:
    """Distributions of all decisions that could come up while planning from the empty plan.

    Args:
        network: Gives each decision's distribution.
        space: The plans.
        history: Encoded histories. Shape: (B, H).

    Returns:
        Log-probabilities (B, R, 9) of the decisions after each prefix; value of the empty plan (B,).
    """
    encoded = network.encode_history(history)
    return network.decide_after_each(encoded, space.features.to(history.device), space.allowed.to(history.device))


def plan_log_probabilities(table: Tensor, space: PlanSpace) -> Tensor:
    """Log-probability of every plan of the codec. Shape: (B, R, 9) -> (B, plans); the empty plan's is about -1e9."""
    return _chain(table, space.plan_steps)


def chain_expectation(per_prefix: Tensor, table: Tensor, space: PlanSpace) -> Tensor:
    """Expected sum, over the decisions of a plan drawn from ``table``, of a quantity that depends on the prefix.

    With the entropy of each decision this is the entropy of the plan (chain rule); with the divergence of each
    decision from another table's, the divergence between the distributions over plans.

    Args:
        per_prefix: Shape: (B, R).
        table: Shape: (B, R, 9).
        space: The plans.

    Returns:
        Shape: (B,).
    """
    return (_chain(table, space.prefix_steps).exp() * per_prefix).sum(-1)


def _chain(table: Tensor, steps: tuple[Tensor, Tensor]) -> Tensor:
    rows, decisions = (step.to(table.device) for step in steps)
    taken = table[:, rows, decisions.clamp(min=0)]  # (B, chains, K)
    return (taken * (decisions >= 0)).sum(-1)
