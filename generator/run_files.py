"""What a generator's run folder holds, written whole and read without running code.

``generator.json`` (everything but the weights; its presence says that the run is finished), ``model/`` (weights as
safetensors, configuration and tokenizer: ``from_pretrained`` loads it), ``training_curve.json``, ``tensorboard/``.
While a training runs, ``checkpoints/`` holds its optimizer and random states, which are pickles: they are read only to
go on with the own run, and gone once it is finished.
"""

import dataclasses
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer

from corpus.whole_file import write_whole
from generator.backbone import ARCHITECTURES, Backbone, prepare
from generator.decoding_config import DecodingConfig
from generator.quiet import quiet_transformers

SUMMARY = "generator.json"
MODEL = "model"
CURVE = "training_curve.json"
CHECKPOINTS = "checkpoints"
TENSORBOARD = "tensorboard"
FORMAT = 1  # of generator.json


@dataclass(frozen=True)
class CurvePoint:
    """One logged moment of a training.

    Attributes:
        step: Optimizer steps done.
        epoch: Passes over the examples done.
        train_loss: Mean loss per token in nats since the last one; ``None`` at a validation.
        valid_perplexity: Perplexity per token of the validation texts; ``None`` between validations.
    """

    step: int
    epoch: float
    train_loss: float | None
    valid_perplexity: float | None


@dataclass(frozen=True)
class GeneratorSummary:
    """All of a finished run but its weights.

    Attributes:
        variant: ``vanilla``, ``strategy`` or ``all-in-one``.
        max_history_tokens: Of the inputs.
        max_response_tokens: Of the inputs.
        max_history_messages: Of the inputs; 0: no limit.
        decoding: Settings that texts are sampled with.
        config: The training's settings as given.
        seed: The training's.
        data: SHA-256 of the training and the validation examples' messages.
        examples: Numbers of training and validation examples.
        parameters: Number of the model's weights.
        best_step: Optimizer steps of the checkpoint kept.
        best_perplexity: Its validation perplexity per token.
        seconds: Time from the start, or from the last resumption, to the end.
    """

    variant: str
    max_history_tokens: int
    max_response_tokens: int
    max_history_messages: int
    decoding: DecodingConfig
    config: dict[str, Any]
    seed: int
    data: dict[str, str]
    examples: dict[str, int]
    parameters: int
    best_step: int
    best_perplexity: float
    seconds: float


def write_run(out: Path, backbone: Backbone, summary: GeneratorSummary, curve: list[CurvePoint]) -> None:
    """Writes a finished run; ``generator.json`` comes last, so that a run without it is not finished."""
    temporary = out / f".{MODEL}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    backbone.model.save_pretrained(temporary)
    backbone.tokenizer.save_pretrained(temporary)
    shutil.rmtree(out / MODEL, ignore_errors=True)
    temporary.rename(out / MODEL)
    write_whole(out / CURVE, json.dumps([dataclasses.asdict(point) for point in curve], indent=1) + "\n")
    write_whole(out / SUMMARY, json.dumps({"format": FORMAT, **dataclasses.asdict(summary)}, indent=2) + "\n")


def read_summary(run: Path) -> GeneratorSummary:
    """Reads ``generator.json``.

    Raises:
        ValueError: No finished generator run, or its file is broken or of another version.
    """
    path = run / SUMMARY
    if not path.is_file():
        raise ValueError(f"{run}: no finished generator run, expected {SUMMARY} in it")
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields.pop("format") != FORMAT:
            raise ValueError(f"{path}: another format, expected {FORMAT}")
        return GeneratorSummary(**fields | {"decoding": DecodingConfig(**fields["decoding"])})
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a generator's summary: {error}") from error


def read_curve(run: Path) -> list[CurvePoint]:
    """Reads the training curve of a finished run."""
    return [CurvePoint(**point) for point in json.loads((run / CURVE).read_text(encoding="utf-8"))]


def read_backbone(run: Path) -> Backbone:
    """Loads a finished run's model, from safetensors alone, and its tokenizer.

    Raises:
        ValueError: A file is missing or broken.
    """
    folder = run / MODEL
    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        architecture = ARCHITECTURES[config.model_type]
        with quiet_transformers():
            model = architecture.from_pretrained(folder, use_safetensors=True, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, KeyError, SafetensorError) as error:
        raise ValueError(f"{folder}: cannot load the model: {str(error).splitlines()[0]}") from error
    return prepare(model, tokenizer)
