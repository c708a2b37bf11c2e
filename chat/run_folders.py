"""A system from run folders: which of them is the planner and which the generator is seen from their contents."""

import json
from collections.abc import Sequence
from pathlib import Path

from chat.memory_encoder import MemoryEncoder
from chat.system import System
from encoding.text_encoder import SentenceEncoder
from generator.quiet import quiet_transformers
from generator.realizer import Realizer
from planner.strategy_planner import StrategyPlanner

_PLANNER, _GENERATOR = "planner.json", "generator.json"  # what a finished run of either kind holds


def load_system(runs: Sequence[Path], *, name: str | None = None) -> System:
    """Loads run folders, in any order.

    Args:
        runs: A generator's run folder, and usually a planner's. A folder that holds both as ``planner`` and
            ``generator``, as the quickstart's does, stands for its two.
        name: Name of the system; by default those of the folders.

    Raises:
        ValueError: A folder is neither, there are two of one kind, or there is no generator.
    """
    found: dict[str, Path] = {}
    for run in (part for folder in runs for part in _parts(folder)):
        kinds = [kind for kind in (_PLANNER, _GENERATOR) if (run / kind).is_file()]
        if not kinds:
            raise ValueError(f"{run}: no finished run, expected {_PLANNER} or {_GENERATOR} in it")
        if kinds[0] in found:
            raise ValueError(f"{run} and {found[kinds[0]]}: two runs of one kind, expected a planner and a generator")
        found[kinds[0]] = run
    if _GENERATOR not in found:
        raise ValueError("no generator given, expected the run folders of a planner and a generator")
    return System(
        name or "+".join(found[kind].resolve().name for kind in (_PLANNER, _GENERATOR) if kind in found),
        Realizer.load(found[_GENERATOR]),
        _load_planner(found[_PLANNER]) if _PLANNER in found else None,
    )


def _load_planner(run: Path) -> StrategyPlanner:
    """The planner with its encoder loaded now, not at a person's first message, and without the cache on disk."""
    try:
        name = json.loads((run / _PLANNER).read_text(encoding="utf-8"))["encoder"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{run / _PLANNER}: damaged ({type(error).__name__}: {error})") from error
    with quiet_transformers():
        return StrategyPlanner.load(run, embedder=MemoryEncoder(SentenceEncoder(name)))


def _parts(folder: Path) -> list[Path]:
    parts = [folder / "planner", folder / "generator"]
    return parts if all(part.is_dir() for part in parts) else [folder]
