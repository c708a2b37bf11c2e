"""A generator by the words of a command line: a finished run, or a pretrained backbone as it is."""

import json
from dataclasses import dataclass
from pathlib import Path

from generator.files import SUMMARY, read_summary
from generator.realizer import Realizer
from language_models.backbone import HUB_IDS
from language_models.precision import default_device, resolve_precision


@dataclass(frozen=True)
class OpenedGenerator:
    """A loaded generator and what to call it.

    Attributes:
        realizer: What writes.
        name: What tables call it: the name of its folder.
        folder: Where its evaluations are kept.
        backbone: What it was trained from.
        fine_tuned: Whether it was trained on dialogues at all.
    """

    realizer: Realizer
    name: str
    folder: Path
    backbone: str
    fine_tuned: bool


def open_generator(
    where: str, *, out: Path | None, like: Path | None = None, batch_size: int = 64, precision: str = "fp32"
) -> OpenedGenerator:
    """Loads a generator.

    Args:
        where: Run folder; or ``blenderbot``, ``dialogpt``, a hub id, or a folder made by ``save_pretrained``, which are
            taken without fine-tuning.
        out: Folder for its evaluations; by default its run folder. A backbone has none and needs it.
        like: Run whose lengths and sampling settings a backbone takes; a run has its own.
        batch_size: Responses computed side by side, at least 1.
        precision: ``bf16``, ``fp32``, or ``auto``: ``bf16`` where the hardware multiplies it natively.

    Raises:
        ValueError: A batch size below 1, neither kind of generator, a backbone without ``out``, a run with ``like``, or
            weights that cannot be loaded.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size: got {batch_size}, expected at least 1")
    precision = resolve_precision(precision, default_device())
    folder = Path(where)
    if (folder / SUMMARY).is_file():
        if like is not None:
            raise ValueError(f"--like is for a backbone as it is: the run {where} has its own lengths and decoding")
        backbone = str(read_summary(folder).config["backbone"])
        realizer = Realizer.load(folder, batch_size=batch_size, precision=precision)
        return OpenedGenerator(realizer, folder.resolve().name, out or folder, backbone, True)
    named = where in HUB_IDS or (
        not folder.exists() and where.count("/") == 1 and not where.startswith((".", "~", "/"))
    )
    if not named and not _is_backbone(folder):
        raise ValueError(
            f"{where}: no finished generator run, expected {SUMMARY} in it; nor a pretrained backbone: "
            f"{', '.join(HUB_IDS)}, a hub id (owner/name), or a folder made by save_pretrained"
        )
    if out is None:
        raise ValueError(f"{where} is a backbone and no run: --out FOLDER must say where its evaluation is kept")
    realizer = Realizer.pretrained(where, like=like, batch_size=batch_size, precision=precision)
    return OpenedGenerator(realizer, out.resolve().name, out, where, False)


def _is_backbone(folder: Path) -> bool:
    """Whether a folder looks like one of ``save_pretrained``: a run folder's config.json names no kind of model."""
    try:
        return "model_type" in json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False
