"""The distribution over plans against a walk through the decisions of each plan; plans taken from it."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from encoding.observation import plan_features
from encoding.plan_codec import STOP, PlanCodec
from metrics.strategy.edit_distance import levenshtein_ratio
from planner.config import PlanDecodingConfig
from planner.plan_distribution import PlanDecoder, PlanSpace, allowed_decisions, chain_expectation
from planner.policy.network import kl_divergence
from tests.planner.reference_plans import plan_log_probabilities

_CODEC = PlanCodec(2)
_DECODER = PlanDecoder(_CODEC, PlanDecodingConfig())
_MOST_PROBABLE = PlanDecoder(_CODEC, PlanDecodingConfig(rule="most-probable"))


def _table(seed: int, *, max_strategies: int = 2, batch: int = 3) -> tuple[torch.Tensor, PlanSpace]:
    space = PlanSpace(PlanCodec(max_strategies))
    logits = torch.randn(batch, len(space.prefixes), STOP + 1, generator=torch.Generator().manual_seed(seed)).double()
    return logits.masked_fill(~space.allowed, -1e9).log_softmax(-1), space


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
    entropy_of_decision = -(table.exp() * table).sum(-1)
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


def test_tables_of_any_batch_shape() -> None:
    table, space = _table(4, batch=6)
    per_prefix = table.exp().amax(-1)
    folded, folded_prefix = table.reshape(2, 3, *table.shape[1:]), per_prefix.reshape(2, 3, -1)
    assert torch.equal(plan_log_probabilities(folded, space).flatten(0, 1), plan_log_probabilities(table, space))
    assert torch.equal(
        chain_expectation(folded_prefix, folded, space).flatten(), chain_expectation(per_prefix, table, space)
    )


@pytest.mark.parametrize("max_strategies", [1, 2, 3])
def test_every_plan_so_far_has_its_row(max_strategies: int) -> None:
    _, space = _table(5, max_strategies=max_strategies)
    codec = space.codec
    assert space.row_of_code[codec.code(space.prefixes)].tolist() == list(range(len(space.prefixes)))
    np.testing.assert_array_equal(space.features.numpy(), plan_features(space.prefixes))
    assert space.lengths.tolist() == [len(codec.plan(slots)) for slots in space.prefixes]
    after_stop = np.array([STOP] + [3] * (max_strategies - 1))
    assert space.row_of_code[codec.code(after_stop)] == 0  # what follows STOP does not count


def test_a_full_plan_has_the_row_of_its_last_strategies() -> None:
    _, space = _table(6, max_strategies=3)
    codec = space.codec
    full, last = codec.slots((5, 1, 2)), codec.slots((1, 2))
    assert space.row_of_code[codec.code(full)] == space.row_of_code[codec.code(last)]


def test_steps_are_the_decisions_of_each_plan() -> None:
    _, space = _table(7)
    rows, decisions = space.plan_steps
    prefixes = [space.codec.plan(slots) for slots in space.prefixes]
    for plan, row, taken in zip(space.codec.plans, rows.tolist(), decisions.tolist(), strict=True):
        chain = (*plan, STOP)[: space.codec.max_strategies]
        assert tuple(decision for decision in taken if decision >= 0) == chain
        assert [prefixes[number] for number in row[: len(chain)]] == [plan[:k] for k in range(len(chain))]


def test_only_stopping_before_the_first_strategy_is_forbidden() -> None:
    slots = torch.tensor([[STOP, STOP], [3, STOP], [STOP, 2], [1, 2]])
    allowed = allowed_decisions(slots)
    assert allowed[:, :STOP].all()
    assert allowed[:, STOP].tolist() == [False, True, False, True]
    _, space = _table(8)
    assert torch.equal(allowed_decisions(torch.from_numpy(space.prefixes)), space.allowed)


def _distribution(weights: dict[tuple[int, ...], float]) -> np.ndarray:
    return np.array([[weights.get(plan, 0.0) for plan in _CODEC.plans]])


def test_expected_ratio_can_prefer_a_plan_that_is_never_most_probable() -> None:
    """(0): 0.4, (0, 1): 0.3, (2, 1): 0.3.

    Expected ratio of (0): 0.4 + 0.3 / 2 = 0.55; of (0, 1): 0.3 + 0.4 / 2 + 0.3 / 2 = 0.65: the near miss of both wins.
    """
    probabilities = _distribution({(0,): 0.4, (0, 1): 0.3, (2, 1): 0.3})
    assert _CODEC.plans[_MOST_PROBABLE.best(probabilities)[0]] == (0,)
    assert _CODEC.plans[_DECODER.best(probabilities)[0]] == (0, 1)


def test_never_the_empty_plan() -> None:
    probabilities = _distribution({(): 1.0})
    assert _CODEC.plans[_MOST_PROBABLE.best(probabilities)[0]] != ()
    assert _CODEC.plans[_DECODER.best(probabilities)[0]] != ()


def test_the_prefix_stays() -> None:
    probabilities = _distribution({(0,): 0.9, (3, 1): 0.06, (3,): 0.04})
    assert _CODEC.plans[_MOST_PROBABLE.best(probabilities, prefix=(3,))[0]] == (3, 1)
    assert _CODEC.plans[_DECODER.best(probabilities, prefix=(3, 5))[0]] == (3, 5)


def test_plans_that_contradict_the_prefix_do_not_count() -> None:
    """After (3): (3) has 0.2 and (3, 1) has 0.3; the improbable prefix must not be weighed by the 0.5 elsewhere."""
    probabilities = _distribution({(0,): 0.5, (3,): 0.2, (3, 1): 0.3})
    assert _CODEC.plans[_DECODER.best(probabilities, prefix=(3,))[0]] == (3, 1)


@given(st.integers(0, 2**32 - 1))
def test_chosen_plan_has_the_highest_expected_ratio(seed: int) -> None:
    probabilities = np.random.default_rng(seed).dirichlet(np.full(len(_CODEC.plans), 0.1))[None]
    expected = [
        sum(p * levenshtein_ratio(plan, gold) for p, gold in zip(probabilities[0], _CODEC.plans, strict=True))
        for plan in _CODEC.plans[1:]
    ]
    chosen = _DECODER.best(probabilities)[0] - 1
    assert expected[chosen] == pytest.approx(max(expected), abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.floats(0, 5), st.floats(0, 5))
def test_weights_are_added_for_an_exact_match(seed: int, weight: float, multi: float) -> None:
    probabilities = np.random.default_rng(seed).dirichlet(np.full(len(_CODEC.plans), 0.1))[None]
    expected = [
        (weight + multi * (len(plan) > 1)) * probabilities[0, number]
        + sum(p * levenshtein_ratio(plan, gold) for p, gold in zip(probabilities[0], _CODEC.plans, strict=True))
        for number, plan in enumerate(_CODEC.plans)
    ][1:]
    decoder = PlanDecoder(_CODEC, PlanDecodingConfig(exact_weight=weight, multi_strategy_weight=multi))
    chosen = decoder.best(probabilities)[0] - 1
    assert expected[chosen] == pytest.approx(max(expected), abs=1e-5)


@given(st.integers(0, 2**32 - 1))
def test_a_huge_exact_weight_makes_the_most_probable_plan(seed: int) -> None:
    probabilities = np.random.default_rng(seed).dirichlet(np.full(len(_CODEC.plans), 0.1), size=3)
    decoder = PlanDecoder(_CODEC, PlanDecodingConfig(exact_weight=1e6))
    for prefix in [(), (3,), (3, 1)]:
        np.testing.assert_array_equal(
            probabilities[np.arange(3), decoder.best(probabilities, prefix=prefix)],
            probabilities[np.arange(3), _MOST_PROBABLE.best(probabilities, prefix=prefix)],
        )


def test_more_exact_weight_means_shorter_plans_where_they_are_more_probable() -> None:
    """As above: the near miss (0, 1) is 0.1 ahead in expected ratio, (0) is 0.1 ahead in probability."""
    probabilities = _distribution({(0,): 0.4, (0, 1): 0.3, (2, 1): 0.3})
    for weight, plan in [(0.0, (0, 1)), (0.9, (0, 1)), (1.1, (0,))]:
        assert _CODEC.plans[PlanDecoder(_CODEC, PlanDecodingConfig(exact_weight=weight)).best(probabilities)[0]] == plan
