"""Which systems make up which row of a table: a baseline or the oracle alone, a trained planner with all its seeds."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from corpus.strategy import Strategy
from evaluation.plan_source import ScoredItem, gold_plan
from planner.plan import Planner

_CONFIG = "config.json"


@dataclass(frozen=True)
class PlanTable:
    """One plan for every item of a benchmark, in the items' order. It is looked up where a planner is asked.

    Attributes:
        name: What tables and JSON call it.
        plans: In the message protocol of one strategy each. Length: N.
    """

    name: str
    plans: tuple[tuple[Strategy, ...], ...]


System = Planner | PlanTable


def oracle(items: Sequence[ScoredItem]) -> PlanTable:
    """The annotated plans of the items, uncut, as a system called ``gold``: the ceiling of both protocols."""
    return PlanTable("gold", tuple(gold_plan(item) for item in items))


def planner_rows(
    planners: Sequence[System], trained: Sequence[Planner], *, items: int
) -> dict[str, tuple[System, ...]]:
    """Rows by name, in order: each planner its own, then the trained ones, those of one name together.

    Args:
        planners: Baselines, plan tables, and whatever else stands for itself.
        trained: Trained planners; those of one name are runs of one system, and are averaged.
        items: How many items there are to decide.

    Raises:
        ValueError: No items, no planners, or two of one name that are not runs of one system.
    """
    if not items or not (planners or trained):
        raise ValueError(f"nothing to evaluate: {len(planners) + len(trained)} planners, {items} items")
    names = [planner.name for planner in planners]
    names += dict.fromkeys(planner.name for planner in trained)
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two planners are called {repeated[0]!r}; each needs its own name in the table")
    return {name: tuple(one for one in (*planners, *trained) if one.name == name) for name in names}


def with_progress(rows: Mapping[str, Sequence[System]], what: str) -> Iterator[tuple[str, Sequence[System]]]:
    """The rows behind a progress bar on stderr; no bar where stderr is not a terminal."""
    bar = tqdm(rows.items(), desc=what, unit="planner", disable=None)
    for name, runs in bar:
        bar.set_postfix_str(name)
        yield name, runs


def check_runs(folders: Sequence[Path]) -> dict[str, tuple[Path, ...]]:
    """Groups run folders by name, and sees to it that those of one name differ in nothing but the seed.

    A mean over different settings would be the score of no planner. Settings are compared by the ``config.json`` of
    the folder, or of the one it lies in (``RUN/cloned``); folders without any are taken as they are.

    Raises:
        ValueError: A folder is given twice, or two of one name were trained with different settings.
    """
    groups: dict[str, tuple[Path, ...]] = {}
    for folder in folders:
        name = folder.resolve().name
        if any(folder.resolve() == other.resolve() for other in groups.get(name, ())):
            raise ValueError(f"{folder} is given twice")
        groups[name] = (*groups.get(name, ()), folder)
    for name, group in groups.items():
        known = [(folder, settings) for folder in group if (settings := _settings(folder))]
        for folder, settings in known[1:]:
            first, expected = known[0]
            if differing := sorted(key for key in {*expected, *settings} if expected.get(key) != settings.get(key)):
                raise ValueError(
                    f"{first} and {folder} are both called {name!r} but differ in {', '.join(differing)}: "
                    "only runs that differ in their seed are averaged"
                )
    return groups


def _settings(folder: Path) -> dict[str, Any]:
    """The settings a run was trained with, but for the seed; empty where it has no file of them."""
    for place in (folder / _CONFIG, folder.resolve().parent / _CONFIG):
        if place.is_file():
            try:
                settings = dict(json.loads(place.read_text(encoding="utf-8"))["config"])
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{place}: damaged run ({type(error).__name__}: {error})") from error
            return {key: value for key, value in settings.items() if key != "seed"}
    return {}
