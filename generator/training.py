"""Fine-tunes a backbone, or trains a tiny one from scratch, on supporter responses.

Our settings in the words of the transformers Trainer.

What a training starts from: a pretrained backbone or a tiny one, grown by the tokens its variant needs.
"""

import dataclasses
import hashlib
import json
import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter
from transformers import ProgressCallback, TrainerCallback, TrainingArguments, set_seed
from transformers.integrations import TensorBoardCallback
from transformers.trainer_callback import PrinterCallback

from corpus.dialogue import Dialogue
from corpus.formats.official import to_record
from generator.config import GeneratorConfig
from generator.files import CHECKPOINTS, SUMMARY, TENSORBOARD, read_curve, read_summary, write_run
from generator.inputs import InputFormat
from generator.model_card import CurvePoint, GeneratorSummary
from generator.strategy_tokens import add_strategy_tokens
from language_models.backbone import Backbone, build_tiny_backbone, load_backbone, train_tokenizer
from language_models.batching import Collator, Example
from language_models.precision import default_device
from language_models.quiet import quiet_transformers
from language_models.settings import DECODING_PRESETS, OptimisationConfig
from language_models.trainer import Checkpoints, ExampleList, ProgressBar, ResponseTrainer

LOGGED_STEPS = 20  # optimizer steps between two points of the training curve
KEPT_CHECKPOINTS = 2  # the best and the last


def training_arguments(config: OptimisationConfig, checkpoints: Path, *, seed: int) -> TrainingArguments:
    """The Trainer's arguments; making them joins the other processes of ``torchrun`` or ``accelerate launch``.

    Args:
        config: Resolved settings.
        checkpoints: Folder of checkpoints.
        seed: Of order and dropout.
    """
    assert config.epochs and config.learning_rate and config.batch_size and config.warmup_steps is not None  # resolved
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
        save_total_limit=KEPT_CHECKPOINTS,
        load_best_model_at_end=True,
        metric_for_best_model="perplexity",
        greater_is_better=False,
        logging_steps=LOGGED_STEPS,
        report_to=[],
        remove_unused_columns=False,
        disable_tqdm=True,  # our own bar
        log_level_replica="error",  # the first process says what there is to say
        # Every weight takes part in every step; looking for those that do not costs a pass over the graph.
        ddp_find_unused_parameters=False,
        seed=seed,
    )
    # Several GPUs are used by torchrun or accelerate, one process each, never by threads of one process.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments


def initial_backbone(config: GeneratorConfig, train: Sequence[Dialogue], *, random_weights: bool = False) -> Backbone:
    """The model and tokenizer a training starts from; weights come from the global random state where they are new.

    Args:
        config: Resolved settings.
        train: Dialogues to learn from; a tiny backbone's vocabulary is theirs.
        random_weights: Start a pretrained backbone's architecture from random weights (tests, measurements).

    Raises:
        ValueError: The backbone cannot be loaded.
    """
    if config.from_scratch:
        texts = (message.text for dialogue in train for message in dialogue.messages)
        tokenizer = train_tokenizer(texts, size=config.tiny.vocabulary)
        backbone = build_tiny_backbone(
            config.backbone,
            tokenizer,
            width=config.tiny.width,
            layers=config.tiny.layers,
            heads=config.tiny.heads,
            dropout=config.tiny.dropout,
        )
    else:
        backbone = load_backbone(config.backbone, random_weights=random_weights)
    if config.variant != "vanilla":
        add_strategy_tokens(backbone.model, backbone.tokenizer, stop_decision=config.variant == "one-by-one")
    if default_device().type == "cpu":
        # torch's fused attention has a slow backward pass on processors: a whole step takes a quarter longer with it.
        backbone.model.set_attn_implementation("eager")
    if config.optimisation.gradient_checkpointing:
        backbone.model.activation_checkpointing_enable({"use_reentrant": False})
    return backbone


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
        ValueError: The backbone cannot be loaded, or the folder's training began in another number of processes.
        CorpusError: A supporter message lacks its strategy.
    """
    config = config.resolved()
    if (out / SUMMARY).is_file():
        summary = read_summary(out)
        logger.info("%s is finished, not trained again", out)
        return GeneratorTraining(summary, tuple(read_curve(out)))
    with quiet_transformers():
        return _train(config, train, valid, out, seed=seed, corpus=corpus, random_weights=random_weights)


def _train(
    config: GeneratorConfig,
    train: Sequence[Dialogue],
    valid: Sequence[Dialogue],
    out: Path,
    *,
    seed: int,
    corpus: str,
    random_weights: bool,
) -> GeneratorTraining:
    """Trains from the beginning or the last checkpoint to the end and writes the finished run."""
    started = time.perf_counter()
    arguments = training_arguments(config.optimisation, out / CHECKPOINTS, seed=seed)
    checkpoints = Checkpoints(out / CHECKPOINTS, processes=arguments.world_size)
    checkpoints.check()
    set_seed(seed)
    backbone = initial_backbone(config, train, random_weights=random_weights)
    form = InputFormat(
        backbone.tokenizer,
        variant=config.variant,
        lengths=config.lengths,
        with_reasoning=config.reasoning_share > 0,
    )
    share = config.reasoning_share
    examples = form.examples(train, reasoning_share=share, rng=np.random.default_rng(seed))
    # Validated on the same examples whatever the seed, so that perplexities compare.
    valid_examples = form.examples(valid, reasoning_share=share, rng=np.random.default_rng(0))
    _check_examples(config, backbone, examples, valid_examples)
    callbacks: list[TrainerCallback] = [ProgressBar()]
    if arguments.process_index == 0:
        # Only now is there something to go on from: a start that failed before leaves nothing behind.
        checkpoints.begin()
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
        precision=config.optimisation.precision,
        callbacks=callbacks,
    )
    for callback in (ProgressCallback, PrinterCallback):
        trainer.remove_callback(callback)
    last = checkpoints.last()
    if last is not None:
        logger.info("resuming from %s", last)
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
        lengths=form.lengths,
        decoding=dataclasses.replace(DECODING_PRESETS[config.decoding], max_message_tokens=form.response_tokens),
        config=dataclasses.asdict(config),
        seed=seed,
        data={"train": dialogues_digest(train), "valid": dialogues_digest(valid)},
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


def dialogues_digest(dialogues: Sequence[Dialogue]) -> str:
    """SHA-256 of what dialogues say, in order, as :meth:`corpus.splits.Corpus.fingerprint`."""
    digest = hashlib.sha256()
    for dialogue in dialogues:
        digest.update(json.dumps(to_record(dialogue), sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def _check_examples(
    config: GeneratorConfig, backbone: Backbone, train: Sequence[Example], valid: Sequence[Example]
) -> None:
    """Raises a ValueError where there is nothing to learn or an example is longer than the model can read."""
    if not train or not valid:
        raise ValueError(f"got {len(train)} training and {len(valid)} validation examples, expected some")
    longest = max(_positions(example, backbone) for example in [*train, *valid])
    if longest > backbone.positions:
        raise ValueError(
            f"history_tokens and response_tokens: the longest example has {longest} tokens, "
            f"{config.backbone} has {backbone.positions} positions"
        )


def _positions(example: Example, backbone: Backbone) -> int:
    """Positions that an example takes: context and target apart in an encoder-decoder, else one after the other."""
    context, target = len(example.context), len(example.target) + 1  # the start token
    return max(context, target) if backbone.encoder_decoder else context + target
