"""PPO in turns: it finds known optima, keeps near to its start, selects checkpoints, and resumes alike."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from encoding.observation import STATISTICS
from env.turns import TurnTask
from planner.base_models.predictions import PredictionLayout
from planner.config import Mode, PlannerConfig
from planner.policy.network import PolicyNetwork
from planner.ppo.checkpoint_selection import CheckpointSelection, SelectedCheckpoint
from planner.ppo.turns import improve_by_ppo
from planner.training_log import TrainingLog
from tests.planner.toy_predictions import toy_layout, uniform_predictions
from tests.planner.toy_task import changed, killed_after

_PPO = changed(
    PlannerConfig(),
    max_strategies=2,
    reasoning="none",
    ppo__envs=32,
    ppo__rollout=8,
    ppo__batch=256,
    ppo__epochs=4,
    ppo__rate=2e-2,
    ppo__kl=0.0,
    ppo__steps=4096,
)
_MODES = pytest.mark.parametrize("mode", ["one-by-one", "all-in-one"])
_CONTEXT = torch.eye(2, STATISTICS)  # two kinds of histories, told apart by one visible feature
Plans = dict[tuple[int, ...], float]


def _task(
    layout: PredictionLayout, golds: list[tuple[int, ...]], kinds: list[int], labels: Tensor | None = None
) -> TurnTask:
    return TurnTask(
        history=uniform_predictions(layout, _CONTEXT[kinds]).numpy(),
        golds=tuple(golds),
        codec=layout.space.codec,
        reasoning=None if labels is None else labels.numpy(),
        reasoning_codec=layout.reasoning,
    )


def _network(layout: PredictionLayout) -> PolicyNetwork:
    torch.manual_seed(0)
    return PolicyNetwork(layout, width=16, dropout=0.0)


def _plans(network: PolicyNetwork, kind: int = 0) -> Plans:
    layout = network.layout
    with torch.no_grad():
        mixture = network.mixture(uniform_predictions(layout, _CONTEXT[kind : kind + 1]))
    probabilities = mixture.plan_probabilities(layout.space)[0]
    return dict(zip(layout.space.codec.plans, probabilities.tolist(), strict=True))


def _improve(
    network: PolicyNetwork,
    task: TurnTask,
    folder: Path,
    *,
    config: PlannerConfig,
    score: Callable[[PolicyNetwork], float],
) -> TrainingLog:
    log = TrainingLog(folder)
    improve_by_ppo(
        network,
        task,
        config=config,
        validate=lambda checkpoint: {"lr": score(checkpoint), "macro_f1": 0.0},
        seed=0,
        folder=folder / "ppo",
        log=log,
    )
    log.close()
    return log


@_MODES
def test_finds_the_best_plan_of_each_history(tmp_path: Path, mode: Mode) -> None:
    """Histories of the first kind are answered with (4, 1), of the second with (2,)."""
    layout = toy_layout(reasons=False)
    network = _network(layout)
    # Without reasoning to be refined, only the corrections learn, from hidden units as they are.
    task = _task(layout, [(4, 1), (2,)], [0, 1])
    _improve(
        network,
        task,
        tmp_path,
        config=changed(_PPO, mode=mode, ppo__steps=10240),
        score=lambda checkpoint: _plans(checkpoint, 0)[4, 1] + _plans(checkpoint, 1)[2,],
    )
    assert _plans(network, 0)[4, 1] > 0.8
    assert _plans(network, 1)[2,] > 0.8


@_MODES
def test_learns_an_order_that_independent_slots_cannot(tmp_path: Path, mode: Mode) -> None:
    """Gold is (2, 3) or (3, 2), equally likely after the same history; exact plans are paid.

    A KL towards the start keeps the policy stochastic. Of slots sampled independently, whatever their distributions,
    P(2, 2) P(3, 3) = P(2, 3) P(3, 2): where both orders are as likely, at most half of the plans are right.
    """
    layout = toy_layout(reasons=False)
    network = _network(layout)
    _improve(
        network,
        _task(layout, [(2, 3), (3, 2)], [0, 0]),
        tmp_path,
        config=changed(_PPO, mode=mode, reward__exact=4.0, ppo__kl=0.2, ppo__steps=8192),
        score=lambda checkpoint: _plans(checkpoint)[2, 3] + _plans(checkpoint)[3, 2],
    )
    plans = _plans(network)
    assert plans[2, 3] + plans[3, 2] > 0.7
    assert plans[2, 2] * plans[3, 3] < 0.1 * plans[2, 3] * plans[3, 2]
    assert plans[2, 2] + plans[3, 3] < 0.2


@_MODES
def test_reasoning_gets_right_by_reward_and_helps_the_plan(tmp_path: Path, mode: Mode) -> None:
    """Cloned reasoning knows nothing; need and emotion follow from what is seen, the plan from the need."""
    layout = toy_layout()
    network = _network(layout)
    labels = torch.tensor([[0, 2, -1, 3, 0], [1, 0, -1, 1, 2]])
    task = _task(layout, [(5,), (2,)], [0, 1], labels)

    def accuracy(checkpoint: PolicyNetwork) -> float:
        with torch.no_grad():
            marginals = checkpoint.mixture(uniform_predictions(layout, _CONTEXT)).reasoning
        right = [float(marginals[slot][row, labels[row, slot]]) for row in range(2) for slot in (0, 1, 3, 4)]
        return float(np.mean(right))

    before = accuracy(network)
    assert before < 0.4
    config = changed(_PPO, mode=mode, reasoning="rl", reward__reasoning=0.3)
    _improve(
        network,
        task,
        tmp_path,
        config=config,
        score=lambda checkpoint: accuracy(checkpoint) + _plans(checkpoint, 0)[5,] + _plans(checkpoint, 1)[2,],
    )
    assert accuracy(network) > 0.75
    assert _plans(network, 0)[5,] > 0.6
    assert _plans(network, 1)[2,] > 0.6


@_MODES
def test_supervised_reasoning_stays_as_it_was_cloned_while_the_plan_changes(tmp_path: Path, mode: Mode) -> None:
    layout = toy_layout()
    network = _network(layout)
    task = _task(layout, [(5,), (5,)], [0, 1], torch.zeros(2, 5, dtype=torch.long))
    predictions = uniform_predictions(layout, _CONTEXT)
    with torch.no_grad():
        before = network(predictions).slots
    config = changed(_PPO, mode=mode, reasoning="supervised", reward__reasoning=1.0, ppo__steps=2048)
    _improve(network, task, tmp_path, config=config, score=lambda checkpoint: _plans(checkpoint)[5,])
    with torch.no_grad():
        assert all(map(torch.equal, before, network(predictions).slots))
    assert _plans(network)[5,] > 0.1 > 1.1 / 72


def test_kl_weight_keeps_the_policy_near_its_start(tmp_path: Path) -> None:
    layout = toy_layout(reasons=False)
    distances = []
    for kl in (0.0, 5.0):
        network = _network(layout)
        before = _plans(network)
        config = changed(_PPO, mode="one-by-one", ppo__kl=kl, ppo__steps=2048)
        _improve(
            network, _task(layout, [(4, 1)], [0]), tmp_path / str(kl), config=config, score=lambda c: _plans(c)[4, 1]
        )
        after = _plans(network)
        distances.append(sum(abs(before[plan] - after[plan]) for plan in before))
    assert distances[1] < 0.5 * distances[0]


def test_the_best_checkpoint_is_selected_as_long_as_messages_do_not_suffer(tmp_path: Path) -> None:
    """Of start, four moments and the end: the highest LR whose macro-F1 is within 0.5 points of the start's."""
    layout = toy_layout(reasons=False)
    scores = [(30.0, 25.0), (31.0, 24.6), (33.0, 24.4), (32.0, 24.5), (31.5, 30.0)]
    seen: list[dict[str, Tensor]] = []

    def validate(checkpoint: PolicyNetwork) -> dict[str, float]:
        lr, macro_f1 = scores[len(seen)]
        seen.append({name: tensor.clone() for name, tensor in checkpoint.state_dict().items()})
        return {"lr": lr, "macro_f1": macro_f1}

    network, log = _network(layout), TrainingLog(tmp_path)
    config = changed(_PPO, mode="all-in-one", ppo__steps=4 * 256)
    improve_by_ppo(
        network, _task(layout, [(4, 1)], [0]), config=config, validate=validate, seed=0, folder=tmp_path, log=log
    )
    log.close()
    assert len(seen) == len(scores)
    assert all(torch.equal(tensor, seen[3][name]) for name, tensor in network.state_dict().items())
    assert log.curves["ppo/valid_lr"] == dict(zip(range(0, 1025, 256), [lr for lr, _ in scores], strict=True))
    for name in ("steps_per_second", "policy_share", "environment_share", "train_return"):
        assert len(log.curves[f"ppo/{name}"]) == 4


@_MODES
def test_a_killed_ppo_ends_alike(tmp_path: Path, mode: Mode) -> None:
    layout = toy_layout()
    task = _task(layout, [(4, 1), (2,)], [0, 1], torch.zeros(2, 5, dtype=torch.long))
    config = changed(_PPO, mode=mode, reasoning="rl", ppo__steps=5 * 256)

    def run(folder: Path) -> dict[str, Tensor]:
        network = _network(layout)
        _improve(network, task, folder, config=config, score=lambda checkpoint: _plans(checkpoint)[4, 1])
        return network.state_dict()

    np.random.seed(3)  # noqa: NPY002 - the rollout buffer's generator
    whole = run(tmp_path / "whole")
    for kill in (2, 1, 2):
        with killed_after(kill):
            run(tmp_path / "killed")
    resumed = run(tmp_path / "killed")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    finished = run(tmp_path / "killed")  # nothing is left to do
    assert all(torch.equal(whole[name], finished[name]) for name in whole)


_SCORES = [{"lr": 30.0, "f1": 9.0}, {"lr": 31.0, "f1": 8.0}, {"lr": 40.0, "f1": 1.0}, {"lr": 30.5, "f1": 9.0}]


def _selection(log: TrainingLog, scores: Iterator[dict[str, float]]) -> CheckpointSelection:
    return CheckpointSelection(
        lambda network: next(scores),
        objective="lr",
        allowed=lambda one, start: one["f1"] >= start["f1"] - 2,
        log=log,
    )


def _marked_network(value: float) -> PolicyNetwork:
    network = PolicyNetwork(toy_layout(), width=2, dropout=0.0)
    with torch.no_grad():
        network.after.fill_(value)
    return network


def test_the_best_allowed_one_is_kept_also_after_a_restart(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path)
    first = _selection(log, iter(_SCORES[:2]))
    for step in range(2):
        first.validate(_marked_network(step), step=step)
    assert first.progress() == {"best lr": "31.00"}
    second = _selection(log, iter(_SCORES[2:]))
    second.restore(*first.state())
    for step in (2, 3):
        second.validate(_marked_network(step), step=step)
    assert second.selected == SelectedCheckpoint(1, _SCORES[1], _SCORES[0])
    network = _marked_network(7)
    second.restore_best(network)
    assert (network.after == 1).all()
    assert log.curves["ppo/valid_lr"] == {0: 30.0, 1: 31.0, 2: 40.0, 3: 30.5}
    log.close()
