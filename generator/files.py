"""A generator's run folder: written whole, read without running code.

``generator.json`` (everything but the weights; its presence says that the run is finished), ``model/`` (weights as
safetensors, configuration, tokenizer, model card: ``from_pretrained`` loads it; or an adapter with the digest of its
base), ``training_curve.json``, ``tensorboard/``.
While a training runs, ``checkpoints/`` holds its optimizer and random states, which are pickles: they
are read only to resume that run, and gone once it is finished.
"""

import dataclasses
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from corpus.files import write_whole
from generator.config import LengthConfig, upgraded
from language_models.adapters import Base, save_adapter
from language_models.backbone import Backbone
from language_models.settings import DecodingConfig
from language_models.training_record import CurvePoint

SUMMARY = "generator.json"
MODEL = "model"
CURVE = "training_curve.json"
FORMAT = 1  # of generator.json


@dataclass(frozen=True)
class GeneratorSummary:
    """Everything about a finished training but its weights: what ``generator.json`` holds.

    Attributes:
        variant: One of ``generator.config.VARIANTS``.
        lengths: Of the inputs, resolved.
        decoding: Settings of decoding that the run is used with.
        config: The training's settings, resolved, as nested plain values.
        seed: The training's.
        data: SHA-256 of the training and the validation examples' messages.
        examples: Numbers of training and validation examples.
        parameters: Number of the model's weights.
        best_step: Optimizer steps of the chosen checkpoint.
        best_perplexity: Its validation perplexity per token; ``None`` of a generator that gives no probabilities.
        seconds: Time from the start, or from the last resumption, to the end.
        corpus: Name of the data; empty where it was not given.
        processes: That trained side by side; ``batch_size`` of the settings is one process's.
    """

    variant: str
    lengths: LengthConfig
    decoding: DecodingConfig
    config: dict[str, Any]
    seed: int
    data: dict[str, str]
    examples: dict[str, int]
    parameters: int
    best_step: int
    best_perplexity: float | None
    seconds: float
    corpus: str = ""
    processes: int = 1


def write_run(
    out: Path,
    backbone: Backbone,
    summary: GeneratorSummary,
    *,
    card: str,
    curve: Sequence[CurvePoint],
    adapted: torch.nn.Module | None = None,
    base: Base | None = None,
) -> None:
    """Writes a finished run; ``generator.json`` comes last, so that a run without it is not finished.

    Args:
        adapted: The model with its adapter, which is then written alone; ``base`` says what it belongs to.
    """
    temporary = out / f".{MODEL}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    if adapted is None or base is None:
        backbone.model.save_pretrained(temporary)
        backbone.tokenizer.save_pretrained(temporary)
    else:
        save_adapter(backbone, adapted, base, temporary)
    write_whole(temporary / "README.md", card)
    shutil.rmtree(out / MODEL, ignore_errors=True)
    temporary.rename(out / MODEL)
    write_whole(out / CURVE, json.dumps([dataclasses.asdict(point) for point in curve], indent=1) + "\n")
    write_summary(out, summary)


def write_summary(out: Path, summary: GeneratorSummary) -> None:
    """Writes ``generator.json``, which says that the run is finished."""
    fields = dataclasses.asdict(summary)
    for name, value in fields.pop("lengths").items():
        fields[f"max_{name}"] = value or 0  # the names of version 1; 0: no limit
    write_whole(out / SUMMARY, json.dumps({"format": FORMAT, **fields}, indent=2) + "\n")


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
        names = [field.name for field in dataclasses.fields(LengthConfig)]
        lengths = LengthConfig(**{name: fields.pop(f"max_{name}") or None for name in names})
        decoding, config = DecodingConfig(**fields.pop("decoding")), upgraded(fields.pop("config"))
        return GeneratorSummary(lengths=lengths, decoding=decoding, config=config, **fields)
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a generator's summary: {error}") from error


def read_curve(run: Path) -> list[CurvePoint]:
    """Reads the training curve of a finished run."""
    return [CurvePoint(**point) for point in json.loads((run / CURVE).read_text(encoding="utf-8"))]
