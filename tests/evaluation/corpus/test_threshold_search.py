"""Human labels of conversations, and the thresholds of the quality filter that agree best with them."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from corpus.analysis.quality import Measurements, Thresholds
from corpus.errors import CorpusError
from evaluation.corpus.threshold_search import GRID, approved, labelled, read_human_labels, search_thresholds
from metrics.statistics.agreement import cohen_kappa


def written(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_columns_in_any_order_and_others_left_alone(tmp_path: Path) -> None:
    path = written(tmp_path, 'note,label,dialogue\n"two\nlines, one comma",approved,3\n, Reject ,1\nx,APPROVE,2\n')
    assert read_human_labels(path, numbers=[1, 2, 3, 4]) == {3: True, 1: False, 2: True}


def test_windows_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeffdialogue,label\r\n1,rejected\r\n\r\n2,approved\r\n")
    assert read_human_labels(path, numbers=range(1, 3)) == {1: False, 2: True}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("number,label\n1,approve\n", "line 1: no column 'dialogue', expected the columns dialogue, label"),
        ("dialogue,label\n1,approve\n9,approve\n", "line 3: field 'dialogue': no dialogue '9' in the data"),
        ("dialogue,label\none,approve\n", "line 2: field 'dialogue': no dialogue 'one' in the data"),
        ("dialogue,label\n1,unknown\n", "line 2: field 'label': got 'unknown', expected approved or rejected"),
        ("dialogue,label\n1\n", "line 2: field 'label': got '', expected approved or rejected"),
        ("dialogue,label\n1,reject\n1,reject\n", "line 3: field 'dialogue': dialogue 1 has two labels"),
        ("dialogue,label\n", "no labels, expected at least one line below the heading"),
        ("dialogue,label\n1," + "x" * 200_000, "line 2: not CSV (field larger than field limit (131072))"),
        (" \n", "empty file"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, problem: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(CorpusError) as error:
        read_human_labels(path, numbers=[1, 2])
    assert str(error.value).startswith(f"{path}: {problem}")


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"labels\.csv: cannot be read"):
        read_human_labels(tmp_path / "labels.csv", numbers=[1])


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
    found = search_thresholds(*labelled(measured, labels_by(measured, PLANTED)), start=Thresholds(), grid=SMALL_GRID)
    assert found.thresholds == PLANTED
    assert (found.kappa, found.tied) == (1, 1)
    assert found.tried == np.prod([len(values) for values in SMALL_GRID.values()])


def test_planted_thresholds_are_found_under_noise() -> None:
    rng = np.random.default_rng(1)
    measured = measurements(600, rng)
    labels = labels_by(measured, PLANTED)
    noisy = {number: yes ^ bool(rng.random() < 0.05) for number, yes in labels.items()}
    found = search_thresholds(*labelled(measured, noisy), start=Thresholds(), grid=SMALL_GRID)
    assert found.thresholds == PLANTED
    assert 0.5 < found.kappa < 1


def test_the_best_is_at_least_as_good_as_the_start_and_is_what_it_says() -> None:
    rng = np.random.default_rng(2)
    measured = measurements(40, rng)
    labels = {number: bool(rng.integers(2)) for number in range(1, 31)}  # of no relation, and not of all
    part, human = labelled(measured, labels)
    found = search_thresholds(part, human, start=Thresholds(), grid=SMALL_GRID)
    assert len(human) == 30
    assert found.kappa == cohen_kappa(human, approved(part, found.thresholds))
    assert found.kappa >= cohen_kappa(human, approved(part, Thresholds()))


def test_of_equally_good_ones_the_nearest_to_the_start_is_found() -> None:
    measured = measurements(3, np.random.default_rng(3))
    measured = dataclasses.replace(
        measured,
        values={name: np.array([20.0, 20.0, -5.0]) for name in measured.values},
    )
    start = Thresholds(empathy=4, supporter_criteria=2, last_ratings=3)
    found = search_thresholds(*labelled(measured, {1: True, 2: True, 3: False}), start=start)
    assert found.thresholds == start
    assert found.tied == found.tried == np.prod([len(values) for values in GRID.values()])


def test_detail_is_not_tried_where_nobody_gave_it() -> None:
    measured = measurements(50, np.random.default_rng(4), detail=False)
    found = search_thresholds(*labelled(measured, labels_by(measured, Thresholds())), start=Thresholds())
    assert found.tried == np.prod([len(values) for name, values in GRID.items() if name != "detail"])
    assert (found.thresholds, found.kappa) == (Thresholds(), 1)


@pytest.mark.parametrize("label", [True, False])
def test_labels_that_are_all_the_same(label: bool) -> None:
    measured = measurements(4, np.random.default_rng(5))
    with pytest.raises(ValueError, match="all human labels are the same, expected approved and rejected"):
        labelled(measured, dict.fromkeys(range(1, 5), label))
