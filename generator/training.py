"""Trains a generator on the supporters' messages: a pretrained backbone further, or a tiny one from scratch.

The history and what the supporter said become examples (:mod:`generator.inputs`), the training loop is
:func:`language_models.trainer.fine_tune`, the result is a run folder (:mod:`generator.files`).
"""

import dataclasses
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import set_seed

from corpus.dialogue import Dialogue
from corpus.splits import dialogues_digest
from generator.config import CHAT_MESSAGE_TOKENS, DECODING_PRESETS, GeneratorConfig
from generator.files import SUMMARY, GeneratorSummary, read_curve, read_summary, write_run
from generator.inputs import InputFormat
from generator.model_card import model_card
from generator.strategy_tokens import add_strategy_tokens
from language_models.adapters import Base, add_adapter
from language_models.backbone import Backbone, load_backbone
from language_models.families.family import Example
from language_models.layout import ChatTemplate
from language_models.precision import weights_type
from language_models.quiet import quiet_transformers
from language_models.tiny import build_tiny_backbone
from language_models.trainer import fine_tune
from language_models.training_record import CurvePoint, FineTuned

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class GeneratorTraining:
    """A finished training: what it was, how good its best checkpoint is, and its loss and perplexity over the steps."""

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
    """Trains a generator and writes its run folder; the checkpoint of the lowest validation perplexity is chosen.

    The folder is trusted to be this training's: called again, a killed training resumes from its last checkpoint and
    ends with the same weights (on the same hardware), and a finished one is read, not repeated. Seeds the global random
    states. Under ``torchrun`` or ``accelerate launch`` every process calls it with the same arguments.

    Args:
        train: Dialogues to learn from; a tiny backbone's vocabulary comes from them too.
        out: Run folder, made if missing.
        seed: Of weights, order and dropout.
        corpus: What the model card calls the data.
        random_weights: Start a pretrained backbone's architecture from random weights (tests, measurements).

    Raises:
        ValueError: The backbone cannot be loaded, there is nothing to learn, an example is longer than the model can
            read, or the folder's training began in another number of processes.
        CorpusError: A supporter message lacks its strategy.
    """
    if (out / SUMMARY).is_file():
        logger.info("%s is finished and is not trained again", out)
    else:
        with quiet_transformers():
            _train(config.resolved(), train, valid, out, seed=seed, corpus=corpus, random_weights=random_weights)
    return GeneratorTraining(read_summary(out), tuple(read_curve(out)))


def _train(
    config: GeneratorConfig,
    train: Sequence[Dialogue],
    valid: Sequence[Dialogue],
    out: Path,
    *,
    seed: int,
    corpus: str,
    random_weights: bool,
) -> None:
    """Trains from the beginning or the last checkpoint to the end and writes the finished run."""
    started = time.perf_counter()
    set_seed(seed)
    backbone = _initial_backbone(config, train, random_weights=random_weights)
    share = config.reasoning_share
    form = InputFormat(backbone, variant=config.variant, lengths=config.lengths, with_reasoning=share > 0)
    examples = form.examples(train, reasoning_share=share, rng=np.random.default_rng(seed))
    # Validated on the same examples whatever the seed, so that perplexities compare.
    valid_examples = form.examples(valid, reasoning_share=share, rng=np.random.default_rng(0))
    most = config.optimisation.evaluation_examples
    if most is not None and most < len(valid_examples):
        valid_examples = [valid_examples[place] for place in np.linspace(0, len(valid_examples) - 1, most).astype(int)]
    _check_examples(config, backbone, examples, valid_examples)
    adapted = None
    if config.adapter.rank:
        new = form.strategy_ids + ([] if form.continuation is None else [form.continuation])
        adapted = add_adapter(backbone, config.adapter.rank, new_tokens=new)
    tokens = sum(len(example.context) + len(example.target) for example in examples)
    logger.info(
        "training on %s examples of %s tokens, validated on %s examples",
        f"{len(examples):,}", f"{tokens:,}", f"{len(valid_examples):,}",
    )  # fmt: skip

    chat = isinstance(form.layout, ChatTemplate)
    longest = min(form.response_tokens, CHAT_MESSAGE_TOKENS) if chat else form.response_tokens

    def save(tuned: FineTuned) -> None:
        summary = GeneratorSummary(
            variant=config.variant,
            lengths=config.lengths,
            decoding=dataclasses.replace(DECODING_PRESETS[config.decoding], max_message_tokens=longest),
            config=dataclasses.asdict(config),
            seed=seed,
            data={"train": dialogues_digest(train), "valid": dialogues_digest(valid)},
            examples={"train": len(examples), "valid": len(valid_examples)},
            parameters=backbone.model.num_parameters(),
            best_step=tuned.best_step,
            best_perplexity=tuned.best_perplexity,
            seconds=round(time.perf_counter() - started, 1),
            corpus=corpus,
            processes=tuned.processes,
        )
        base = None if adapted is None else Base.of(config.backbone)
        write_run(out, backbone, summary, card=model_card(summary), curve=tuned.curve, adapted=adapted, base=base)

    fine_tune(
        backbone,
        examples,
        valid_examples,
        optimisation=config.optimisation,
        folder=out,
        seed=seed,
        save=save,
        adapted=adapted,
        uncounted=form.strategy_ids,
    )


def _initial_backbone(config: GeneratorConfig, train: Sequence[Dialogue], *, random_weights: bool) -> Backbone:
    """The model and tokenizer a training starts from; weights come from the global random state where they are new."""
    if config.from_scratch:
        texts = (message.text for dialogue in train for message in dialogue.messages)
        backbone = build_tiny_backbone(config.backbone, texts, config.tiny)
    else:
        # Weights that stay as they are can be stored as they are computed with; others are trained in full precision.
        dtype = weights_type(config.optimisation.precision) if config.adapter.rank else torch.float32
        backbone = load_backbone(config.backbone, dtype=dtype, random_weights=random_weights)
    if config.variant != "vanilla":
        add_strategy_tokens(backbone, stop_decision=config.variant == "one-by-one")
    return backbone


def _check_examples(
    config: GeneratorConfig, backbone: Backbone, train: Sequence[Example], valid: Sequence[Example]
) -> None:
    """Raises a ValueError where there is nothing to learn or an example is longer than the model can read."""
    if not train or not valid:
        raise ValueError(f"got {len(train)} training and {len(valid)} validation examples, expected some")
    longest = max(backbone.positions_taken(example) for example in [*train, *valid])
    if longest > backbone.positions:
        raise ValueError(
            f"history_tokens and response_tokens: the longest example has {longest} tokens, "
            f"{config.backbone} has {backbone.positions} positions"
        )
