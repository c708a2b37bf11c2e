"""Fine-tunes a backbone, or trains a tiny one from scratch, on supporter responses."""

import dataclasses
import hashlib
import json
import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter
from transformers import ProgressCallback, TrainingArguments, set_seed
from transformers.integrations import TensorBoardCallback
from transformers.trainer_callback import PrinterCallback

from corpus.dialogue import Dialogue
from corpus.whole_file import write_whole
from generator.backbone import Backbone, build_tiny_backbone, load_backbone
from generator.batching import Collator
from generator.config import GeneratorConfig
from generator.decoding_config import DECODING_PRESETS
from generator.inputs import Example, InputFormat
from generator.precision import default_device, resolve_precision
from generator.progress import ProgressBar
from generator.quiet import quiet_transformers
from generator.run_files import (
    CHECKPOINTS,
    SUMMARY,
    TENSORBOARD,
    CurvePoint,
    GeneratorSummary,
    read_curve,
    read_summary,
    write_run,
)
from generator.strategy_tokens import add_strategy_tokens
from generator.tokenizer import train_tokenizer
from generator.trainer import ExampleList, ResponseTrainer

logger = logging.getLogger(__name__)

_SETTINGS = "settings.json"
LOGGED_STEPS = 20  # optimizer steps between two points of the training curve


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
    random_weights: bool = False,
) -> GeneratorTraining:
    """Trains a generator and writes its run folder; the checkpoint of the lowest validation perplexity is kept.

    Called again with the same arguments, a killed training goes on from its last checkpoint and ends with the same
    weights (on the same hardware), and a finished one is read, not repeated. Seeds the global random states.

    Args:
        config: Settings.
        train: Dialogues to learn from; a tiny backbone's vocabulary comes from them too.
        valid: Dialogues to validate on.
        out: Run folder, made if missing.
        seed: Of weights, order and dropout.
        random_weights: Start a pretrained backbone's architecture from random weights (tests, measurements).

    Raises:
        ValueError: The folder holds a training with other settings or data, or the backbone cannot be loaded.
        CorpusError: A supporter message lacks its strategy.
    """
    config = config.resolved()
    identity = {
        "config": dataclasses.asdict(config),
        "seed": seed,
        "data": {"train": _fingerprint(train), "valid": _fingerprint(valid)},
    }
    if (out / SUMMARY).is_file():
        summary = read_summary(out)
        _check_same(out, {name: getattr(summary, name) for name in identity}, identity)
        logger.info("%s is finished, not trained again", out)
        return GeneratorTraining(summary, tuple(read_curve(out)))
    checkpoints = out / CHECKPOINTS
    settings = checkpoints / _SETTINGS
    if settings.is_file():
        _check_same(out, json.loads(settings.read_text(encoding="utf-8")), identity)
    with quiet_transformers():
        return _train(config, train, valid, out, identity=identity, random_weights=random_weights)


def _train(
    config: GeneratorConfig,
    train: Sequence[Dialogue],
    valid: Sequence[Dialogue],
    out: Path,
    *,
    identity: dict[str, Any],
    random_weights: bool,
) -> GeneratorTraining:
    """Trains from the beginning or the last checkpoint to the end and writes the finished run."""
    started = time.perf_counter()
    checkpoints, seed = out / CHECKPOINTS, identity["seed"]
    set_seed(seed)
    backbone = make_backbone(config, train, random_weights=random_weights)
    if default_device().type == "cpu":
        # torch's fused attention has a slow backward pass on processors: a whole step takes a quarter longer with it.
        backbone.model.set_attn_implementation("eager")
    if config.gradient_checkpointing:
        backbone.model.activation_checkpointing_enable({"use_reentrant": False})
    form = input_format(config, backbone)
    examples, valid_examples = form.examples(train), form.examples(valid)
    if not examples or not valid_examples:
        raise ValueError(f"got {len(examples)} training and {len(valid_examples)} validation examples, expected some")
    longest = max(_positions(example, backbone) for example in [*examples, *valid_examples])
    if longest > backbone.positions:
        raise ValueError(
            f"max_history_tokens and max_response_tokens: the longest example has {longest} tokens, "
            f"{config.backbone} has {backbone.positions} positions"
        )
    # Only now is there something to go on from: a start that failed before leaves nothing behind.
    write_whole(checkpoints / _SETTINGS, json.dumps(identity, indent=2) + "\n")
    precision = resolve_precision(config.precision, default_device())
    writer = SummaryWriter(str(out / TENSORBOARD))
    trainer = ResponseTrainer(
        model=backbone.model,
        processing_class=backbone.tokenizer,
        args=_arguments(config, checkpoints, precision=precision, seed=seed),
        train_dataset=ExampleList(examples),
        valid=valid_examples,
        collator=Collator(
            encoder_decoder=backbone.encoder_decoder, start=form.start, padding=backbone.tokenizer.pad_token_id
        ),
        uncounted=form.strategy_ids,
        precision=precision,
        callbacks=[ProgressBar(), TensorBoardCallback(writer)],
    )
    for callback in (ProgressCallback, PrinterCallback):
        trainer.remove_callback(callback)
    last = last_checkpoint(checkpoints)
    if last is not None:
        logger.info("going on from %s", last)
    trainer.train(resume_from_checkpoint=None if last is None else str(last))
    writer.close()

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
        **identity,
        examples={"train": len(examples), "valid": len(valid_examples)},
        parameters=backbone.model.num_parameters(),
        best_step=state.best_global_step,
        best_perplexity=state.best_metric,
        seconds=round(time.perf_counter() - started, 1),
    )
    if trainer.is_world_process_zero():
        write_run(out, backbone, summary, curve)
        shutil.rmtree(checkpoints)
    trainer.accelerator.wait_for_everyone()
    return GeneratorTraining(summary, tuple(curve))


def make_backbone(config: GeneratorConfig, train: Sequence[Dialogue], *, random_weights: bool = False) -> Backbone:
    """The model and tokenizer a training starts from, strategy tokens included where the variant has them."""
    if config.backbone.startswith("tiny-"):
        texts = (message.text for dialogue in train for message in dialogue.messages)
        tokenizer = train_tokenizer(texts, size=config.tiny_vocabulary)
        backbone = build_tiny_backbone(
            config.backbone,
            tokenizer,
            width=config.tiny_width,
            layers=config.tiny_layers,
            heads=config.tiny_heads,
            dropout=config.tiny_dropout,
        )
    else:
        backbone = load_backbone(config.backbone, random_weights=random_weights)
    if config.variant != "vanilla":
        add_strategy_tokens(backbone.model, backbone.tokenizer)
    return backbone


def input_format(config: GeneratorConfig, backbone: Backbone) -> InputFormat:
    """The inputs a training uses; lengths of 0 become the 2021 authors' (second code) for the backbone's kind."""
    history, response = (160, 40) if backbone.encoder_decoder else (180, 45)
    return InputFormat(
        backbone.tokenizer,
        variant=config.variant,
        max_history_tokens=config.max_history_tokens or history,
        max_response_tokens=config.max_response_tokens or response,
        max_history_messages=config.max_history_messages,
    )


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint; the Trainer writes a checkpoint's state last, so one without it was cut off."""
    complete = []
    for path in folder.glob("checkpoint-*"):
        try:
            complete.append(
                (json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))["global_step"], path)
            )
        except (FileNotFoundError, json.JSONDecodeError):
            logger.warning("%s is incomplete, it is not used", path)
    return max(complete)[1] if complete else None


def _positions(example: Example, backbone: Backbone) -> int:
    """Positions that an example takes: context and target apart in an encoder-decoder, else one after the other."""
    context, target = len(example.context), len(example.target) + 1  # the start token
    return max(context, target) if backbone.encoder_decoder else context + target


def _arguments(config: GeneratorConfig, checkpoints: Path, *, precision: str, seed: int) -> TrainingArguments:
    moment = "steps" if config.evaluation_steps else "epoch"
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
        bf16=precision == "bf16",
        use_cpu=default_device().type == "cpu",
        eval_strategy=moment,
        eval_steps=config.evaluation_steps or None,
        save_strategy=moment,
        save_steps=config.evaluation_steps or 500,  # not used with "epoch"
        save_total_limit=2,  # the best and the last
        load_best_model_at_end=True,
        metric_for_best_model="perplexity",
        greater_is_better=False,
        logging_steps=LOGGED_STEPS,
        report_to=[],
        remove_unused_columns=False,
        disable_tqdm=True,  # our own bar
        seed=seed,
    )
    # Several GPUs are used by torchrun or accelerate, one process each, never by threads of one process.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments


def _check_same(out: Path, found: dict[str, object], wanted: dict[str, object]) -> None:
    different = [name for name in wanted if found.get(name) != wanted[name]]
    old, new = found.get("config"), wanted["config"]
    if "config" in different and isinstance(old, dict) and isinstance(new, dict):
        different += [
            f"{name} {old.get(name)!r} instead of {new[name]!r}" for name in new if old.get(name) != new[name]
        ]
        different.remove("config")
    if different:
        raise ValueError(f"{out} holds a training with other settings: {', '.join(different)}; choose another folder")


def _fingerprint(dialogues: Sequence[Dialogue]) -> str:
    digest = hashlib.sha256()
    for dialogue in dialogues:
        for message in dialogue.messages:
            strategy = "" if message.strategy is None else message.strategy.name
            digest.update(json.dumps([message.role.value, strategy, message.text]).encode())
        digest.update(b"\n")
    return digest.hexdigest()
