"""Checkpoint selection: the best checkpoint by one score, among those that give up no more than allowed in others."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from planner.policy.network import PolicyNetwork
from planner.training_log import TrainingLog

Scores = Mapping[str, float]
# Scores a policy network on validation data: name -> value.
Validate = Callable[[PolicyNetwork], dict[str, float]]

_BEST = "best."


@dataclass(frozen=True)
class SelectedCheckpoint:
    """The checkpoint that training ends with.

    Attributes:
        step: Environment steps before it; 0: none was allowed and better than the start.
        start: Scores of the policy that PPO started from.
    """

    step: int
    scores: Scores
    start: Scores


class CheckpointSelection:
    """Validates checkpoints and selects the best allowed one; the first, where training starts, is always allowed.

    Args:
        allowed: Whether a checkpoint of these scores may be selected, given the start's scores.
        log: Receives the scores as ``ppo/valid_*`` by environment step.
    """

    def __init__(
        self, score: Validate, *, objective: str, allowed: Callable[[Scores, Scores], bool], log: TrainingLog
    ) -> None:
        self._score = score
        self._objective = objective
        self._allowed = allowed
        self._log = log
        self._best: dict[str, Tensor] = {}
        self._best_scores: dict[str, float] = {}
        self._best_step = 0
        self._start_scores: dict[str, float] = {}

    @property
    def selected(self) -> SelectedCheckpoint:
        """The best so far."""
        return SelectedCheckpoint(self._best_step, self._best_scores, self._start_scores)

    def validate(self, network: PolicyNetwork, *, step: int) -> None:
        """Scores a checkpoint and selects it if it is the best allowed one."""
        scores = self._score(network)
        for name, value in scores.items():
            self._log.add(f"ppo/valid_{name}", value, step=step)
        if not self._best:
            self._start_scores = scores
        elif not self._allowed(scores, self._start_scores):
            return
        if not self._best or scores[self._objective] > self._best_scores[self._objective]:
            self._best, self._best_scores, self._best_step = copy.deepcopy(network.state_dict()), scores, step

    def restore_best(self, network: PolicyNetwork) -> None:
        """Gives a network the weights of the selected checkpoint."""
        network.load_state_dict(self._best)

    def progress(self) -> dict[str, str]:
        """What a progress bar shows: the best score so far."""
        return {f"best {self._objective}": f"{self._best_scores[self._objective]:.2f}"}

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Values ready for JSON, and tensors, for a checkpoint."""
        values = {
            "best_scores": self._best_scores,
            "best_step": self._best_step,
            "start_scores": self._start_scores,
        }
        return values, {_BEST + name: tensor for name, tensor in self._best.items()}

    def restore(self, values: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Goes back to a :meth:`state`."""
        self._best_scores, self._best_step = values["best_scores"], values["best_step"]
        self._start_scores = values["start_scores"]
        self._best = {name.removeprefix(_BEST): t for name, t in tensors.items() if name.startswith(_BEST)}
