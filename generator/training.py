"""Fine-tunes a backbone, or trains a tiny one from scratch, on supporter responses."""

import dataclasses
import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter
from transformers import ProgressCallback, TrainerCallback, set_seed
from transformers.integrations import TensorBoardCallback
from transformers.trainer_callback import PrinterCallback

from corpus.dialogue import Dialogue
from generator.backbone import Backbone
from generator.batching import Collator
from generator.checkpoints import Checkpoints
from generator.config import GeneratorConfig
from generator.decoding_config import DECODING_PRESETS
from generator.initial_backbone import initial_backbone
from generator.inputs import Example, InputFormat, authors_lengths
from generator.precision import default_device, resolve_precision
from generator.progress import ProgressBar
from generator.quiet import quiet_transformers
from generator.run_files import (
    CHECKPOINTS,
    SUMMARY,
    TENSORBOARD,
    read_curve,
    read_summary,
    write_run,
)
from generator.run_identity import RunIdentity
from generator.run_summary import CurvePoint, GeneratorSummary
from generator.trainer import ExampleList, ResponseTrainer
from generator.training_arguments import training_arguments

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GeneratorTraining:
    """A finished training.

    Attributes:
        summary: What it was and how good its best checkpoint is.
        curve: Loss and validation perplexity over its steps.
    """

    summary: GeneratorSummary
    curve: tuple[CurvePoint, ...]


def train_generator(
    config: GeneratorConfig,
    *,
    train: Sequence[Dialogue],
    valid: Sequence[Dialogue],
    out: Path,
    seed: int,
    corpus: str = "",
    random_weights: bool = False,
) -> GeneratorTraining:
    """Trains a generator and writes its run folder; the checkpoint of the lowest validation perplexity is kept.

    Called again with the same arguments, a killed training goes on from its last checkpoint and ends with the same
    weights (on the same hardware), and a finished one is read, not repeated. Seeds the global random states. Under
    ``torchrun`` or ``accelerate launch`` every process calls it with the same arguments; the first one writes.

    Args:
        config: Settings.
        train: Dialogues to learn from; a tiny backbone's vocabulary comes from them too.
        valid: Dialogues to validate on.
        out: Run folder, made if missing.
        seed: Of weights, order and dropout.
        corpus: What the model card calls the data.
        random_weights: Start a pretrained backbone's architecture from random weights (tests, measurements).

    Raises:
        ValueError: The folder holds a training with other settings or data, or the backbone cannot be loaded.
        CorpusError: A supporter message lacks its strategy.
    """
    config = config.resolved()
    identity = RunIdentity.of(config, seed=seed, train=train, valid=valid)
    if (out / SUMMARY).is_file():
        summary = read_summary(out)
        identity.check_same(out, {name: getattr(summary, name) for name in identity.fields()})
        logger.info("%s is finished, not trained again", out)
        return GeneratorTraining(summary, tuple(read_curve(out)))
    with quiet_transformers():
        return _train(config, train, valid, out, identity=identity, corpus=corpus, random_weights=random_weights)


def _train(
    config: GeneratorConfig,
    train: Sequence[Dialogue],
    valid: Sequence[Dialogue],
    out: Path,
    *,
    identity: RunIdentity,
    corpus: str,
    random_weights: bool,
) -> GeneratorTraining:
    """Trains from the beginning or the last checkpoint to the end and writes the finished run."""
    started = time.perf_counter()
    precision = resolve_precision(config.precision, default_device())
    arguments = training_arguments(config, out / CHECKPOINTS, precision=precision, seed=identity.seed)
    checkpoints = Checkpoints(out / CHECKPOINTS, processes=arguments.world_size)
    checkpoints.check(identity)
    set_seed(identity.seed)
    backbone = initial_backbone(config, train, random_weights=random_weights)
    form = input_format(config, backbone)
    share = config.reasoning_share
    examples = form.examples(train, reasoning_share=share, rng=np.random.default_rng(identity.seed))
    # Validated on the same examples whatever the seed, so that perplexities compare.
    valid_examples = form.examples(valid, reasoning_share=share, rng=np.random.default_rng(0))
    _check_examples(config, backbone, examples, valid_examples)
    callbacks: list[TrainerCallback] = [ProgressBar()]
    if arguments.process_index == 0:
        # Only now is there something to go on from: a start that failed before leaves nothing behind.
        checkpoints.claim(identity)
        callbacks.append(TensorBoardCallback(SummaryWriter(str(out / TENSORBOARD))))
    trainer = ResponseTrainer(
        model=backbone.model,
        processing_class=backbone.tokenizer,
        args=arguments,
        train_dataset=ExampleList(examples),
        valid=valid_examples,
        collator=Collator(
            encoder_decoder=backbone.encoder_decoder, start=form.start, padding=backbone.tokenizer.pad_token_id
        ),
        uncounted=form.strategy_ids,
        precision=precision,
        callbacks=callbacks,
    )
    for callback in (ProgressCallback, PrinterCallback):
        trainer.remove_callback(callback)
    last = checkpoints.last()
    if last is not None:
        logger.info("going on from %s", last)
    trainer.train(resume_from_checkpoint=None if last is None else str(last))

    state = trainer.state
    assert state.best_metric is not None and state.best_global_step is not None
    curve = [
        CurvePoint(int(entry["step"]), entry["epoch"], entry.get("loss"), entry.get("eval_perplexity"))
        for entry in state.log_history
        if "loss" in entry or "eval_perplexity" in entry
    ]
    summary = GeneratorSummary(
        variant=config.variant,
        max_history_tokens=form.max_history_tokens,
        max_response_tokens=form.max_response_tokens,
        max_history_messages=form.max_history_messages,
        decoding=dataclasses.replace(DECODING_PRESETS[config.decoding], max_message_tokens=form.max_response_tokens),
        **identity.fields(),
        examples={"train": len(examples), "valid": len(valid_examples)},
        parameters=backbone.model.num_parameters(),
        best_step=state.best_global_step,
        best_perplexity=state.best_metric,
        seconds=round(time.perf_counter() - started, 1),
        corpus=corpus,
        processes=arguments.world_size,
    )
    trainer.accelerator.wait_for_everyone()  # every process reads the best checkpoint before it is deleted
    if arguments.process_index == 0:
        write_run(out, backbone, summary, curve)
        shutil.rmtree(checkpoints.folder)
    trainer.accelerator.wait_for_everyone()
    return GeneratorTraining(summary, tuple(curve))


def input_format(config: GeneratorConfig, backbone: Backbone) -> InputFormat:
    """The inputs a training uses; lengths of 0 become the 2021 authors' (second code) for the backbone's kind."""
    history, response = authors_lengths(encoder_decoder=backbone.encoder_decoder)
    return InputFormat(
        backbone.tokenizer,
        variant=config.variant,
        max_history_tokens=config.max_history_tokens or history,
        max_response_tokens=config.max_response_tokens or response,
        max_history_messages=config.max_history_messages,
        with_reasoning=config.reasoning_share > 0,
    )


def _check_examples(
    config: GeneratorConfig, backbone: Backbone, train: Sequence[Example], valid: Sequence[Example]
) -> None:
    """Raises a ValueError where there is nothing to learn or an example is longer than the model can read."""
    if not train or not valid:
        raise ValueError(f"got {len(train)} training and {len(valid)} validation examples, expected some")
    longest = max(_positions(example, backbone) for example in [*train, *valid])
    if longest > backbone.positions:
        raise ValueError(
            f"max_history_tokens and max_response_tokens: the longest example has {longest} tokens, "
            f"{config.backbone} has {backbone.positions} positions"
        )


def _positions(example: Example, backbone: Backbone) -> int:
    """Positions that an example takes: context and target apart in an encoder-decoder, else one after the other."""
    context, target = len(example.context), len(example.target) + 1  # the start token
    return max(context, target) if backbone.encoder_decoder else context + target
