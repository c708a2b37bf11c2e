"""The SB3 policies of both modes: exact probabilities, divergences and samples."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from encoding.observation import plan_features
from encoding.plan_codec import STOP
from encoding.reasoning_codec import ReasoningCodec
from env.actions import Mode
from env.sb3 import BatchVecEnv
from env.turns import TurnTask
from planner.base_models.predictions import PredictionLayout
from planner.policy.network import NEED, STAGE, PolicyNetwork
from planner.policy.sb3_policies import (
    AllInOnePolicy,
    OneByOnePolicy,
    PlanActorCriticPolicy,
    SampledAllInOnePolicy,
    choose,
)
from tests.env.turn_tasks import turn_vector_env
from tests.planner.toy_predictions import random_predictions, stirred_network, toy_layout

_MANY = ReasoningCodec(tuple(f"problem {number}" for number in range(11)), ("fear",))  # more contexts than decisions
_WIDE = PredictionLayout(space=toy_layout().space, reasoning=_MANY, fine_tuned=False)
_BOTH = pytest.mark.parametrize("policy_class", [OneByOnePolicy, AllInOnePolicy])
_DRAWS = 20000


def _task(layout: PredictionLayout, *, count: int = 3) -> TurnTask:
    labels = None if layout.reasoning is None else np.zeros((count, 5), np.int64)
    return TurnTask(
        history=random_predictions(layout, count).numpy(),
        golds=((1, 2),) * count,
        codec=layout.space.codec,
        reasoning=labels,
        reasoning_codec=layout.reasoning,
    )


def _policy(
    policy_class: type[PlanActorCriticPolicy],
    layout: PredictionLayout,
    *,
    network: PolicyNetwork | None = None,
    refine: bool = True,
) -> Any:
    mode: Mode = "one-by-one" if policy_class is OneByOnePolicy else "all-in-one"
    environment = BatchVecEnv(turn_vector_env(3, _task(layout), mode), seed=0)
    return policy_class(
        environment.observation_space,
        environment.action_space,
        lambda _: 1e-3,
        network=network or stirred_network(layout),
        refine_reasoning=refine,
    )


def _observation(layout: PredictionLayout, predictions: Tensor, values: np.ndarray, slots: np.ndarray) -> Tensor:
    """What an environment shows: predictions, reasoning chosen so far (-1 = not yet), plan so far."""
    parts = [predictions]
    if layout.reasoning is not None:
        parts.append(torch.from_numpy(layout.reasoning.one_hot(values)))
    return torch.cat([*parts, torch.from_numpy(plan_features(slots))], dim=1)


def _start(layout: PredictionLayout, predictions: Tensor) -> Tensor:
    count = len(predictions)
    return _observation(
        layout, predictions, np.full((count, 5), -1), np.full((count, layout.space.codec.max_strategies), STOP)
    )


def _random_actions(layout: PredictionLayout, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Reasoning values (count, 5 or 0) and slots (count, K) of random plans."""
    sizes = layout.reasoning.sizes if layout.reasoning is not None else ()
    values = np.array([rng.integers(sizes) for _ in range(count)]).reshape(count, -1)
    plans = layout.space.codec.plans
    return values, np.stack([layout.space.codec.slots(plans[number]) for number in rng.integers(1, len(plans), count)])


def _enumerated(
    layout: PredictionLayout, network: PolicyNetwork, predictions: Tensor, values: Any, slots: Any
) -> float:
    """Log-probability of one reasoning chain and plan, read off the tables."""
    with torch.no_grad():
        distribution = network(predictions)
    total = sum(float(slot[0, values[k - 1] if k else 0, values[k]]) for k, slot in enumerate(distribution.slots))
    state = int(values[NEED] * 3 + values[STAGE]) if len(values) else 0
    plan = layout.space.codec.plan(slots)
    for k, decision in enumerate((*plan, STOP)[: layout.space.codec.max_strategies]):
        row = layout.space.row_of_code[layout.space.codec.code(layout.space.codec.slots(plan[:k]))]
        total += float(distribution.decisions[0, state, row, decision])
    return total


@pytest.mark.parametrize("reasons", [True, False])
def test_log_probabilities_of_both_modes_are_the_enumerated_ones(reasons: bool) -> None:
    """One-by-One, summed along the steps, and All-in-One, at once, give a chain and plan the same probability."""
    layout = toy_layout(reasons=reasons)
    one, whole = _policy(OneByOnePolicy, layout), _policy(AllInOnePolicy, layout)
    predictions = random_predictions(layout, 30)
    values, slots = _random_actions(layout, 30, np.random.default_rng(0))
    actions = torch.from_numpy(np.concatenate([values, slots], axis=1))
    with torch.no_grad():
        _, at_once, _ = whole.evaluate_actions(_start(layout, predictions), actions.float())
    for number in range(30):
        expected = _enumerated(layout, one.network, predictions[number : number + 1], values[number], slots[number])
        assert float(at_once[number]) == pytest.approx(expected, abs=1e-4)
        total, known, so_far = 0.0, np.full((1, 5), -1), np.full((1, 2), STOP)
        for step, action in enumerate(actions[number].tolist()):
            observation = _observation(layout, predictions[number : number + 1], known, so_far)
            with torch.no_grad():
                total += float(one.evaluate_actions(observation, torch.tensor([float(action)]))[1])
            if step < values.shape[1]:
                known[0, step] = action
            else:
                so_far[0, step - values.shape[1]] = action
            if action == STOP and step >= values.shape[1]:
                break
        assert total == pytest.approx(expected, abs=1e-4)


def test_all_actions_of_all_in_one_together_are_certain_and_their_divergence_is_the_third_value() -> None:
    layout = toy_layout(reasons=False)
    policy = _policy(AllInOnePolicy, layout)
    policy.reference.load_state_dict(stirred_network(layout, seed=7).state_dict())
    other = _policy(AllInOnePolicy, layout, network=stirred_network(layout, seed=7))
    plans = layout.space.codec.plans[1:]
    slots = torch.from_numpy(np.stack([layout.space.codec.slots(plan) for plan in plans]))
    observations = _start(layout, random_predictions(layout, 1).expand(len(plans), -1))
    with torch.no_grad():
        _, own, regulariser = policy.evaluate_actions(observations, slots.float())
        _, reference, nothing = other.evaluate_actions(observations, slots.float())
    assert float(own.exp().sum()) == pytest.approx(1.0, abs=1e-5)
    divergence = float((own.exp() * (own - reference)).sum())
    assert divergence > 0.1
    np.testing.assert_allclose(regulariser, -divergence, rtol=1e-4)
    np.testing.assert_allclose(nothing, 0.0, atol=1e-5)  # its reference is itself


def test_third_value_of_one_by_one_is_the_divergence_of_the_choice_at_hand() -> None:
    layout = toy_layout()
    policy = _policy(OneByOnePolicy, layout)
    reference = stirred_network(layout, seed=7)
    policy.reference.load_state_dict(reference.state_dict())
    predictions = random_predictions(layout, 1)
    values, nothing = np.array([[1, 2, 0, 3, 1]]), np.full((1, 2), STOP)
    with torch.no_grad():
        tables = policy.network(predictions), reference(predictions)
    for known in range(6):
        chosen = np.where(np.arange(5) < known, values, -1)
        with torch.no_grad():
            _, _, regulariser = policy.evaluate_actions(
                _observation(layout, predictions, chosen, nothing), torch.zeros(1)
            )
        if known < 5:
            before = values[0, known - 1] if known else 0
            own, other = (table.slots[known][0, before].double() for table in tables)
        else:
            own, other = (table.decisions[0, 3 * 3 + 1, 0, :STOP].double() for table in tables)
        assert float(regulariser) == pytest.approx(-float((own.exp() * (own - other)).sum()), rel=1e-4)
    with torch.no_grad():
        _, _, third = policy.evaluate_actions(
            _observation(layout, predictions, values, np.array([[4, STOP]])), torch.zeros(1)
        )
    own, other = (table.decisions[0, 3 * 3 + 1, 1 + 4].double() for table in tables)
    assert float(third) == pytest.approx(-float((own.exp() * (own - other)).sum()), rel=1e-4)


def _close(actions: np.ndarray, expected: np.ndarray) -> None:
    """Frequencies within four standard errors. Shapes: (n,)."""
    shares = np.bincount(actions, minlength=len(expected)) / len(actions)
    errors = np.sqrt(expected * (1 - expected) / len(actions))
    assert (np.abs(shares - expected) <= 4 * errors + 1e-4).all()


def test_all_in_one_draws_follow_the_probabilities() -> None:
    layout = toy_layout()
    policy = _policy(AllInOnePolicy, layout)
    predictions = random_predictions(layout, 1)
    torch.manual_seed(0)
    with torch.no_grad():
        actions, values, sampled_with = policy(_start(layout, predictions.expand(_DRAWS, -1)))
        mixture = policy.network.mixture(predictions)
        _, again, _ = policy.evaluate_actions(_start(layout, predictions.expand(50, -1)), actions[:50].float())
    torch.testing.assert_close(sampled_with[:50], again, atol=1e-5, rtol=0)
    assert values.shape == (_DRAWS, 1)
    codec = layout.space.codec
    plans = codec.plan_of_code[codec.code(actions[:, 5:].numpy())]
    _close(plans, mixture.plan_probabilities(layout.space)[0].numpy().astype(np.float64))
    for k, marginal in enumerate(mixture.reasoning):
        _close(actions[:, k].numpy(), marginal[0].numpy().astype(np.float64))
    pairs = actions[:, NEED] * 3 + actions[:, STAGE]
    _close(pairs.numpy(), mixture.states[0].numpy().astype(np.float64))


def test_one_by_one_draws_follow_the_probabilities() -> None:
    layout = toy_layout()
    policy = _policy(OneByOnePolicy, layout)
    predictions = random_predictions(layout, 1)
    values = np.array([[1, 2, 0, 3, 1]])
    with torch.no_grad():
        distribution = policy.network(predictions)
    cases = [
        (np.where(np.arange(5) < 3, values, -1), (), distribution.slots[3][0, 0]),  # the need after intensity 0
        (values, (), distribution.decisions[0, 3 * 3 + 1, 0]),
        (values, (4,), distribution.decisions[0, 3 * 3 + 1, 1 + 4]),
    ]
    torch.manual_seed(0)
    for chosen, plan, expected in cases:
        observation = _observation(layout, predictions, chosen, layout.space.codec.slots(plan)[None])
        with torch.no_grad():
            actions, _, _ = policy(observation.expand(_DRAWS, -1))
        _close(actions.numpy(), expected.exp().numpy().astype(np.float64))


@pytest.mark.parametrize("deterministic", [True, False])
def test_one_by_one_chooses_only_what_there_is(deterministic: bool) -> None:
    """11 contexts, 1 emotion, 5 intensities, 4 needs, 3 stages; no STOP before a strategy; 9 decisions."""
    policy = _policy(OneByOnePolicy, _WIDE, network=stirred_network(_WIDE, size=0.1))
    predictions = random_predictions(_WIDE, 1).expand(3000, -1)
    values = np.tile([10, 0, 4, 3, 2], (3000, 1))
    torch.manual_seed(0)
    states = [(np.where(np.arange(5) < known, values, -1), ()) for known in range(6)] + [(values, (0,))]
    for (chosen, plan), most in zip(states, [11, 1, 5, 4, 3, STOP, STOP + 1], strict=True):
        slots = np.tile(_WIDE.space.codec.slots(plan), (3000, 1))
        actions = policy(_observation(_WIDE, predictions, chosen, slots), deterministic=deterministic)[0].numpy()
        assert actions.max() < most
        if not deterministic:
            assert set(actions) == set(range(most))


@pytest.mark.parametrize("deterministic", [True, False])
def test_all_in_one_chooses_only_what_there_is(deterministic: bool) -> None:
    policy = _policy(AllInOnePolicy, _WIDE, network=stirred_network(_WIDE, size=0.1))
    torch.manual_seed(0)
    actions = policy(_start(_WIDE, random_predictions(_WIDE, 5).repeat(1000, 1)), deterministic=deterministic)[
        0
    ].numpy()
    assert (actions[:, :5].max(0) < _MANY.sizes).all()
    assert actions[:, 5].max() < STOP  # never first
    assert actions.max(0)[6] <= STOP
    assert (actions.min(0) >= 0).all()
    if not deterministic:
        assert set(actions[:, 0]) == set(range(11))
        assert set(actions[:, 6]) == set(range(STOP + 1))


@_BOTH
def test_a_policy_works_on_a_copy_without_dropout_beside_a_frozen_reference(
    policy_class: type[PlanActorCriticPolicy],
) -> None:
    layout = toy_layout()
    network = PolicyNetwork(layout, width=6, dropout=0.5)
    network.load_state_dict(stirred_network(layout).state_dict())
    policy = _policy(policy_class, layout, network=network)
    policy.train()
    observations = _start(layout, random_predictions(layout, 4))
    values, slots = _random_actions(layout, 4, np.random.default_rng(0))
    actions = torch.from_numpy(np.concatenate([values, slots], axis=1))
    actions = actions[:, 0] if policy_class is OneByOnePolicy else actions
    first, second = (policy.evaluate_actions(observations, actions.float()) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    sum(part.sum() for part in first).backward()
    policy.optimizer.step()
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert all(torch.equal(before[name], tensor) for name, tensor in policy.reference.state_dict().items())
    assert not all(torch.equal(before[name], tensor) for name, tensor in policy.network.state_dict().items())
    assert torch.equal(policy.predict_values(observations), policy._value(observations))


@_BOTH
@pytest.mark.parametrize("refine", [True, False])
def test_reasoning_is_refined_only_on_demand(policy_class: type[PlanActorCriticPolicy], refine: bool) -> None:
    layout = toy_layout()
    policy = _policy(policy_class, layout, refine=refine)
    trained = {id(parameter) for group in policy.optimizer.param_groups for parameter in group["params"]}
    reasoning = [*policy.network.links, *policy.network.slot_shift.parameters(), *policy.network.hidden.parameters()]
    assert all((id(parameter) in trained) == refine for parameter in reasoning)
    assert {
        id(policy.network.after),
        id(policy.network.by_need),
        *map(id, policy.network.critic.parameters()),
    } <= trained
    assert not trained & {id(parameter) for parameter in policy.reference.parameters()}


def test_choosing() -> None:
    rows = torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]).log()
    for deterministic in (True, False):
        assert choose(rows, deterministic=deterministic).tolist() == [1, 0]


_MANY_DRAWS = 20_000


def _policy_of(policy_class: type[AllInOnePolicy], layout: PredictionLayout) -> Any:
    reasons = list(layout.reasoning.sizes) if layout.reasoning is not None else []
    policy = policy_class(
        spaces.Box(-20.0, 1.0, (_observed(layout, 1).shape[1],)),
        spaces.MultiDiscrete([*reasons, *[STOP + 1] * layout.space.codec.max_strategies]),
        lambda _: 1e-3,
        network=stirred_network(layout),
        refine_reasoning=True,
    )
    policy.reference.load_state_dict(stirred_network(layout, seed=7).state_dict())
    return policy


def _observed(layout: PredictionLayout, count: int) -> Tensor:
    """The same history many times, nothing chosen yet."""
    plan = torch.from_numpy(plan_features(np.full((1, layout.space.codec.max_strategies), STOP)))
    parts = [random_predictions(layout, 1), torch.zeros(1, layout.reasoning_width), plan]
    return torch.cat(parts, dim=1).expand(count, -1)


@pytest.mark.parametrize("reasons", [True, False])
def test_the_divergence_along_sampled_chains_has_the_exact_one_as_its_mean(reasons: bool) -> None:
    layout = toy_layout(reasons=reasons)
    exact, sampled = (
        _policy_of(AllInOnePolicy, layout),
        _policy_of(SampledAllInOnePolicy, layout),
    )
    observations = _observed(layout, _MANY_DRAWS)
    torch.manual_seed(0)
    with torch.no_grad():
        actions, _, sampled_with = sampled(observations)
        values, log_probabilities, along = sampled.evaluate_actions(observations, actions.float())
        same_values, _, whole = exact.evaluate_actions(observations[:2], actions[:2].float())
    torch.testing.assert_close(log_probabilities, sampled_with)
    torch.testing.assert_close(values[:2], same_values)
    error = float(along.std()) / _MANY_DRAWS**0.5
    assert abs(float(along.mean()) - float(whole[0])) < 4 * error
    assert (along <= 1e-6).all()
