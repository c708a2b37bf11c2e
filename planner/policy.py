"""The planner as stable-baselines3 policies: one decision at a time, or a whole plan as one action."""

import copy
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor

from encoding.plan_codec import STOP, PlanCodec
from planner.network import DecisionNetwork
from planner.plan_distribution import PlanSpace, chain_expectation, decision_table


class PlannerPolicy(ActorCriticPolicy):
    """What both modes share: the network, and a regulariser that keeps PPO near the policy it starts from.

    SB3's PPO adds ``ent_coef * entropy`` to its objective. Entropy is, up to a constant, minus the divergence from
    the uniform policy; here the third value of :meth:`evaluate_actions` is minus the divergence KL(policy ||
    reference) from the cloned policy instead, as in RL from human feedback (Ziegler et al. 2019, arXiv 1909.08593):
    ``ent_coef`` is the weight of that KL, and collapse to a few strategies costs what cloning knew.

    Args:
        observation_space: History features then plan features.
        action_space: ``Discrete(9)`` or ``MultiDiscrete([9] * K)``.
        lr_schedule: Learning rate by remaining progress, 1 to 0.
        network: The cloned network; it is copied, and a frozen copy is the reference.
        codec: Which plans there are.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        lr_schedule: Any,
        *,
        network: DecisionNetwork,
        codec: PlanCodec,
        use_sde: bool = False,
    ) -> None:
        self._given = (network, codec)
        super().__init__(observation_space, action_space, lr_schedule, use_sde=use_sde)

    def _build(self, lr_schedule: Any) -> None:
        network, codec = self._given
        self.codec = codec
        self.space = PlanSpace(codec)
        self.network: DecisionNetwork = copy.deepcopy(network)
        self.network.dropout.p = self.network.input_dropout.p = 0.0  # PPO's ratio needs one and the same policy
        self.reference = copy.deepcopy(self.network).requires_grad_(False)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=lr_schedule(1), eps=1e-5)

    def _split(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        history = self.network.shape.history
        return observations[:, :history], observations[:, history:]

    def _predict(self, observation: Any, deterministic: bool = False) -> Tensor:
        return self.forward(observation, deterministic)[0]


class OneByOnePolicy(PlannerPolicy):
    """One decision per step: eight strategies or STOP, STOP never first."""

    def _decide(self, network: DecisionNetwork, observations: Tensor) -> tuple[Tensor, Tensor]:
        history, plan = self._split(observations)
        allowed = torch.ones(len(plan), STOP + 1, dtype=torch.bool, device=plan.device)
        allowed[:, STOP] = plan[:, STOP] != 1.0  # where the first slot is STOP, the plan is empty
        return network.decide(network.encode_history(history), plan, allowed)

    def forward(self, obs: Tensor, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Actions (B,), values (B, 1), log-probabilities (B,)."""
        log_probabilities, values = self._decide(self.network, obs)
        actions = choose(log_probabilities, deterministic=deterministic)
        return actions, values[:, None], log_probabilities.gather(1, actions[:, None]).squeeze(1)

    def evaluate_actions(self, obs: Any, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Values (B, 1), log-probabilities (B,), minus the divergence from the reference (B,)."""
        log_probabilities, values = self._decide(self.network, obs)
        with torch.no_grad():
            reference, _ = self._decide(self.reference, obs)
        divergence = kl_divergence(log_probabilities, reference)
        return values[:, None], log_probabilities.gather(1, actions[:, None].long()).squeeze(1), -divergence

    def predict_values(self, obs: Any) -> Tensor:
        """Values. Shape: (B, 1)."""
        return self._decide(self.network, obs)[1][:, None]


class AllInOnePolicy(PlannerPolicy):
    """A whole plan per step, its slots drawn one after the other given those before; all quantities exact."""

    def _table(self, network: DecisionNetwork, observations: Tensor) -> tuple[Tensor, Tensor]:
        history, _ = self._split(observations)
        return decision_table(network, self.space, history)

    def forward(self, obs: Tensor, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Actions (B, K), values (B, 1), log-probabilities of the whole plans (B,)."""
        table, values = self._table(self.network, obs)
        slots = np.full((len(obs), self.codec.max_strategies), STOP)
        growing = np.ones(len(obs), bool)
        for slot in range(self.codec.max_strategies):
            here = np.flatnonzero(growing)
            rows = torch.from_numpy(self.space.row(slots[here]))
            decisions = choose(table[torch.from_numpy(here), rows], deterministic=deterministic)
            slots[here, slot] = decisions.cpu().numpy()
            growing[here] = slots[here, slot] != STOP
        actions = torch.from_numpy(slots).to(obs.device)
        return actions, values[:, None], self._log_probability(table, actions)

    def evaluate_actions(self, obs: Any, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Values (B, 1), log-probabilities of the whole plans (B,), minus the divergence from the reference (B,)."""
        table, values = self._table(self.network, obs)
        with torch.no_grad():
            reference, _ = self._table(self.reference, obs)
        divergence = chain_expectation(kl_divergence(table, reference), table, self.space)
        return values[:, None], self._log_probability(table, actions.long()), -divergence

    def predict_values(self, obs: Any) -> Tensor:
        """Values. Shape: (B, 1)."""
        return self._table(self.network, obs)[1][:, None]

    def _log_probability(self, table: Tensor, actions: Tensor) -> Tensor:
        plans = self.codec.plan_of_code[self.codec.code(actions.cpu().numpy())]
        rows, decisions = (step[plans].to(table.device) for step in self.space.plan_steps)  # (B, K)
        taken = table[torch.arange(len(table), device=table.device)[:, None], rows, decisions.clamp(min=0)]
        return (taken * (decisions >= 0)).sum(-1)


def choose(log_probabilities: Tensor, *, deterministic: bool) -> Tensor:
    """Draws a decision from each row, or takes the most probable. Shape: (B, 9) -> (B,)."""
    if deterministic:
        return log_probabilities.argmax(-1)
    return torch.multinomial(log_probabilities.exp(), 1).squeeze(-1)


def kl_divergence(policy: Tensor, reference: Tensor) -> Tensor:
    """KL(policy || reference) of log-probabilities over the last axis, in nats. Shape: (..., 9) -> (...)."""
    return (policy.exp() * (policy - reference)).sum(-1)
