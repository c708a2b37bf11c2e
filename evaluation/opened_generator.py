"""A generator by the words of a command line: a finished run, or a pretrained backbone as it is."""

import json
from dataclasses import dataclass
from pathlib import Path

from generator.backbone import HUB_IDS
from generator.realizer import Realizer
from generator.run_files import SUMMARY, read_summary


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


def open_generator(where: str, *, out: Path | None, like: Path | None = None) -> OpenedGenerator:
    """Loads a generator.

    Args:
        where: Run folder; or ``blenderbot``, ``dialogpt``, a hub id, or a folder made by ``save_pretrained``, which are
            taken without fine-tuning.
        out: Folder for its evaluations; by default its run folder. A backbone has none and needs it.
        like: Run whose lengths and sampling settings a backbone takes; a run has its own.

    Raises:
        ValueError: Neither kind of generator, a backbone without ``out``, a run with ``like``, or weights that cannot
            be loaded.
    """
    folder = Path(where)
    if (folder / SUMMARY).is_file():
        if like is not None:
            raise ValueError(f"--like is for a backbone as it is: the run {where} has its own lengths and decoding")
        backbone = str(read_summary(folder).config["backbone"])
        return OpenedGenerator(Realizer.load(folder), folder.resolve().name, out or folder, backbone, True)
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
    return OpenedGenerator(Realizer.pretrained(where, like=like), out.resolve().name, out, where, False)


def _is_backbone(folder: Path) -> bool:
    """Whether a folder looks like one of ``save_pretrained``: a run folder's config.json names no kind of model."""
    try:
        return "model_type" in json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False
