"""The planner that training in conversations starts from: its run folder, and which member never saw which dialogue."""

import json
import shutil
from pathlib import Path
from typing import Any

from corpus.whole_file import replace_whole
from encoding.observation import Embedder, Observer
from planner.planner_files import READERS
from planner.remembered_embedder import RememberedEmbedder
from planner.strategy_planner import StrategyPlanner

FOLD_SEED = "fold_seed"  # in the configuration of a run that goes on from another one
_COMMANDS = ("planner", "dialogue")


def load_start(run: Path, *, embedder: Embedder | None = None) -> StrategyPlanner:
    """Loads a planner that embeds every message once and then looks it up.

    Args:
        run: Its run folder.
        embedder: As of :meth:`planner.strategy_planner.StrategyPlanner.load`.

    Raises:
        ValueError: No planner there, or the encoder is not the one it was trained with.
    """
    planner = StrategyPlanner.load(run, embedder=embedder)
    slower = planner.observer
    observer = Observer(
        RememberedEmbedder(slower.embedder), window=slower.window, max_strategies=slower.codec.max_strategies
    )
    return StrategyPlanner(planner.parts, observer=observer, readers=planner.readers, name=planner.name)


def read_fold_seed(run: Path, *, train: str) -> int:
    """The seed from which a planner's training drew the folds of the training dialogues.

    Args:
        run: Its run folder, or a folder in it (``cloned``).
        train: Digest of the training dialogues at hand.

    Raises:
        ValueError: No planner's run, or one on other training dialogues: nobody could say which member saw which.
    """
    # A planner in a run's folder (``cloned``) has its settings there, and the run's configuration above it.
    inside = not (run / "config.json").is_file() and (run / "planner.json").is_file()
    folder = run.resolve().parent if inside else run
    config, manifest = (_read(folder / name, run) for name in ("config.json", "manifest.json"))
    if config.get("command") not in _COMMANDS:
        raise ValueError(f"{run}: a run of train.py {config.get('command')}, expected a planner's")
    if manifest.get("corpus", {}).get("splits", {}).get("train") != train:
        raise ValueError(f"{run}: trained on other training dialogues than those of --data")
    seed = config.get(FOLD_SEED, config.get("seed"))
    if not isinstance(seed, int):
        raise ValueError(f"{run}: no trained planner, config.json is missing or damaged")
    return seed


def copy_readers(start: Path, out: Path) -> None:
    """Copies a run's readers into another run, where it has any: a run folder holds everything needed to use it."""
    source = (start if (start / READERS).is_file() else start.parent) / READERS
    if source.is_file():
        with replace_whole(out / READERS) as path:
            shutil.copyfile(source, path)


def _read(path: Path, run: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{run}: no trained planner, {path.name} is missing or damaged") from error
    if not isinstance(read, dict):
        raise ValueError(f"{run}: no trained planner, {path.name} is missing or damaged")
    return read
