"""The training loop: the transformers Trainer with our loss, our order of examples, and perplexity as validation.

A training can be killed and resumed from its last complete checkpoint. Over two or more processes (``torchrun``,
``accelerate launch``) every optimizer step sees the examples that one process with the same global batch sees, and the
same mean loss over them: a training does not depend on how it is spread.
"""

# ruff: noqa: ARG002 - callbacks have the Trainer's signature

import logging
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset, Sampler
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm
from transformers import (
    PreTrainedModel,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.core_model_loading import revert_weight_conversion
from transformers.integrations import TensorBoardCallback
from transformers.trainer_callback import PrinterCallback

from language_models.backbone import Backbone
from language_models.batching import ExampleList, LengthGroupedSampler
from language_models.families.family import Example
from language_models.layout import ChatTemplate
from language_models.perplexity import perplexity, target_losses, token_losses
from language_models.precision import default_device
from language_models.settings import OptimisationConfig
from language_models.training_record import CHECKPOINTS, Checkpoints, CurvePoint, FineTuned

logger = logging.getLogger(__name__)

TENSORBOARD = "tensorboard"
LOGGED_STEPS = 20  # optimizer steps between two points of the training curve


def fine_tune(
    backbone: Backbone,
    train: Sequence[Example],
    valid: Sequence[Example],
    *,
    optimisation: OptimisationConfig,
    folder: Path,
    seed: int,
    save: Callable[[FineTuned], object],
    adapted: torch.nn.Module | None = None,
    uncounted: Sequence[int] = (),
) -> None:
    """Trains a backbone, or resumes from the folder's last checkpoint; the best checkpoint is chosen.

    A resumed training ends with the weights of an uninterrupted one (on the same hardware). Under ``torchrun`` or
    ``accelerate launch`` every process calls this with the same arguments, and the first one alone writes.

    Args:
        backbone: Its weights are trained in place.
        train: Examples to learn from, at least one.
        valid: Examples that choose the checkpoint, at least one.
        optimisation: Resolved settings.
        folder: Where ``tensorboard/`` is written, and ``checkpoints/`` until the end.
        seed: Of order and dropout; the global random states are set to it.
        adapted: The backbone's model with an adapter, which alone is trained then.
        save: Writes the result; called once, by the first process, before the checkpoints are deleted.
        uncounted: Token ids that validation does not count.

    Raises:
        ValueError: The folder's training began in another number of processes, or checkpoints of this kind of model do
            not restore it.
    """
    if adapted is None:
        _check_saving(backbone.model)
    arguments = _training_arguments(optimisation, folder / CHECKPOINTS, seed=seed)
    checkpoints = Checkpoints(folder / CHECKPOINTS, processes=arguments.world_size)
    checkpoints.check()
    if default_device().type == "cpu" and not isinstance(backbone.layout, ChatTemplate):
        # torch's fused attention has a slow backward pass on processors: a step over short sequences takes a quarter
        # longer with it. Whole conversations take half as long.
        backbone.model.set_attn_implementation("eager")
    if optimisation.gradient_checkpointing:
        if adapted is not None:
            backbone.model.enable_input_require_grads()  # frozen embeddings have none
        backbone.model.activation_checkpointing_enable({"use_reentrant": False})
    callbacks: list[TrainerCallback] = [_ProgressBar()]
    if arguments.process_index == 0:
        # Only now is there something to resume: a start that failed before leaves nothing behind.
        checkpoints.begin()
        callbacks.append(TensorBoardCallback(SummaryWriter(str(folder / TENSORBOARD))))
    trainer = ResponseTrainer(
        backbone=backbone,
        adapted=adapted,
        args=arguments,
        train_dataset=ExampleList(train),
        valid=valid,
        uncounted=uncounted,
        precision=optimisation.precision,
        callbacks=callbacks,
    )
    for callback in (ProgressCallback, PrinterCallback):
        trainer.remove_callback(callback)
    last = checkpoints.last()
    if last is not None:
        logger.info("resuming from %s", last)
    trainer.train(resume_from_checkpoint=None if last is None else str(last))

    trainer.accelerator.wait_for_everyone()  # every process reads the best checkpoint before it is deleted
    if arguments.process_index == 0:
        save(_fine_tuned(trainer.state, arguments.world_size))
        shutil.rmtree(checkpoints.folder)
    trainer.accelerator.wait_for_everyone()


def _check_saving(model: PreTrainedModel) -> None:
    """Refuses at once a model that its best checkpoint, after hours of training, would not restore."""
    weights = model.state_dict()
    saved = revert_weight_conversion(model, {name: weight.to("meta") for name, weight in weights.items()})
    if renamed := sorted(set(weights) - set(saved)):
        raise ValueError(
            f"backbone of kind {model.config.model_type}: it cannot be trained, because transformers saves the weight "
            f"{renamed[0]} under another name, and a checkpoint would not restore it; choose a backbone of another kind"
        )


def _fine_tuned(state: TrainerState, processes: int) -> FineTuned:
    assert state.best_metric is not None and state.best_global_step is not None
    curve = [
        CurvePoint(int(entry["step"]), entry["epoch"], entry.get("loss"), entry.get("eval_perplexity"))
        for entry in state.log_history
        if "loss" in entry or "eval_perplexity" in entry
    ]
    return FineTuned(tuple(curve), state.best_global_step, state.best_metric, processes)


def _training_arguments(config: OptimisationConfig, checkpoints: Path, *, seed: int) -> TrainingArguments:
    """The Trainer's arguments from resolved settings; making them joins the other processes of the launcher."""
    assert config.epochs and config.learning_rate and config.warmup_steps is not None  # resolved
    assert config.batch_size and config.accumulation_steps and config.evaluation_batch_size
    moment = "epoch" if config.evaluation_steps is None else "steps"
    arguments = TrainingArguments(
        output_dir=str(checkpoints),
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=config.warmup_steps,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_gradient_norm,
        per_device_train_batch_size=config.batch_size,
        per_device_eval_batch_size=config.evaluation_batch_size,
        gradient_accumulation_steps=config.accumulation_steps,
        bf16=config.precision == "bf16",
        use_cpu=default_device().type == "cpu",
        eval_strategy=moment,
        eval_steps=config.evaluation_steps,
        save_strategy=moment,
        save_steps=config.evaluation_steps or 500,  # not used with "epoch"
        save_total_limit=2,  # the best and the last
        load_best_model_at_end=True,
        metric_for_best_model="perplexity",
        greater_is_better=False,
        logging_steps=LOGGED_STEPS,
        report_to=[],
        include_num_input_tokens_seen="non_padding",
        remove_unused_columns=False,
        disable_tqdm=True,  # our own bar
        log_level_replica="error",  # the first process says what there is to say
        # Every weight takes part in every step; looking for those that do not costs a pass over the graph.
        ddp_find_unused_parameters=False,
        seed=seed,
    )
    # More than one GPU is used by torchrun or accelerate, one process each, never by threads of one process.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments


class ResponseTrainer(Trainer):
    """Trains on the targets' mean loss per token over a whole optimizer step, all processes together.

    Args:
        backbone: Model and tokenizer.
        adapted: Its model with an adapter, if there is one.
        valid: Validation examples.
        uncounted: Token ids that validation does not count.
        precision: Of validation, ``bf16`` or ``fp32``; that of training is among the arguments.
        **options: Of ``Trainer``; ``train_dataset`` is an :class:`ExampleList`.
    """

    # compute_loss divides by the tokens of the whole step, so nothing is left to divide by the accumulation steps.
    loss_is_scaled_for_ga = True

    def __init__(
        self,
        *,
        backbone: Backbone,
        adapted: torch.nn.Module | None,
        valid: Sequence[Example],
        uncounted: Sequence[int],
        precision: str,
        **options: Any,
    ) -> None:
        super().__init__(
            model=adapted or backbone.model,
            processing_class=backbone.tokenizer,
            data_collator=backbone.collate,
            eval_dataset=ExampleList(valid),
            **options,
        )
        self.backbone = backbone
        self.valid = valid
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

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """Refuses a checkpoint that does not restore every weight; tied weights are stored once."""
        tied: dict[str, str] = self.backbone.model.all_tied_weights_keys
        if different := sorted({*load_result.unexpected_keys, *load_result.missing_keys} - set(tied)):
            raise ValueError(
                f"{self.args.output_dir}: a checkpoint and the model differ in weights, the first is {different[0]}; "
                "choose another folder"
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
        losses, _ = token_losses(self.backbone.family, model, inputs)
        # Gradients are averaged over processes, but the number of tokens is of all of them: scale back.
        return losses.sum() / num_items_in_batch * self.accelerator.num_processes

    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """Perplexity per token of the validation examples' targets; every process takes its share."""
        share = self.valid[self.args.process_index :: self.args.world_size]
        quiet = None if self.args.process_index == 0 else True
        with tqdm(total=len(share), desc="validation", unit="response", leave=False, disable=quiet) as bar:
            sums, tokens, *_ = target_losses(
                self.backbone,
                share,
                apart=self.uncounted,
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


class _ProgressBar(TrainerCallback):
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
