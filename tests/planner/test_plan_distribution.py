import itertools

import numpy as np
import pytest
import torch

from encoding.plan_codec import STOP, PlanCodec
from planner.network import DecisionNetwork, NetworkShape
from planner.plan_distribution import PlanSpace, chain_expectation, decision_table, plan_log_probabilities
from planner.policy import kl_divergence


def _table(seed: int, *, max_strategies: int = 2, batch: int = 3) -> tuple[torch.Tensor, PlanSpace]:
    codec = PlanCodec(max_strategies)
    space = PlanSpace(codec)
    torch.manual_seed(seed)
    shape = NetworkShape(
        history=4 + 2 + 8 + 4 + 3, plan=space.features.shape[1], meaning=3, words=1, window=1, members=2, width=6
    )
    network = DecisionNetwork(shape, dropout=0.0, input_dropout=0.0).double()
    space.features = space.features.double()
    with torch.no_grad():
        return decision_table(network, space, torch.randn(batch, 21).double())[0], space


def _by_hand(table: torch.Tensor, space: PlanSpace, row: int) -> dict[tuple[int, ...], float]:
    """Probability of every plan by walking through its decisions one by one."""
    prefixes = {space.codec.plan(slots): number for number, slots in enumerate(space.prefixes)}
    probabilities = {}
    for plan in space.codec.plans:
        value = 1.0
        for length, strategy in enumerate(plan):
            value *= float(table[row, prefixes[plan[:length]], strategy].exp())
        if len(plan) < space.codec.max_strategies:
            value *= float(table[row, prefixes[plan], STOP].exp())
        probabilities[plan] = value
    return probabilities


@pytest.mark.parametrize("max_strategies", [1, 2, 3])
def test_probabilities_of_all_plans_are_those_of_their_decisions_and_sum_to_one(max_strategies: int) -> None:
    table, space = _table(0, max_strategies=max_strategies)
    probabilities = plan_log_probabilities(table, space).exp()
    for row in range(len(table)):
        expected = _by_hand(table, space, row)
        assert probabilities[row].numpy() == pytest.approx([expected[plan] for plan in space.codec.plans], abs=1e-12)
        assert sum(expected.values()) == pytest.approx(1.0)
        assert expected[()] == 0.0  # STOP never comes first


def test_chain_expectation_of_entropies_is_the_entropy_of_the_plan() -> None:
    table, space = _table(1)
    entropy_of_decision = -(table.exp() * table).nan_to_num().sum(-1)
    plans = plan_log_probabilities(table, space)[:, 1:]  # without the impossible empty plan
    assert chain_expectation(entropy_of_decision, table, space).numpy() == pytest.approx(
        -(plans.exp() * plans).sum(-1).numpy()
    )


def test_chain_expectation_of_divergences_is_the_divergence_between_plans() -> None:
    table, space = _table(2)
    other, _ = _table(3)
    plans, other_plans = (plan_log_probabilities(t, space)[:, 1:] for t in (table, other))
    expected = (plans.exp() * (plans - other_plans)).sum(-1)
    assert chain_expectation(kl_divergence(table, other), table, space).numpy() == pytest.approx(expected.numpy())
    assert (expected > 0.01).all()


def test_slots_depend_on_the_slots_before() -> None:
    """What SB3's MultiDiscrete cannot do: P(second | first) differs between first strategies."""
    table, space = _table(4)
    rows = space.row(np.array([[0, STOP], [5, STOP]]))
    assert not torch.allclose(table[:, rows[0]], table[:, rows[1]], atol=1e-3)


def test_row_finds_every_prefix_and_refuses_full_plans() -> None:
    _, space = _table(5)
    assert space.row(space.prefixes).tolist() == list(range(1 + 8))
    with pytest.raises(KeyError):
        space.row(np.array([[1, 2]]))


def test_steps_cover_each_plan_once() -> None:
    _, space = _table(6)
    rows, decisions = space.plan_steps
    chains = {tuple(zip(r.tolist(), d.tolist(), strict=True)) for r, d in zip(rows, decisions, strict=True)}
    assert len(chains) == len(space.codec.plans) == 1 + 8 + 64
    assert all(len(set(itertools.takewhile(lambda step: step[1] >= 0, chain))) >= 1 for chain in chains)
