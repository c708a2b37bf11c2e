"""Who is kept among candidates of known scores."""

from collections.abc import Iterator
from pathlib import Path

import torch

from planner.policy.network import PolicyNetwork
from planner.ppo.checkpoint_selection import CheckpointSelection, SelectedCheckpoint
from planner.training_log import TrainingLog
from tests.planner.toy_predictions import toy_layout

_SCORES = [{"lr": 30.0, "f1": 9.0}, {"lr": 31.0, "f1": 8.0}, {"lr": 40.0, "f1": 1.0}, {"lr": 30.5, "f1": 9.0}]


def _candidates(log: TrainingLog, scores: Iterator[dict[str, float]]) -> CheckpointSelection:
    return CheckpointSelection(
        lambda network: next(scores),
        objective="lr",
        allowed=lambda one, start: one["f1"] >= start["f1"] - 2,
        log=log,
    )


def _network(value: float) -> PolicyNetwork:
    network = PolicyNetwork(toy_layout(), width=2, dropout=0.0)
    with torch.no_grad():
        network.after.fill_(value)
    return network


def test_the_best_allowed_one_is_kept_also_after_a_restart(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path)
    first = _candidates(log, iter(_SCORES[:2]))
    for step in range(2):
        first.validate(_network(step), step=step)
    assert first.progress() == {"best lr": "31.00"}
    second = _candidates(log, iter(_SCORES[2:]))
    second.restore(*first.state())
    for step in (2, 3):
        second.validate(_network(step), step=step)
    assert second.selected == SelectedCheckpoint(1, _SCORES[1], _SCORES[0])
    network = _network(7)
    second.restore_best(network)
    assert (network.after == 1).all()
    assert log.curves["ppo/valid_lr"] == {0: 30.0, 1: 31.0, 2: 40.0, 3: 30.5}
    log.close()
