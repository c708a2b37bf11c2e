"""The policy network: from predictions to reasoning and strategies, one slot after the other.

    context -> emotion -> intensity -> need -> stage -> strategy -> strategy or STOP -> ...

Every reasoning slot sees the predictions and the slot before it; every strategy sees the predictions, need, stage and
all strategies before it. A chain of small tables: each conditional distribution can be printed, and everything that is
asked of the whole (probability of a plan, entropy, divergence) is exact, by sums along the chain.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from encoding.observation import plan_features_size
from encoding.plan_codec import STOP
from planner.base_models.predictions import PredictionLayout
from planner.plan_distribution import IMPOSSIBLE, PlanMixture, chain_expectation, log_softmax, mixed_decisions

NEED, STAGE = 3, 4  # the reasoning slots that strategies see


class PolicyDistribution(NamedTuple):
    """All conditional distributions for B histories.

    Attributes:
        slots: For each reasoning slot, log-probabilities given every value of the slot before it (the first: given
            nothing). Shapes: (B, values before or 1, values). Empty without reasoning.
        decisions: Log-probabilities of decisions given need and stage (one row per pair, stage running fastest; one
            row without reasoning) after every prefix. Shape: (B, needs * stages or 1, rows, 9).
    """

    slots: list[Tensor]
    decisions: Tensor

    def state_probabilities(self) -> Tensor:
        """Probability of every pair of need and stage. Shape: (B, needs * stages or 1)."""
        return state_probabilities(self.slots) if self.slots else torch.ones_like(self.decisions[:, :, 0, 0])

    def divergence(self, reference: "PolicyDistribution", layout: PredictionLayout) -> Tensor:
        """KL(this || reference) between the distributions over reasoning and plan together, in nats. Shape: (B,)."""
        total = torch.zeros(len(self.decisions), device=self.decisions.device)
        before = torch.ones(len(self.decisions), 1, device=self.decisions.device)
        for own, other, marginal in zip(self.slots, reference.slots, slot_marginals(self.slots), strict=True):
            total = total + (before * kl_divergence(own, other)).sum(1)
            before = marginal
        per_prefix = kl_divergence(self.decisions, reference.decisions)  # (B, states, rows)
        per_state = chain_expectation(per_prefix, self.decisions, layout.space)
        return total + (self.state_probabilities() * per_state).sum(1)

    def entropy(self, layout: PredictionLayout) -> Tensor:
        """Entropy of reasoning and plan together, in nats. Shape: (B,)."""
        total = torch.zeros(len(self.decisions), device=self.decisions.device)
        before = torch.ones(len(self.decisions), 1, device=self.decisions.device)
        for own, marginal in zip(self.slots, slot_marginals(self.slots), strict=True):
            total = total - (before * (own.exp() * own).sum(-1)).sum(1)
            before = marginal
        per_prefix = -(self.decisions.exp() * self.decisions).sum(-1)
        per_state = chain_expectation(per_prefix, self.decisions, layout.space)
        return total + (self.state_probabilities() * per_state).sum(1)


class PolicyNetwork(nn.Module):
    """Small corrections to predictions: behaviour cloning fits them, PPO refines them.

    A decision's logits are the predicted ones, plus a shift that depends on the summary of the predictions and on the
    length of the prefix, plus a constant for the prefix itself, plus constants for need and stage. All corrections
    start at zero: an untrained network plans exactly as predicted.

    Args:
        dropout: Share of hidden units dropped in training.
    """

    def __init__(self, layout: PredictionLayout, *, width: int, dropout: float) -> None:
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

    def forward(self, predictions: Tensor) -> PolicyDistribution:
        """All distributions. Shape: (B, S)."""
        hidden = self.hidden(self.layout.summary(predictions))
        logits = self._decision_logits(predictions, hidden)[:, None]  # (B, 1, rows, 9)
        if self.layout.reasoning is not None:
            logits = logits + self._state_shifts()[self.layout.space.lengths].transpose(0, 1)
        allowed = self.layout.space.allowed.to(predictions.device)
        return PolicyDistribution(self._slots(predictions, hidden), log_softmax(logits, allowed))

    def mixture(self, predictions: Tensor) -> PlanMixture:
        """The distribution over plans with reasoning summed out, for planning. Shape: (B, S)."""
        hidden = self.hidden(self.layout.summary(predictions))
        logits = self._decision_logits(predictions, hidden)
        table = (logits - logits.amax(-1, keepdim=True)).exp()
        return PlanMixture(*self._states(predictions, hidden), table, self._factors(predictions))

    def next_decisions(self, predictions: Tensor, rows: Tensor) -> Tensor:
        """The next decision of each history after one prefix, over all reasoning.

        Args:
            predictions: Shape: (B, S).
            rows: Row of the prefix. Shape: (B,).

        Returns:
            Probabilities. Shape: (B, 9), rows sum to 1.
        """
        hidden = self.hidden(self.layout.summary(predictions))
        logits = self._logits_after(predictions, hidden, rows[:, None])[:, 0]
        logits = logits.masked_fill(~self.layout.space.allowed.to(predictions.device)[rows], IMPOSSIBLE)
        factors = self._factors(predictions)[self.layout.space.lengths.to(predictions.device)[rows]]  # (B, S, 9)
        _, states = self._states(predictions, hidden)
        return mixed_decisions(states, (logits - logits.amax(-1, keepdim=True)).exp(), factors)

    def steps(self, predictions: Tensor, *, values: Tensor, rows: Tensor) -> tuple[list[Tensor], Tensor]:
        """Only the distributions along one chain per history.

        Args:
            predictions: Shape: (B, S).
            values: Values of the reasoning slots along the chain, -1 = none (then nothing depends on it); not looked
                at without reasoning. Shape: (B, 5).
            rows: Row of the prefix. Shape: (B,) or (B, steps).

        Returns:
            Log-probabilities of each reasoning slot given the value before it, five of shape (B, values) or none; and
            of the decision after each row, shape (B, [steps,] 9).
        """
        hidden = self.hidden(self.layout.summary(predictions))
        slots = []
        for k, scores in enumerate(self._slot_logits(predictions, hidden)):
            link = _pick(self.links[k - 1], values[:, k - 1]) if k else 0.0
            slots.append((scores + link).log_softmax(1))
        columns = rows if rows.dim() == 2 else rows[:, None]
        length = self.layout.space.lengths.to(predictions.device)[columns]  # (B, steps)
        logits = self._logits_after(predictions, hidden, columns)
        if self.layout.reasoning is not None:
            for table, slot in ((self.by_need, NEED), (self.by_stage, STAGE)):
                chosen = values[:, slot, None]
                logits = logits + table[length, chosen.clamp(min=0)] * (chosen >= 0)[..., None]
        decided = log_softmax(logits, self.layout.space.allowed.to(predictions.device)[columns])
        return slots, decided if rows.dim() == 2 else decided[:, 0]

    def value(self, predictions: Tensor, *, chosen: Tensor, plan: Tensor) -> Tensor:
        """Expected return. Shapes: (B, S), reasoning one-hot (B, R), plan features (B, P) -> (B,)."""
        return self.critic(torch.cat([self.layout.summary(predictions), chosen, plan], dim=1)).squeeze(1)

    def _decision_logits(self, predictions: Tensor, hidden: Tensor) -> Tensor:
        """Without need and stage. Shape: (B, rows, 9)."""
        return self.layout.decisions(predictions) + self._shift(hidden)[:, self.layout.space.lengths] + self.after

    def _logits_after(self, predictions: Tensor, hidden: Tensor, rows: Tensor) -> Tensor:
        """Of some rows, without need and stage, nothing masked. Shape: (B, steps) -> (B, steps, 9)."""
        length = self.layout.space.lengths.to(predictions.device)[rows]
        shift = self._shift(hidden).gather(1, length[:, :, None].expand(-1, -1, STOP + 1))
        return self.layout.decisions_after(predictions, rows) + shift + self.after[rows]

    def _state_shifts(self) -> Tensor:
        """What need and stage add to logits, by length of the prefix. Shape: (K, needs * stages, 9)."""
        return (self.by_need[:, :, None] + self.by_stage[:, None]).flatten(1, 2)

    def _factors(self, predictions: Tensor) -> Tensor:
        """What each state multiplies weights of decisions with; one state without reasoning. Shape: (K, S, 9)."""
        if self.layout.reasoning is None:
            return predictions.new_ones(self.layout.space.codec.max_strategies, 1, STOP + 1)
        shifts = self._state_shifts()
        return (shifts - shifts.amax(-1, keepdim=True)).exp()

    def _states(self, predictions: Tensor, hidden: Tensor) -> tuple[list[Tensor], Tensor]:
        """Probabilities of each reasoning slot's values and of every state."""
        slots = self._slots(predictions, hidden)
        return slot_marginals(slots), state_probabilities(slots) if slots else predictions.new_ones(len(predictions), 1)

    def _shift(self, hidden: Tensor) -> Tensor:
        """By length of the prefix. Shape: (B, K, 9)."""
        return self.shift(hidden).unflatten(1, (-1, STOP + 1))

    def _slot_logits(self, predictions: Tensor, hidden: Tensor) -> list[Tensor]:
        predicted = self.layout.slots(predictions)
        return [scores + shift(hidden) for scores, shift in zip(predicted, self.slot_shift, strict=True)]

    def _slots(self, predictions: Tensor, hidden: Tensor) -> list[Tensor]:
        slots = []
        for k, scores in enumerate(self._slot_logits(predictions, hidden)):
            logits = scores[:, None] + self.links[k - 1] if k else scores[:, None]
            slots.append(logits.log_softmax(-1))
        return slots


def slot_marginals(slots: list[Tensor]) -> list[Tensor]:
    """Probability of each value of each reasoning slot, from its chain. Shapes: (B, values)."""
    marginals: list[Tensor] = []
    for slot in slots:
        before = marginals[-1] if marginals else torch.ones_like(slot[:, :, 0])
        marginals.append((before[:, None] @ slot.exp())[:, 0])
    return marginals


def state_probabilities(slots: list[Tensor]) -> Tensor:
    """Probability of every pair of need and stage, the stage running fastest. Shape: (B, needs * stages)."""
    return (slot_marginals(slots[: NEED + 1])[NEED][..., None] * slots[STAGE].exp()).flatten(1)


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
