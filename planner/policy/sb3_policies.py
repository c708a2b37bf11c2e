"""The planner as stable-baselines3 policies: one slot at a time, or reasoning and plan as one action."""

import copy
import time
from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor

from encoding.plan_codec import STOP
from encoding.reasoning_codec import REASONING_SLOTS
from planner.plan_distribution import IMPOSSIBLE
from planner.policy.network import PolicyNetwork, kl_divergence


class PlanActorCriticPolicy(ActorCriticPolicy):
    """What both modes share: the network, and a regulariser that keeps PPO near the policy it starts from.

    SB3's PPO adds ``ent_coef * entropy`` to its objective. Entropy is, up to a constant, minus the divergence from
    the uniform policy; here the third value of :meth:`evaluate_actions` is minus the divergence KL(policy ||
    reference) from the cloned policy instead, as in RL from human feedback (Ziegler et al. 2019, arXiv 1909.08593):
    ``ent_coef`` is the weight of that KL, and collapse to a few strategies costs what cloning knew.

    Args:
        observation_space: Predictions, then the reasoning chosen so far (if the network reasons), then plan features.
        lr_schedule: Learning rate by remaining progress, 1 to 0.
        network: The cloned network; it is copied, and a frozen copy is the reference.
        refine_reasoning: Whether reasoning is trained too; else it stays as it was cloned.
    """

    def __init__(
        self,
        observation_space: spaces.Space,
        action_space: spaces.Space,
        lr_schedule: Any,
        *,
        network: PolicyNetwork,
        refine_reasoning: bool,
        use_sde: bool = False,
    ) -> None:
        self._given = (network, refine_reasoning)
        self.seconds = 0.0  # spent choosing actions in rollouts
        super().__init__(observation_space, action_space, lr_schedule, use_sde=use_sde)

    def _build(self, lr_schedule: Any) -> None:
        network, refine_reasoning = self._given
        self.layout = network.layout
        self.network: PolicyNetwork = copy.deepcopy(network)
        self.network.eval()
        for module in self.network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0  # PPO's ratio needs one and the same policy
        self.reference = copy.deepcopy(self.network).requires_grad_(False)
        if not refine_reasoning:
            self.network.freeze_reasoning()
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=lr_schedule(1), eps=1e-5)

    def _split(self, observations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        sizes = [self.layout.size, self.layout.reasoning_width]
        predictions, chosen, plan = observations.split([*sizes, observations.shape[1] - sum(sizes)], dim=1)
        return predictions, chosen, plan

    def forward(self, obs: Tensor, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Actions (B, ...), values (B, 1), log-probabilities (B,)."""
        began = time.perf_counter()
        chosen = self._act(obs, deterministic=deterministic)
        self.seconds += time.perf_counter() - began
        return chosen

    @abstractmethod
    def _act(self, observations: Tensor, *, deterministic: bool) -> tuple[Tensor, Tensor, Tensor]:
        """What :meth:`forward` gives."""

    def _value(self, observations: Tensor) -> Tensor:
        """Shape: (B, 1)."""
        predictions, chosen, plan = self._split(observations)
        return self.network.value(predictions, chosen=chosen, plan=plan)[:, None]

    def predict_values(self, obs: Any) -> Tensor:
        """Values. Shape: (B, 1)."""
        return self._value(obs)

    def _predict(self, observation: Any, deterministic: bool = False) -> Tensor:
        return self.forward(observation, deterministic)[0]


class OneByOnePolicy(PlanActorCriticPolicy):
    """One choice per step: the reasoning slots in order, then eight strategies or STOP, STOP never first."""

    def _act(self, observations: Tensor, *, deterministic: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Actions (B,), values (B, 1), log-probabilities (B,)."""
        log_probabilities = self._choices(self.network, observations)
        actions = choose(log_probabilities, deterministic=deterministic)
        return actions, self._value(observations), log_probabilities.gather(1, actions[:, None]).squeeze(1)

    def evaluate_actions(self, obs: Any, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Values (B, 1), log-probabilities (B,), minus the divergence from the reference (B,)."""
        log_probabilities = self._choices(self.network, obs)
        with torch.no_grad():
            reference = self._choices(self.reference, obs)
        divergence = kl_divergence(log_probabilities, reference)
        return self._value(obs), log_probabilities.gather(1, actions[:, None].long()).squeeze(1), -divergence

    def _choices(self, network: PolicyNetwork, observations: Tensor) -> Tensor:
        """Log-probabilities of the actions of each state. Shape: (B, actions)."""
        predictions, chosen, plan = self._split(observations)
        codec = self.layout.space.codec
        slots = plan[:, :-1].reshape(-1, codec.max_strategies, STOP + 1).argmax(2)
        rows = torch.from_numpy(self.layout.space.row_of_code[codec.code(slots.cpu().numpy())]).to(plan.device)
        reasoning = self.layout.reasoning
        if reasoning is None:
            return network.steps(predictions, values=rows[:, None], rows=rows)[1]
        parts = chosen.split(list(reasoning.sizes), dim=1)
        known = torch.stack([part.sum(1) > 0 for part in parts], dim=1)  # (B, 5)
        values = torch.stack([part.argmax(1) for part in parts], dim=1).masked_fill(~known, -1)
        of_slots, decisions = network.steps(predictions, values=values, rows=rows)
        widest = max(STOP + 1, *reasoning.sizes)
        padded = [
            torch.nn.functional.pad(part, (0, widest - part.shape[1]), value=IMPOSSIBLE)
            for part in (*of_slots, decisions)
        ]
        # The policies fill the slots in order, so the number of known ones says which choice comes next.
        return torch.stack(padded, dim=1)[torch.arange(len(predictions), device=predictions.device), known.sum(1)]


class AllInOnePolicy(PlanActorCriticPolicy):
    """Reasoning and a whole plan per step, each slot sampled given those before; all quantities exact."""

    def _act(self, observations: Tensor, *, deterministic: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Actions (B, slots), values (B, 1), log-probabilities of the whole actions (B,)."""
        predictions, _, _ = self._split(observations)
        distribution = self.network(predictions)
        here = torch.arange(len(predictions), device=observations.device)
        values: list[Tensor] = []
        state = torch.zeros_like(here)
        for slot in distribution.slots:
            before = values[-1] if values else torch.zeros_like(here)
            values.append(choose(slot[here, before], deterministic=deterministic))
        if values:
            state = values[-2] * distribution.slots[-1].shape[2] + values[-1]
        table = distribution.decisions[here, state]  # (B, rows, 9)
        codec = self.layout.space.codec
        slots = np.full((len(observations), codec.max_strategies), STOP)
        growing = np.ones(len(observations), bool)
        for slot in range(codec.max_strategies):
            rows = torch.from_numpy(self.layout.space.row_of_code[codec.code(slots)]).to(observations.device)
            decisions = choose(table[here, rows], deterministic=deterministic).cpu().numpy()
            slots[growing, slot] = decisions[growing]
            growing &= slots[:, slot] != STOP
        actions = torch.cat(
            [*(value[:, None] for value in values), torch.from_numpy(slots).to(observations.device)], dim=1
        )
        return actions, self._value(observations), self._log_probabilities(predictions, actions)

    def evaluate_actions(self, obs: Any, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Values (B, 1), log-probabilities of the whole actions (B,), minus the divergence from the reference (B,)."""
        predictions, _, _ = self._split(obs)
        with torch.no_grad():
            reference = self.reference(predictions)
        divergence = self.network(predictions).divergence(reference, self.layout)
        return self._value(obs), self._log_probabilities(predictions, actions.long()), -divergence

    def _log_probabilities(self, predictions: Tensor, actions: Tensor) -> Tensor:
        return self._taken(self._along(self.network, predictions, actions), actions)

    def _along(self, network: PolicyNetwork, predictions: Tensor, actions: Tensor) -> tuple[list[Tensor], Tensor]:
        """Distributions along chosen chains: of each reasoning slot (B, values), of each decision (B, K, 9)."""
        values, plans = self._parts(actions)
        rows = self.layout.space.plan_steps[0][plans].to(predictions.device)  # (B, K)
        return network.steps(predictions, values=values, rows=rows)

    def _taken(self, along: tuple[list[Tensor], Tensor], actions: Tensor) -> Tensor:
        """Log-probabilities of the whole actions (B,) by the distributions along them."""
        values, plans = self._parts(actions)
        of_slots, decided = along
        decisions = self.layout.space.plan_steps[1][plans].to(decided.device)  # (B, K)
        taken = decided.gather(2, decisions.clamp(min=0)[:, :, None]).squeeze(2)
        total = (taken * (decisions >= 0)).sum(1)
        for slot, value in zip(of_slots, values.T, strict=True):
            total = total + slot.gather(1, value[:, None]).squeeze(1)
        return total

    def _parts(self, actions: Tensor) -> tuple[Tensor, np.ndarray]:
        """Values of the reasoning slots (B, 5 or 0) and indices of plans (B,) that actions hold."""
        reasons = len(REASONING_SLOTS) if self.layout.reasoning is not None else 0
        values, slots = actions[:, :reasons], actions[:, reasons:]
        codec = self.layout.space.codec
        return values, codec.plan_of_code[codec.code(slots.cpu().numpy())]


class SampledAllInOnePolicy(AllInOnePolicy):
    """All-in-One whose divergence is summed along the chain that was sampled, as One-by-One's is from step to step.

    Its mean over samples of the policy itself is the divergence of the whole distributions, by the chain rule; its
    gradient leaves out how prefixes are reached, as One-by-One's does. A chain has eight distributions where all
    states and prefixes have hundreds, which is most of the time of exact training.
    """

    def evaluate_actions(self, obs: Any, actions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Values (B, 1), log-probabilities of the whole actions (B,), minus the divergence along them (B,)."""
        predictions, _, _ = self._split(obs)
        actions = actions.long()
        own = self._along(self.network, predictions, actions)
        with torch.no_grad():
            reference = self._along(self.reference, predictions, actions)
        happens = self.layout.space.plan_steps[1][self._parts(actions)[1]].to(predictions.device) >= 0  # (B, K)
        divergence = (kl_divergence(own[1], reference[1]) * happens).sum(1)
        for slot, other in zip(own[0], reference[0], strict=True):
            divergence = divergence + kl_divergence(slot, other)
        return self._value(obs), self._taken(own, actions), -divergence


def choose(log_probabilities: Tensor, *, deterministic: bool) -> Tensor:
    """Samples a value from each row, or takes the most probable. Shape: (B, n) -> (B,)."""
    if deterministic:
        return log_probabilities.argmax(-1)
    return torch.multinomial(log_probabilities.exp(), 1).squeeze(-1)
