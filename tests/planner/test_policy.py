"""The policies inside SB3: exact quantities, and learning what only a sequence model can."""

from typing import Any

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO

from encoding.plan_codec import STOP, PlanCodec
from env.turn_task import TurnTask
from env.turn_vector_env import AllInOneVectorEnv, OneByOneVectorEnv
from planner.network import DecisionNetwork, NetworkShape
from planner.plan_distribution import plan_log_probabilities
from planner.policy import AllInOnePolicy, OneByOnePolicy
from planner.sb3_vec_env import TurnVecEnv

_HISTORY = 3 + 2 + 8 + 3 + 6  # window of one message with D = 2 and V = 1, problem (3), six more


def _task(golds: list[tuple[int, ...]], *, max_strategies: int = 2) -> TurnTask:
    """Histories say nothing: only the distribution of golds can be learned."""
    return TurnTask(np.zeros((len(golds), _HISTORY), np.float32), tuple(golds), PlanCodec(max_strategies))


def _network(task: TurnTask, *, members: int = 1) -> DecisionNetwork:
    plan = 9 * task.codec.max_strategies + 1
    shape = NetworkShape(history=_HISTORY, plan=plan, meaning=2, words=1, window=1, members=members, width=32)
    return DecisionNetwork(shape, dropout=0.0, input_dropout=0.0)


def _ppo(task: TurnTask, environment: Any, policy: Any, *, kl: float = 0.0, seed: int = 0, **settings: Any) -> PPO:
    torch.manual_seed(seed)
    return PPO(
        policy,
        TurnVecEnv(environment(32, task=task), seed=seed),
        n_steps=8,
        batch_size=128,
        n_epochs=4,
        gamma=1.0,
        ent_coef=kl,
        learning_rate=1e-2,
        policy_kwargs={"network": _network(task), "codec": task.codec},
        seed=seed,
        device="cpu",
        **settings,
    )


def _plan_probabilities(model: PPO, task: TurnTask) -> dict[tuple[int, ...], float]:
    policy: Any = model.policy
    from planner.plan_distribution import PlanSpace, decision_table

    space = PlanSpace(task.codec)
    with torch.no_grad():
        table, _ = decision_table(policy.network, space, torch.zeros(1, _HISTORY))
        values = plan_log_probabilities(table, space)[0].exp()
    return dict(zip(task.codec.plans, values.tolist(), strict=True))


@pytest.mark.parametrize(
    ("environment", "policy"), [(OneByOneVectorEnv, OneByOnePolicy), (AllInOneVectorEnv, AllInOnePolicy)]
)
def test_ppo_finds_the_known_best_plan(environment: Any, policy: Any) -> None:
    task = _task([(4, 1)])
    model = _ppo(task, environment, policy)
    model.learn(8192)
    probabilities = _plan_probabilities(model, task)
    assert max(probabilities, key=probabilities.__getitem__) == (4, 1)
    assert probabilities[4, 1] > 0.8


def test_all_in_one_learns_an_order_that_independent_slots_cannot() -> None:
    """Gold is (2, 3) or (3, 2), never (2, 2) or (3, 3), and only the exact plan is paid.

    A KL towards the start keeps the policy stochastic. Slots drawn independently from the same marginals would give
    the doubles as much probability as the two orders.
    """
    task = _task([(2, 3), (3, 2)])
    model = _ppo(task, AllInOneVectorEnv, AllInOnePolicy, kl=0.05)
    environment: Any = model.env
    table = environment.environment._process.rewards
    table.similarity = (table.similarity == 1.0).astype(np.float32)
    model.learn(16384)
    probabilities = _plan_probabilities(model, task)
    ordered, doubles = (sum(probabilities[plan] for plan in plans) for plans in ([(2, 3), (3, 2)], [(2, 2), (3, 3)]))
    assert ordered > 0.6
    assert doubles < 0.1 * ordered


@pytest.mark.parametrize(
    ("environment", "policy"), [(OneByOneVectorEnv, OneByOnePolicy), (AllInOneVectorEnv, AllInOnePolicy)]
)
def test_log_probabilities_of_actions_are_those_they_were_drawn_with(environment: Any, policy: Any) -> None:
    task = _task([(4, 1), (2,)])
    model = _ppo(task, environment, policy)
    observations = torch.from_numpy(model.env.reset())  # type: ignore[union-attr]
    with torch.no_grad():
        actions, values, drawn = model.policy(observations)
        again, evaluated, regulariser = model.policy.evaluate_actions(observations, actions.float())
    assert torch.allclose(drawn, evaluated, atol=1e-6)
    assert torch.allclose(values, again)
    assert regulariser is not None
    assert torch.allclose(regulariser, torch.zeros(len(observations)), atol=1e-6)  # the reference is the start


def test_all_in_one_draws_plans_with_their_probabilities() -> None:
    task = _task([(4, 1)])
    model = _ppo(task, AllInOneVectorEnv, AllInOnePolicy)
    with torch.no_grad():
        actions, _, _ = model.policy(torch.zeros(20000, model.observation_space.shape[0]))  # type: ignore[index]
    drawn = [task.codec.plan(slots) for slots in actions.numpy()]
    probabilities = _plan_probabilities(model, task)
    for plan in [(0,), (4, 1), (7, 7)]:
        share = sum(one == plan for one in drawn) / len(drawn)
        assert share == pytest.approx(probabilities[plan], abs=4 * (probabilities[plan] / len(drawn)) ** 0.5 + 1e-3)


def test_stop_never_comes_first() -> None:
    task = _task([(4, 1)])
    for environment, policy in [(OneByOneVectorEnv, OneByOnePolicy), (AllInOneVectorEnv, AllInOnePolicy)]:
        model = _ppo(task, environment, policy)
        observations = torch.from_numpy(np.repeat(model.env.reset(), 50, axis=0))  # type: ignore[union-attr]
        with torch.no_grad():
            actions, _, _ = model.policy(observations)
        assert (actions.reshape(len(actions), -1)[:, 0] != STOP).all()


def test_kl_weight_keeps_the_policy_near_its_start() -> None:
    task = _task([(4, 1)])
    distances = []
    for kl in (0.0, 5.0):
        model = _ppo(task, OneByOneVectorEnv, OneByOnePolicy, kl=kl)
        before = _plan_probabilities(model, task)
        model.learn(2048)
        after = _plan_probabilities(model, task)
        distances.append(sum(abs(before[plan] - after[plan]) for plan in before))
    assert distances[1] < 0.5 * distances[0]
