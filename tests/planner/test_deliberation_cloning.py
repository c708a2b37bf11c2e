"""Cloning on top of predictions: whose decisions, how well, and never worse than the predictions."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from encoding.observation import STATISTICS
from encoding.plan_codec import STOP
from planner.config import PolicyConfig
from planner.decisions import Decisions
from planner.policy.cloning import PredictedDecisions, clone_policy, decision_loss
from planner.policy.network import PolicyNetwork
from planner.training_log import TrainingLog
from tests.planner.toy_predictions import random_predictions, stirred_network, toy_layout, uniform_predictions
from tests.planner.toy_task import observer

_LAYOUT = toy_layout()
_CPU = torch.device("cpu")
_CONFIG = PolicyConfig(epochs=40, rate=1e-2)


def _seen(kinds: torch.Tensor) -> torch.Tensor:
    """Beliefs that tell nothing but, by half of the context each, which kind of history it is."""
    halves = torch.arange(STATISTICS) * 2 // STATISTICS
    return uniform_predictions(_LAYOUT, (halves == torch.arange(2)[:, None]).float()[kinds])


def _toy(count: int = 64) -> PredictedDecisions:
    """After a history of kind 0: (5,), need 3; of kind 1: (2, 4), need 1; the other labels are unknown or noise."""
    kinds = torch.arange(count) % 2
    decisions = [[(0, 5, True), (1 + 5, STOP, False)], [(0, 2, True), (1 + 2, 4, False)]]
    rows = [(number, *step) for number, kind in enumerate(kinds.tolist()) for step in decisions[kind]]
    row, prefix, decision, realized = (torch.tensor(column) for column in zip(*rows, strict=True))
    reasoning = torch.full((count, 5), -1)
    reasoning[:, 3] = torch.where(kinds == 0, 3, 1)
    return PredictedDecisions(_seen(kinds), reasoning, row, prefix, decision, realized)


def _clone(network: PolicyNetwork, folder: Path, *, config: PolicyConfig = _CONFIG, seed: int = 0) -> TrainingLog:
    log = TrainingLog(folder)
    clone_policy(network, _toy(512), _toy(16), config=config, rng=np.random.default_rng(seed), log=log)
    log.close()
    return log


def _network(seed: int = 0, *, dropout: float = 0.0) -> PolicyNetwork:
    torch.manual_seed(seed)
    return PolicyNetwork(_LAYOUT, width=8, dropout=dropout)


def test_decisions_and_their_beliefs_side_by_side() -> None:
    talk = Dialogue(
        1,
        (
            Message(Role.SEEKER, "hello"),
            Message(Role.SUPPORTER, "what is it", Strategy.QUESTION),
            Message(Role.SUPPORTER, "poor you", Strategy.REFLECTION),
        ),
    )
    decisions = Decisions.collect([talk], observer=observer())
    layout = toy_layout(max_strategies=3)
    predictions = random_predictions(layout, 3).numpy()
    data = PredictedDecisions.of(decisions, predictions, layout, _CPU)
    plans = [layout.space.codec.plan(layout.space.prefixes[row]) for row in data.prefix]
    found = list(zip(data.row.tolist(), plans, data.decision.tolist(), data.realized.tolist(), strict=True))
    assert found == [
        (0, (), Strategy.QUESTION, True),
        (1, (Strategy.QUESTION,), Strategy.REFLECTION, True),
        (0, (Strategy.QUESTION,), Strategy.REFLECTION, False),  # planned, not said
        (0, (Strategy.QUESTION, Strategy.REFLECTION), STOP, False),
        (1, (Strategy.QUESTION, Strategy.REFLECTION), STOP, False),
        (2, (Strategy.QUESTION, Strategy.REFLECTION), STOP, True),
    ]
    np.testing.assert_array_equal(data.predictions, predictions)


def test_loss_by_hand() -> None:
    """Mean surprise of what followed the prefix, over all needs and stages; decisions further ahead do not count."""
    network = stirred_network(_LAYOUT)
    data = _toy(4)
    with torch.no_grad():
        distribution = network(data.predictions)
        states = distribution.state_probabilities()
    surprises = []
    for row, prefix, decision, realized in zip(data.row, data.prefix, data.decision, data.realized, strict=True):
        if realized:
            surprises.append(-float((states[row] @ distribution.decisions[row, :, prefix, decision].exp()).log()))
    assert len(surprises) == 4
    assert decision_loss(network, data) == pytest.approx(np.mean(surprises), rel=1e-5)


def test_learns_reasoning_and_decisions_that_beliefs_do_not_tell(tmp_path: Path) -> None:
    network = _network()
    log = _clone(network, tmp_path)
    losses = log.curves["deliberation/valid_loss"]
    assert losses[0] == pytest.approx(np.log(8), abs=1e-4)  # as predicted: nothing
    assert min(losses.values()) < 0.3
    assert decision_loss(network, _toy(16)) == pytest.approx(min(losses.values()), abs=1e-5)
    with torch.no_grad():
        mixture = network.mixture(_seen(torch.tensor([0, 1])))
    plans = mixture.plan_probabilities(_LAYOUT.space)
    best = [_LAYOUT.space.codec.plans[number] for number in plans.argmax(1)]
    assert best == [(5,), (2, 4)]
    assert mixture.reasoning[3].argmax(1).tolist() == [3, 1]
    assert not network.training


def test_a_network_that_only_gets_worse_stays_as_predicted(tmp_path: Path) -> None:
    network = _network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    data = _toy(16)
    other = dataclasses.replace(data, decision=torch.where(data.decision == STOP, STOP, (data.decision + 1) % 8))
    log = TrainingLog(tmp_path)
    clone_policy(network, _toy(), other, config=_CONFIG, rng=np.random.default_rng(0), log=log)
    log.close()
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_same_seed_same_weights_and_the_critic_is_left_alone(tmp_path: Path) -> None:
    config = dataclasses.replace(_CONFIG, epochs=3)
    states = []
    for number, seed in enumerate((0, 0, 1)):
        network = _network(dropout=0.5)
        critic = network.critic[0].weight.clone()
        torch.manual_seed(seed)
        _clone(network, tmp_path / str(number), config=config, seed=seed)
        assert torch.equal(critic, network.critic[0].weight)
        states.append(network.state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not all(torch.equal(states[0][name], states[2][name]) for name in states[0])
