"""The policy network: exact distributions by enumeration, and its behaviour cloning."""

import copy
import dataclasses
from collections.abc import Iterator
from itertools import product
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
from planner.plan_distribution import PlanMixture, strategies_along
from planner.policy.cloning import PredictedDecisions, clone_policy, decision_loss
from planner.policy.network import NEED, STAGE, PolicyDistribution, PolicyNetwork
from planner.training_log import TrainingLog
from tests.planner.reference_plans import plan_log_probabilities, policy_plans
from tests.planner.toy_predictions import (
    REASONING,
    random_decisions,
    random_predictions,
    stirred_network,
    toy_layout,
    uniform_predictions,
)
from tests.planner.toy_task import observer

_LAYOUT = toy_layout()
_PLANS = _LAYOUT.space.codec.plans
_ROW = {_LAYOUT.space.codec.plan(slots): row for row, slots in enumerate(_LAYOUT.space.prefixes)}
_CHAINS = list(product(*map(range, REASONING.sizes)))


def _distribution(seed: int = 0, *, count: int = 2) -> PolicyDistribution:
    network = stirred_network(_LAYOUT, seed=seed).double()
    with torch.no_grad():
        return network(random_predictions(_LAYOUT, count).double())


def _mixture(seed: int = 0, *, count: int = 2) -> PlanMixture:
    network = stirred_network(_LAYOUT, seed=seed).double()
    with torch.no_grad():
        return network.mixture(random_predictions(_LAYOUT, count).double())


def _chain_probability(distribution: PolicyDistribution, number: int, chain: tuple[int, ...]) -> float:
    value = 1.0
    for k, slot in enumerate(distribution.slots):
        value *= float(slot[number, chain[k - 1] if k else 0, chain[k]].exp())
    return value


def _steps(plan: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Row and decision of each step of a plan, STOP included."""
    for k, strategy in enumerate(plan):
        yield _ROW[plan[:k]], strategy
    if len(plan) < _LAYOUT.space.codec.max_strategies:
        yield _ROW[plan], STOP


def _plans_given(distribution: PolicyDistribution, number: int, *, skip: int = 0) -> np.ndarray:
    """Probability of each plan given need and stage, its first ``skip`` steps taken as given. Shape: (4, 3, plans)."""
    table = distribution.decisions[number].exp().numpy().reshape(4, 3, _LAYOUT.rows, 9)
    of_plans = [
        np.prod([table[:, :, row, taken] for row, taken in list(_steps(plan))[skip:]], axis=0) for plan in _PLANS
    ]
    return np.stack(np.broadcast_arrays(*of_plans, np.ones((4, 3)))[:-1], axis=-1)


def _joint(distribution: PolicyDistribution, number: int) -> np.ndarray:
    """Probability of every chain of reasoning with every plan. Shape: (360, 73)."""
    given = _plans_given(distribution, number)
    chains = [_chain_probability(distribution, number, chain) for chain in _CHAINS]
    return np.array([p * given[chain[NEED], chain[STAGE]] for p, chain in zip(chains, _CHAINS, strict=True)])


def test_probabilities_of_everything_sum_to_one_and_plans_are_their_sums_over_reasoning() -> None:
    distribution = _distribution()
    plans = _mixture().plan_probabilities(_LAYOUT.space).numpy()
    for number in range(2):
        joint = _joint(distribution, number)
        assert joint.sum() == pytest.approx(1.0)
        np.testing.assert_allclose(plans[number], joint.sum(0), atol=1e-12)
        assert plans[number, _PLANS.index(())] == 0.0  # STOP never comes first


def test_marginals_of_reasoning() -> None:
    distribution, mixture = _distribution(), _mixture()
    for number in range(2):
        chains = _joint(distribution, number).sum(1)
        for k, marginal in enumerate(mixture.reasoning):
            expected = np.bincount([chain[k] for chain in _CHAINS], weights=chains)
            np.testing.assert_allclose(marginal[number].numpy(), expected, atol=1e-12)
        states = np.bincount([chain[NEED] * 3 + chain[STAGE] for chain in _CHAINS], weights=chains)
        for found in (distribution.state_probabilities(), mixture.states):
            np.testing.assert_allclose(found[number].numpy(), states, atol=1e-12)


def test_entropy_and_divergence_of_reasoning_and_plan_together() -> None:
    own, other = _distribution(0), _distribution(1)
    for number in range(2):
        joint, reference = (_joint(one, number)[:, 1:] for one in (own, other))  # without the impossible empty plan
        entropy = -(joint * np.log(joint)).sum()
        divergence = (joint * np.log(joint / reference)).sum()
        assert float(own.entropy(_LAYOUT)[number]) == pytest.approx(entropy)
        assert float(own.divergence(other, _LAYOUT)[number]) == pytest.approx(divergence)
        assert divergence > 0.1
    assert own.divergence(own, _LAYOUT).abs().max() < 1e-12


@pytest.mark.parametrize("prefix", [(), (3,), (3, 5), (0, 0)])
def test_the_prefix_is_given(prefix: tuple[int, ...]) -> None:
    """Reasoning is not updated by the prefix: it is of the history, which holds it already."""
    distribution = _distribution()
    plans = _mixture().plan_probabilities(_LAYOUT.space, prefix=prefix).numpy()
    reference = policy_plans(distribution, _LAYOUT, prefix=prefix).exp().numpy()
    following = [number for number, plan in enumerate(_PLANS) if plan and plan[: len(prefix)] == prefix]
    for number in range(2):
        states = distribution.state_probabilities()[number].numpy()
        given = _plans_given(distribution, number, skip=len(prefix)).reshape(12, -1)
        np.testing.assert_allclose(plans[number, following], (states @ given)[following], atol=1e-12)
        np.testing.assert_allclose(plans[number], reference[number], atol=1e-12)
        assert plans[number, following].sum() == pytest.approx(1.0)


@pytest.mark.parametrize("prefix", [(), (6,)])
def test_decisions_along_plans(prefix: tuple[int, ...]) -> None:
    """Slot k's distribution given the strategies planned before it, from the table of all chains and plans."""
    distribution = _distribution()
    plans = [(6, 1), (6, 6)] if prefix else [(2, 4), (5,)]
    chosen = torch.tensor([_PLANS.index(plan) for plan in plans])
    along = strategies_along(_mixture().plan_probabilities(_LAYOUT.space, prefix=prefix), chosen, _LAYOUT.space)
    for number, plan in enumerate(plans):
        states = distribution.state_probabilities()[number].numpy()
        given = _plans_given(distribution, number, skip=len(prefix)).reshape(12, -1)
        whole = states @ given
        for k in range(len(prefix), len(plan)):
            begun = np.array(
                [
                    sum(p for p, other in zip(whole, _PLANS, strict=True) if other[: k + 1] == (*plan[:k], s))
                    for s in range(8)
                ]
            )
            np.testing.assert_allclose(along[number, k].numpy(), begun / begun.sum(), atol=1e-12)


def test_steps_are_rows_of_the_tables() -> None:
    network = stirred_network(_LAYOUT).double()
    rng = np.random.default_rng(0)
    values = torch.from_numpy(np.array(_CHAINS)[rng.integers(len(_CHAINS), size=30)])
    predictions, rows = random_predictions(_LAYOUT, 30).double(), torch.from_numpy(rng.integers(9, size=(30, 2)))
    with torch.no_grad():
        whole = network(predictions)
        slots, decided = network.steps(predictions, values=values, rows=rows)
        _, first = network.steps(predictions, values=values, rows=rows[:, 0])
    for number in range(30):
        for k, slot in enumerate(slots):
            before = int(values[number, k - 1]) if k else 0
            assert torch.allclose(slot[number], whole.slots[k][number, before])
        state = int(values[number, NEED] * 3 + values[number, STAGE])
        assert torch.allclose(decided[number], whole.decisions[number, state, rows[number]])
    assert torch.allclose(first, decided[:, 0])


def test_nothing_depends_on_a_slot_without_a_value() -> None:
    network = stirred_network(_LAYOUT).double()
    without = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in (*without.links, without.by_need, without.by_stage):
            parameter.zero_()
    predictions, rows = random_predictions(_LAYOUT, 3).double(), torch.tensor([0, 4, 8])
    unknown, known = torch.full((3, 5), -1), torch.tensor([[1, 2, 3, 2, 1]] * 3)
    slots, decided = network.steps(predictions, values=unknown, rows=rows)
    expected, expected_decided = without.steps(predictions, values=known, rows=rows)
    assert all(torch.allclose(own, other) for own, other in zip(slots, expected, strict=True))
    assert torch.allclose(decided, expected_decided)


def test_logits_by_hand() -> None:
    """Predictions + shift by the length of the prefix + constants of prefix, need and stage."""
    network, predictions = stirred_network(_LAYOUT).double(), random_predictions(_LAYOUT, 1).double()
    with torch.no_grad():
        table = network(predictions).decisions[0]
        shift = network.shift(network.hidden(_LAYOUT.summary(predictions)))[0].reshape(2, 9)
        for row, need, stage in [(0, 1, 2), (4, 3, 0), (8, 0, 1)]:
            length = int(row > 0)
            logits = _LAYOUT.decisions(predictions)[0, row] + shift[length] + network.after[row]
            logits = logits + network.by_need[length, need] + network.by_stage[length, stage]
            if row == 0:
                logits[STOP] = -torch.inf
            np.testing.assert_allclose(table[need * 3 + stage, row].exp(), logits.softmax(0), atol=1e-12)


@pytest.mark.parametrize("reasons", [True, False])
@pytest.mark.parametrize("max_strategies", [1, 2, 3])
def test_an_untrained_network_plans_exactly_as_predicted(reasons: bool, max_strategies: int) -> None:
    layout = toy_layout(max_strategies=max_strategies, reasons=reasons)
    predictions = random_predictions(layout, 3)
    with torch.no_grad():
        network = PolicyNetwork(layout, width=6, dropout=0.0)
        distribution, plans = network(predictions), network.mixture(predictions).plan_probabilities(layout.space)
    decisions = random_decisions(layout, 3, seed=0)
    for state in range(distribution.decisions.shape[1]):
        np.testing.assert_allclose(distribution.decisions[:, state].exp(), decisions.exp(), atol=1e-6)
    predicted = layout.slots(predictions)
    assert len(predicted) == len(distribution.slots) == (5 if reasons else 0)
    for slot, own in zip(distribution.slots, predicted, strict=True):
        np.testing.assert_allclose(slot.exp(), own.exp()[:, None].expand_as(slot), atol=1e-6)
    np.testing.assert_allclose(plans, plan_log_probabilities(decisions, layout.space).exp(), atol=1e-6)
    np.testing.assert_allclose(plans.sum(1), np.ones(3), atol=1e-5)


@pytest.mark.parametrize("reasons", [True, False])
def test_gradients_are_finite_in_single_precision(reasons: bool) -> None:
    """Also where masked decisions and improbable needs go through logarithms."""
    layout = toy_layout(reasons=reasons)
    network, reference = stirred_network(layout, size=3.0), stirred_network(layout, seed=1)
    predictions = random_predictions(layout, 4)
    distribution = network(predictions)
    with torch.no_grad():
        other = reference(predictions)
    plans = network.mixture(predictions).plan_probabilities(layout.space)[:, 1:]
    total = plans.mean() + distribution.entropy(layout).sum() + distribution.divergence(other, layout).sum()
    assert torch.isfinite(total)
    total.backward()
    for name, parameter in network.named_parameters():
        if not name.startswith("critic."):
            assert parameter.grad is not None, name
            assert torch.isfinite(parameter.grad).all(), name


def test_the_critic_does_not_bend_the_planner_and_freezing_keeps_reasoning() -> None:
    network, predictions = stirred_network(_LAYOUT), random_predictions(_LAYOUT, 3)
    chosen, plan = torch.zeros(3, REASONING.width), torch.zeros(3, 19)
    network.value(predictions, chosen=chosen, plan=plan).sum().backward()
    assert all(parameter.grad is None for parameter in network.planning_parameters())
    assert network.critic[0].weight.grad is not None
    network.freeze_reasoning()
    assert not any(slot.requires_grad for slot in network(predictions).slots)
    assert network(predictions).decisions.requires_grad


@pytest.mark.parametrize("prefix", [(), (3,)])
def test_mixture_of_extreme_logits_in_single_precision(prefix: tuple[int, ...]) -> None:
    """Predictions at their bounds and shifts of need and stage that pull against them neither over- nor underflow."""
    network = stirred_network(_LAYOUT, size=12.0)
    predictions = torch.where(random_predictions(_LAYOUT, 16) < -2, -20.0, -1e-3)
    with torch.no_grad():
        plans = network.mixture(predictions).plan_probabilities(_LAYOUT.space, prefix=prefix)
        precise = network.double()(predictions.double())
    reference = policy_plans(precise, _LAYOUT, prefix=prefix).exp()
    np.testing.assert_allclose(plans, reference, atol=1e-4)
    np.testing.assert_allclose(plans.sum(1), np.ones(16), atol=1e-4)


_CPU = torch.device("cpu")
_CONFIG = PolicyConfig(epochs=40, rate=1e-2)


def _seen(kinds: torch.Tensor) -> torch.Tensor:
    """Predictions that tell nothing but, by half of the context each, which kind of history it is."""
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


def test_decisions_and_their_predictions_side_by_side() -> None:
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


def test_learns_reasoning_and_decisions_that_predictions_do_not_tell(tmp_path: Path) -> None:
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
