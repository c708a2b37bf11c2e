import dataclasses

import numpy as np
import pytest

from corpus.analysis.quality import Measurements, Thresholds
from evaluation.corpus.threshold_search import GRID, approved, labelled, search_thresholds
from metrics.statistics.agreement import cohen_kappa


def measurements(count: int, rng: np.random.Generator, *, detail: bool = True) -> Measurements:
    """Conversations of all kinds, all with a survey."""
    values = {
        "improvement": rng.integers(-1, 4, count).astype(float),
        "supporter_words": rng.uniform(2, 16, count),
        "empathy": rng.integers(1, 6, count).astype(float),
        "relevance": rng.integers(1, 6, count).astype(float),
        "seeker_words": rng.uniform(2, 14, count),
        "detail": rng.integers(1, 6, count).astype(float) if detail else np.full(count, np.nan),
        "last_ratings": np.full(count, np.nan),
    }
    return Measurements(np.arange(1, count + 1), values, np.zeros(count, int), np.ones(count, bool))


def labels_by(measured: Measurements, thresholds: Thresholds) -> dict[int, bool]:
    said = approved(measured, thresholds)
    return {int(number): bool(yes) for number, yes in zip(measured.number, said, strict=True)}


SMALL_GRID: dict[str, tuple[float | None, ...]] = {
    "improvement": (1, 2),
    "supporter_words": (8, 10),
    **{name: GRID[name] for name in ("empathy", "relevance", "seeker_words")},
    "detail": (None, 2, 3),
}
PLANTED = Thresholds(improvement=2, supporter_words=10, empathy=4, relevance=3, seeker_words=4, detail=2)


def test_planted_thresholds_are_found() -> None:
    measured = measurements(400, np.random.default_rng(0))
    found = search_thresholds(measured, labels_by(measured, PLANTED), start=Thresholds(), grid=SMALL_GRID)
    assert found.thresholds == PLANTED
    assert (found.kappa, found.tied) == (1, 1)
    assert found.tried == np.prod([len(values) for values in SMALL_GRID.values()])


def test_planted_thresholds_are_found_under_noise() -> None:
    rng = np.random.default_rng(1)
    measured = measurements(600, rng)
    labels = labels_by(measured, PLANTED)
    noisy = {number: yes ^ bool(rng.random() < 0.05) for number, yes in labels.items()}
    found = search_thresholds(measured, noisy, start=Thresholds(), grid=SMALL_GRID)
    assert found.thresholds == PLANTED
    assert 0.5 < found.kappa < 1


def test_the_best_is_at_least_as_good_as_the_start_and_is_what_it_says() -> None:
    rng = np.random.default_rng(2)
    measured = measurements(40, rng)
    labels = {number: bool(rng.integers(2)) for number in range(1, 31)}  # of no relation, and not of all
    found = search_thresholds(measured, labels, start=Thresholds(), grid=SMALL_GRID)
    part, human = labelled(measured, labels)
    assert len(human) == 30
    assert found.kappa == cohen_kappa(human, approved(part, found.thresholds))
    assert found.kappa >= cohen_kappa(human, approved(part, Thresholds()))


def test_of_equally_good_ones_the_nearest_to_the_start_is_kept() -> None:
    measured = measurements(3, np.random.default_rng(3))
    measured = dataclasses.replace(
        measured,
        values={name: np.array([20.0, 20.0, -5.0]) for name in measured.values},
    )
    start = Thresholds(empathy=4, supporter_criteria=2, last_ratings=3)
    found = search_thresholds(measured, {1: True, 2: True, 3: False}, start=start)
    assert found.thresholds == start
    assert found.tied == found.tried == np.prod([len(values) for values in GRID.values()])


def test_detail_is_not_tried_where_nobody_gave_it() -> None:
    measured = measurements(50, np.random.default_rng(4), detail=False)
    found = search_thresholds(measured, labels_by(measured, Thresholds()), start=Thresholds())
    assert found.tried == np.prod([len(values) for name, values in GRID.items() if name != "detail"])
    assert (found.thresholds, found.kappa) == (Thresholds(), 1)


@pytest.mark.parametrize("label", [True, False])
def test_labels_that_are_all_the_same(label: bool) -> None:
    measured = measurements(4, np.random.default_rng(5))
    with pytest.raises(ValueError, match="all human labels are the same, expected approved and rejected"):
        search_thresholds(measured, dict.fromkeys(range(1, 5), label), start=Thresholds())
