"""Deliberation: from the members' beliefs to reasoning and strategies, one slot after the other.

    context -> emotion -> intensity -> need -> stage -> strategy -> strategy or STOP -> ...

Every reasoning slot sees the beliefs and the slot before it; every strategy sees the beliefs, need, stage and all
strategies before it. A chain of small tables: each conditional distribution can be printed, and everything that is
asked of the whole (probability of a plan, entropy, divergence) is exact, by sums along the chain.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from encoding.observation import plan_features_size
from encoding.plan_codec import STOP
from planner.beliefs import BeliefLayout
from planner.network import log_softmax
from planner.plan_distribution import chain_expectation, plan_log_probabilities

NEED, STAGE = 3, 4  # the reasoning slots that strategies see


class Deliberation(NamedTuple):
    """All conditional distributions for B histories.

    Attributes:
        slots: For each reasoning slot, log-probabilities given every value of the slot before it (the first: given
            nothing). Shapes: (B, values before or 1, values). Empty without reasoning.
        decisions: Log-probabilities of decisions given need and stage (one row per pair, stage running fastest; one
            row without reasoning) after every prefix. Shape: (B, needs * stages or 1, rows, 9).
    """

    slots: list[Tensor]
    decisions: Tensor

    def slot_marginals(self) -> list[Tensor]:
        """Probability of each value of each reasoning slot. Shapes: (B, values)."""
        marginals: list[Tensor] = []
        for slot in self.slots:
            before = marginals[-1] if marginals else torch.ones_like(slot[:, :, 0])
            marginals.append((before[..., None] * slot.exp()).sum(1))
        return marginals

    def state_log_probabilities(self) -> Tensor:
        """Log-probability of every pair of need and stage. Shape: (B, needs * stages or 1)."""
        if not self.slots:
            return torch.zeros_like(self.decisions[:, :, 0, 0])
        need = self.slot_marginals()[NEED].clamp(min=1e-12).log()
        return (need[..., None] + self.slots[STAGE]).flatten(1)

    def plan_log_probabilities(self, layout: BeliefLayout, *, standing: tuple[int, ...] = ()) -> Tensor:
        """Log-probability of every plan, over all reasoning.

        Args:
            layout: Of the beliefs.
            standing: Strategies that stand already and are taken as given. What is said of plans that do not begin
                with them has no meaning.

        Returns:
            Shape: (B, plans).
        """
        per_state = plan_log_probabilities(self.decisions, layout.space)  # (B, states, plans)
        for k, strategy in enumerate(standing):
            row = layout.space.row_of_code[layout.space.codec.code(layout.space.codec.slots(standing[:k]))]
            per_state = per_state - self.decisions[:, :, row, strategy, None]
        return (self.state_log_probabilities()[..., None] + per_state).logsumexp(1)

    def decisions_along(self, plans: np.ndarray, layout: BeliefLayout, *, standing: tuple[int, ...] = ()) -> Tensor:
        """The distribution each strategy of a plan is from, given those before it, over all reasoning.

        Args:
            plans: Index of each history's plan. Shape: (B,).
            layout: Of the beliefs.
            standing: Strategies that stand already.

        Returns:
            Of the eight strategies, given that one follows. Shape: (B, K, 8); what is beyond a plan has no meaning.
        """
        here = torch.arange(len(plans), device=self.decisions.device)
        rows, taken = (step[plans].to(here.device) for step in layout.space.plan_steps)  # (B, K)
        state = self.state_log_probabilities()  # (B, states)
        distributions = []
        for k in range(rows.shape[1]):
            decisions = self.decisions[here, :, rows[:, k]]  # (B, states, 9)
            distributions.append((state[..., None] + decisions).logsumexp(1)[:, :STOP].softmax(1))
            if k >= len(standing):  # what has been decided tells which need and stage were meant
                state = state + decisions[here, :, taken[:, k].clamp(min=0)]
        return torch.stack(distributions, dim=1)

    def divergence(self, reference: "Deliberation", layout: BeliefLayout) -> Tensor:
        """KL(this || reference) between the distributions over reasoning and plan together, in nats. Shape: (B,)."""
        total = torch.zeros(len(self.decisions), device=self.decisions.device)
        before = torch.ones(len(self.decisions), 1, device=self.decisions.device)
        for own, other, marginal in zip(self.slots, reference.slots, self.slot_marginals(), strict=True):
            total = total + (before * kl_divergence(own, other)).sum(1)
            before = marginal
        per_prefix = kl_divergence(self.decisions, reference.decisions)  # (B, states, rows)
        per_state = chain_expectation(per_prefix, self.decisions, layout.space)
        return total + (self.state_log_probabilities().exp() * per_state).sum(1)

    def entropy(self, layout: BeliefLayout) -> Tensor:
        """Entropy of reasoning and plan together, in nats. Shape: (B,)."""
        total = torch.zeros(len(self.decisions), device=self.decisions.device)
        before = torch.ones(len(self.decisions), 1, device=self.decisions.device)
        for own, marginal in zip(self.slots, self.slot_marginals(), strict=True):
            total = total - (before * (own.exp() * own).sum(-1)).sum(1)
            before = marginal
        per_prefix = -(self.decisions.exp() * self.decisions).sum(-1)
        per_state = chain_expectation(per_prefix, self.decisions, layout.space)
        return total + (self.state_log_probabilities().exp() * per_state).sum(1)


class DeliberationNetwork(nn.Module):
    """Small corrections to the members' beliefs: what cloning fits on top of them and PPO refines.

    A decision's logits are the beliefs, plus a shift that depends on the beliefs' summary and on how many strategies
    stand already, plus a constant for the strategies that stand, plus constants for need and stage. All corrections
    start at zero: an untrained network plans exactly as the members believe.

    Args:
        layout: Where things stand in beliefs.
        width: Hidden units.
        dropout: Share of hidden units dropped in training.
    """

    def __init__(self, layout: BeliefLayout, *, width: int, dropout: float) -> None:
        super().__init__()
        self.layout = layout
        slots = layout.space.codec.max_strategies
        rows = layout.rows
        self.hidden = nn.Sequential(nn.Linear(layout.summary_size, width), nn.Tanh(), nn.Dropout(dropout))
        self.shift = _zero(nn.Linear(width, slots * (STOP + 1)))
        self.after = nn.Parameter(torch.zeros(rows, STOP + 1))
        sizes = list(layout.reasoning.sizes) if layout.reasoning is not None else []
        self.slot_shift = nn.ModuleList([_zero(nn.Linear(width, size)) for size in sizes])
        self.links = nn.ParameterList([torch.zeros(*pair) for pair in pairwise(sizes)])
        if sizes:
            self.by_need = nn.Parameter(torch.zeros(slots, sizes[NEED], STOP + 1))
            self.by_stage = nn.Parameter(torch.zeros(slots, sizes[STAGE], STOP + 1))
        seen = layout.summary_size + layout.reasoning_width + plan_features_size(slots)
        self.critic = nn.Sequential(nn.Linear(seen, width), nn.Tanh(), nn.Linear(width, 1))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.after.device

    def planning_parameters(self) -> list[nn.Parameter]:
        """Everything but the critic."""
        return [parameter for name, parameter in self.named_parameters() if not name.startswith("critic.")]

    def freeze_reasoning(self) -> None:
        """Keeps reasoning, and the hidden units it shares with the strategies, from being trained further."""
        for part in (self.hidden, self.slot_shift, self.links):
            part.requires_grad_(False)

    def forward(self, beliefs: Tensor) -> Deliberation:
        """All distributions. Shape: (B, S)."""
        hidden = self.hidden(self.layout.summary(beliefs))
        logits = self._decision_logits(beliefs, hidden)[:, None]  # (B, 1, rows, 9)
        if self.layout.reasoning is not None:
            states = self.by_need[:, :, None] + self.by_stage[:, None]  # (K, needs, stages, 9)
            logits = logits + states.flatten(1, 2)[self.layout.space.lengths].transpose(0, 1)
        allowed = self.layout.space.allowed.to(beliefs.device)
        return Deliberation(self._slots(beliefs, hidden), log_softmax(logits, allowed))

    def steps(self, beliefs: Tensor, *, values: Tensor, rows: Tensor) -> tuple[list[Tensor], Tensor]:
        """Only the distributions along one chain per history.

        Args:
            beliefs: Shape: (B, S).
            values: Values of the reasoning slots along the chain, -1 = none (then nothing depends on it); not looked
                at without reasoning. Shape: (B, 5).
            rows: Row of the plan so far. Shape: (B,) or (B, steps).

        Returns:
            Log-probabilities of each reasoning slot given the value before it, five of shape (B, values) or none; and
            of the decision after each row, shape (B, [steps,] 9).
        """
        hidden = self.hidden(self.layout.summary(beliefs))
        slots = []
        for k, scores in enumerate(self._slot_logits(beliefs, hidden)):
            link = _pick(self.links[k - 1], values[:, k - 1]) if k else 0.0
            slots.append((scores + link).log_softmax(1))
        columns = rows if rows.dim() == 2 else rows[:, None]
        length = self.layout.space.lengths.to(beliefs.device)[columns]  # (B, steps)
        shift = self._shift(hidden).gather(1, length[:, :, None].expand(-1, -1, STOP + 1))
        logits = self.layout.decisions_after(beliefs, columns) + shift + self.after[columns]  # (B, steps, 9)
        if self.layout.reasoning is not None:
            for table, slot in ((self.by_need, NEED), (self.by_stage, STAGE)):
                chosen = values[:, slot, None]
                logits = logits + table[length, chosen.clamp(min=0)] * (chosen >= 0)[..., None]
        decided = log_softmax(logits, self.layout.space.allowed.to(beliefs.device)[columns])
        return slots, decided if rows.dim() == 2 else decided[:, 0]

    def value(self, beliefs: Tensor, *, chosen: Tensor, plan: Tensor) -> Tensor:
        """Expected return. Shapes: (B, S), reasoning one-hot (B, R), plan features (B, P) -> (B,)."""
        return self.critic(torch.cat([self.layout.summary(beliefs), chosen, plan], dim=1)).squeeze(1)

    def _decision_logits(self, beliefs: Tensor, hidden: Tensor) -> Tensor:
        """Without need and stage. Shape: (B, rows, 9)."""
        return self.layout.decisions(beliefs) + self._shift(hidden)[:, self.layout.space.lengths] + self.after

    def _shift(self, hidden: Tensor) -> Tensor:
        """By number of strategies that stand. Shape: (B, K, 9)."""
        return self.shift(hidden).unflatten(1, (-1, STOP + 1))

    def _slot_logits(self, beliefs: Tensor, hidden: Tensor) -> list[Tensor]:
        believed = self.layout.slots(beliefs)
        return [scores + shift(hidden) for scores, shift in zip(believed, self.slot_shift, strict=True)]

    def _slots(self, beliefs: Tensor, hidden: Tensor) -> list[Tensor]:
        slots = []
        for k, scores in enumerate(self._slot_logits(beliefs, hidden)):
            logits = scores[:, None] + self.links[k - 1] if k else scores[:, None]
            slots.append(logits.log_softmax(-1))
        return slots


def kl_divergence(policy: Tensor, reference: Tensor) -> Tensor:
    """KL(policy || reference) of log-probabilities over the last axis, in nats. Shape: (..., n) -> (...)."""
    return (policy.exp() * (policy - reference)).sum(-1)


def _pick(table: Tensor, values: Tensor) -> Tensor:
    """Rows of a table; zeros where the value is -1. Shapes: (n, m), (B,) -> (B, m)."""
    return table[values.clamp(min=0)] * (values >= 0)[:, None]


def _zero(linear: nn.Linear) -> nn.Linear:
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear
