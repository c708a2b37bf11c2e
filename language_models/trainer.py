"""The transformers Trainer with our loss, our order of examples, and perplexity per token as validation.

Over several processes (``torchrun``, ``accelerate launch``) every optimizer step sees the examples that one process
with the same global batch sees, and the same mean loss over them: a training does not depend on how it is spread.

The progress bar of a training.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler
from tqdm import tqdm
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from corpus.files import write_whole
from language_models.batching import BLANK, Collator, Example, LengthGroupedSampler
from language_models.perplexity import perplexity, response_losses, token_losses

logger = logging.getLogger(__name__)

_SETTINGS = "settings.json"


class ExampleList(Dataset[Example]):
    """Examples as a torch dataset; ``BLANK`` is one without a target, which nothing is learned from."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = list(examples)

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        return Example([], []) if index == BLANK else self.examples[index]

    @property
    def lengths(self) -> list[int]:
        """Context and target together, in tokens."""
        return [len(example.context) + len(example.target) for example in self.examples]


class ResponseTrainer(Trainer):
    """Trains on the targets' mean loss per token over a whole optimizer step, all processes together.

    Args:
        valid: Validation examples.
        collator: Of the backbone.
        uncounted: Token ids that validation does not count (strategy tokens).
        precision: ``bf16`` or ``fp32``, for validation; training's stands in the arguments.
        **options: Of ``Trainer``; ``train_dataset`` is an :class:`ExampleList`.
    """

    # compute_loss divides by the tokens of the whole step, so nothing is left to divide by the accumulation steps.
    loss_is_scaled_for_ga = True

    def __init__(
        self, *, valid: Sequence[Example], collator: Collator, uncounted: Sequence[int], precision: str, **options: Any
    ) -> None:
        super().__init__(data_collator=collator, eval_dataset=ExampleList(valid), **options)
        self.valid = valid
        self.collator = collator
        self.uncounted = uncounted
        self.precision = precision
        self.model_accepts_loss_kwargs = True  # makes the Trainer count the tokens of a step for compute_loss

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler[int]:
        dataset = train_dataset or self.train_dataset
        assert isinstance(dataset, ExampleList)
        # Grouped per optimizer step: all batches and all processes of a step get examples of about one length.
        step = self.args.train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        # Processes need equally many batches: the last step of an epoch is filled up with blanks.
        return LengthGroupedSampler(
            dataset.lengths, batch_size=step, seed=self.args.seed, whole_batches=self.args.world_size > 1
        )

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Sum of the batch's token losses over the number of target tokens in the optimizer step."""
        if return_outputs or num_items_in_batch is None:
            raise ValueError("only training computes this loss; validation has its own")
        losses, _ = token_losses(model, inputs, encoder_decoder=self.collator.encoder_decoder)
        # Gradients are averaged over processes, but the number of tokens is of all of them: scale back.
        return losses.sum() / num_items_in_batch * self.accelerator.num_processes

    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """Perplexity per token of the validation examples' texts, strategies given; every process takes its share."""
        assert self.model is not None
        share = self.valid[self.args.process_index :: self.args.world_size]
        quiet = None if self.args.process_index == 0 else True
        with tqdm(total=len(share), desc="validation", unit="response", leave=False, disable=quiet) as bar:
            sums, tokens = response_losses(
                self.model,  # type: ignore[arg-type]
                share,
                collator=self.collator,
                uncounted=self.uncounted,
                batch_size=self.args.eval_batch_size,
                precision=self.precision,
                progress=bar.update,
            )
        if self.args.world_size > 1:
            parts = torch.tensor([[sums.sum(), float(tokens.sum())]], dtype=torch.float64, device=self.args.device)
            sums, tokens = np.split(self.accelerator.gather(parts).cpu().numpy(), 2, axis=1)
        metrics = {f"{metric_key_prefix}_perplexity": perplexity(sums, tokens)}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


class Checkpoints:
    """The folder of an unfinished training's checkpoints.

    Args:
        folder: Where they are; made when the training begins.
        processes: How many processes train side by side; the checkpoints hold random states of each.
    """

    def __init__(self, folder: Path, *, processes: int = 1) -> None:
        self.folder = folder
        self.processes = processes

    def check(self) -> None:
        """Refuses to resume in another number of processes, which decides the example that meets each step.

        Raises:
            ValueError: In one line: the checkpoints are of a training in another number of processes.
        """
        path = self.folder / _SETTINGS
        before = json.loads(path.read_text(encoding="utf-8")).get("processes", 1) if path.is_file() else self.processes
        if before != self.processes:
            raise ValueError(
                f"{self.folder.parent} holds a training begun in {before} processes; resume it with {before} "
                f"instead of {self.processes}, or choose another folder"
            )

    def begin(self) -> None:
        """Makes the folder and writes down the number of processes."""
        write_whole(self.folder / _SETTINGS, json.dumps({"processes": self.processes}) + "\n")

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
                logger.warning("%s is incomplete, it is not used", path)
            else:
                complete.append((step, path))
        return max(complete)[1] if complete else None


# ruff: noqa: ARG002 - callbacks have the Trainer's signature


class ProgressBar(TrainerCallback):
    """One bar over all optimizer steps, with the last training loss and validation perplexity beside it."""

    def __init__(self) -> None:
        self.bar: tqdm[Any] | None = None
        self.shown: dict[str, str] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Opens the bar where a resumed training goes on."""
        if state.is_world_process_zero:
            self.bar = tqdm(
                total=state.max_steps, initial=state.global_step, desc="generator", unit="step", disable=None
            )

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Moves the bar."""
        if self.bar is not None:
            self.bar.update(state.global_step - self.bar.n)

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
        """Closes the bar."""
        if self.bar is not None:
            self.bar.close()
            self.bar = None
