"""What a training keeps while it runs: its curve, and the checkpoints it can resume from."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from corpus.files import write_whole

logger = logging.getLogger(__name__)

CHECKPOINTS = "checkpoints"
_PROCESSES = "settings.json"  # how many processes made the checkpoints


@dataclass(frozen=True)
class CurvePoint:
    """One logged moment of a training.

    Attributes:
        step: Optimizer steps done.
        epoch: Passes over the examples done.
        train_loss: Mean loss per token in nats since the last one; ``None`` at a validation.
        valid_perplexity: Perplexity per token of the validation targets; ``None`` between validations.
    """

    step: int
    epoch: float
    train_loss: float | None
    valid_perplexity: float | None


@dataclass(frozen=True)
class FineTuned:
    """What a finished training tells beside the weights.

    Attributes:
        curve: Loss and validation perplexity over its steps.
        best_step: Optimizer steps of the checkpoint of the lowest validation perplexity, which was chosen.
        best_perplexity: Its validation perplexity per token.
        processes: How many trained side by side.
    """

    curve: tuple[CurvePoint, ...]
    best_step: int
    best_perplexity: float
    processes: int


class Checkpoints:
    """The folder of an unfinished training's checkpoints, which hold the random state of every process."""

    def __init__(self, folder: Path, *, processes: int = 1) -> None:
        self.folder = folder
        self.processes = processes

    def check(self) -> None:
        """Raises a ValueError where as many processes did not make the checkpoints: steps would meet other examples."""
        path = self.folder / _PROCESSES
        before = json.loads(path.read_text(encoding="utf-8")).get("processes", 1) if path.is_file() else self.processes
        if before != self.processes:
            raise ValueError(
                f"{self.folder.parent} holds a training begun in {before} processes; resume it with {before} "
                f"instead of {self.processes}, or choose another folder"
            )

    def begin(self) -> None:
        """Makes the folder and writes down the number of processes."""
        write_whole(self.folder / _PROCESSES, json.dumps({"processes": self.processes}) + "\n")

    def last(self) -> Path | None:
        """The newest complete checkpoint, or ``None``.

        The first process writes a checkpoint's state last, so one without it was cut off; so was one that lacks the
        random state of another process.
        """
        complete = []
        for path in self.folder.glob("checkpoint-*"):
            try:
                step = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))["global_step"]
            except (FileNotFoundError, json.JSONDecodeError):
                step = None
            names = ["rng_state.pth"] if self.processes == 1 else [f"rng_state_{n}.pth" for n in range(self.processes)]
            if step is None or not all((path / name).is_file() for name in names):
                logger.warning("%s is incomplete and is not used", path)
            else:
                complete.append((step, path))
        return max(complete)[1] if complete else None
