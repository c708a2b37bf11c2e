"""What a training shows and keeps while it runs: its progress, its curve, and the checkpoints it can resume from."""

# ruff: noqa: ARG002 - callbacks have the Trainer's signature

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

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


class ProgressBar(TrainerCallback):
    """One bar over all optimizer steps, beside it the last loss and validation perplexity, and the speed so far."""

    def __init__(self) -> None:
        self.bar: tqdm[Any] | None = None
        self.shown: dict[str, str] = {}
        self.tokens_before, self.seconds, self.since = 0, 0.0, 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Opens the bar, where a resumed training resumes."""
        self.tokens_before, self.since = state.num_input_tokens_seen, time.perf_counter()
        if state.is_world_process_zero:
            self.bar = tqdm(
                total=state.max_steps, initial=state.global_step, desc="training", unit="step", disable=None
            )

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Moves the bar."""
        self.seconds += time.perf_counter() - self.since
        speed = (state.num_input_tokens_seen - self.tokens_before) / self.seconds
        self.shown["tokens/s"] = f"{speed:.0f}"
        if self.bar is not None:
            self.bar.update(state.global_step - self.bar.n)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Validations between steps do not count as time."""
        self.since = time.perf_counter()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Shows the newest figures."""
        for key, name in (("loss", "loss"), ("eval_perplexity", "valid perplexity")):
            if logs and key in logs:
                self.shown[name] = f"{logs[key]:.2f}"
        if self.bar is not None:
            self.bar.set_postfix(self.shown)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Closes the bar and says how fast it went."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None
            logger.info("trained on %s tokens/s", self.shown.get("tokens/s", "0"))
