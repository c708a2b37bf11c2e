"""What a benchmark of planners compares, under either protocol, and the scoring that both protocols share."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from tqdm import tqdm

from evaluation.differences import REFERENCE, Differences, differences_to_reference
from evaluation.plan_source import PlannedSystem, PlanTable, ScoredItem, oracle
from evaluation.planner.speed import mean_speed
from metrics.statistics.bootstrap import Tally, mean_tally, run_estimates
from metrics.statistics.estimate import Estimate
from planner.plan import Planner

_CONFIG = "config.json"
Prediction = TypeVar("Prediction")


@dataclass(frozen=True)
class BenchmarkSetup:
    """Which planners are compared on which data.

    Attributes:
        split: Part of the corpus, for the result.
        data: What identifies the data in the signature, e.g. name and shortened digest.
        planners: Baselines, with different names; each is a row of its own.
        oracle: Whether the annotated plans are a row too, the ceiling.
        trained: Trained planners; those of one name are runs (seeds) of one system, and their mean is one row.
        reference: System that differences of the trained planners are measured to.
        samples: Bootstrap resamples.
    """

    split: str
    data: str
    planners: tuple[Planner, ...] = ()
    oracle: bool = False
    trained: tuple[Planner, ...] = ()
    reference: str = REFERENCE
    samples: int = 1000

    @property
    def own(self) -> tuple[str, ...]:
        """Names of the trained systems."""
        return tuple(dict.fromkeys(planner.name for planner in self.trained))

    def rows(self, items: Sequence[ScoredItem]) -> dict[str, tuple[PlannedSystem, ...]]:
        """Systems by name, in order: baselines, the oracle, then trained planners with all their runs.

        Raises:
            ValueError: No items, no planners, or two of one name that are not runs of one system.
        """
        alone: list[PlannedSystem] = [*self.planners, *([oracle(items)] if self.oracle else [])]
        if not items or not (alone or self.trained):
            raise ValueError(f"nothing to evaluate: {len(alone) + len(self.trained)} planners, {len(items)} items")
        names = [system.name for system in alone] + list(self.own)
        if repeated := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"two planners are called {repeated[0]!r}; each needs its own name in the table")
        return {name: tuple(one for one in (*alone, *self.trained) if one.name == name) for name in names}


@dataclass(frozen=True)
class ScoredSystems(Generic[Prediction]):
    """What both protocols make of a setup.

    Attributes:
        predictions: System -> prediction of each of its runs.
        systems: System -> metric -> estimate, speed included.
    """

    predictions: Mapping[str, tuple[Prediction, ...]]
    systems: Mapping[str, Mapping[str, Estimate]]
    differences: Differences
    seconds: float


def score_systems(
    setup: BenchmarkSetup,
    items: Sequence[ScoredItem],
    *,
    predict: Callable[[PlannedSystem], Prediction],
    tally: Callable[[Prediction], Tally],
    measure: Callable[[Planner, np.random.Generator], Mapping[str, Estimate]],
    compared: Sequence[str],
    rng: np.random.Generator,
) -> ScoredSystems[Prediction]:
    """Predicts with every system of a setup, scores it on the same resampled dialogues as all others, and times it.

    Args:
        tally: Everything that a run's decisions are scored in.
        measure: Speed of a planner that is warm; a plan table has none.
        compared: Metrics of the differences to the reference.
        rng: For bootstrap and speed.

    Raises:
        ValueError: As :meth:`BenchmarkSetup.rows`.
    """
    start = time.perf_counter()
    rows = setup.rows(items)
    seed = int(rng.integers(2**63))
    predictions: dict[str, tuple[Prediction, ...]] = {}
    tallies: dict[str, Tally] = {}
    systems: dict[str, dict[str, Estimate]] = {}
    bar = tqdm(rows.items(), unit="planner", disable=None)
    for name, runs in bar:
        bar.set_postfix_str(name)
        predictions[name] = tuple(predict(system) for system in runs)
        of_runs = [tally(prediction) for prediction in predictions[name]]
        tallies[name] = mean_tally(of_runs)
        scores = run_estimates(of_runs, rng=np.random.default_rng(seed), samples=setup.samples)
        speeds = [measure(one, np.random.default_rng(seed)) for one in runs if not isinstance(one, PlanTable)]
        systems[name] = {**scores, **mean_speed(speeds)}
    differences = differences_to_reference(
        tallies, setup.own, reference=setup.reference, metrics=compared, seed=seed, samples=setup.samples
    )
    return ScoredSystems(predictions, systems, differences, round(time.perf_counter() - start, 2))


def check_runs(folders: Sequence[Path]) -> None:
    """Refuses run folders of one name that differ in more than the seed.

    A mean over different settings would be the score of no planner. Settings are compared by the ``config.json`` of
    the folder, or of the one it lies in (``RUN/cloned``); folders without any are taken as they are.

    Raises:
        ValueError: A folder is given twice, or two of one name were trained with different settings.
    """
    seen: set[Path] = set()
    of_name: dict[str, tuple[Path, dict[str, Any]]] = {}
    for folder in folders:
        place = folder.resolve()
        if place in seen:
            raise ValueError(f"{folder} is given twice")
        seen.add(place)
        if settings := _settings(folder):
            first, expected = of_name.setdefault(place.name, (folder, settings))
            if differing := sorted(key for key in {*expected, *settings} if expected.get(key) != settings.get(key)):
                raise ValueError(
                    f"{first} and {folder} are both called {place.name!r} but differ in {', '.join(differing)}: "
                    "only runs that differ in their seed are averaged"
                )


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
