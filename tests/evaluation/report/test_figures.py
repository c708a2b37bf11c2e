"""Figures say what they show and are the same bytes every time."""

import warnings
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from evaluation.report.figure_style import SHORT_LABELS, STRATEGY_COLOURS, shorten
from evaluation.report.figures import (
    LearningCurve,
    Series,
    confusion_figure,
    interval_figure,
    learning_figure,
    plan_length_figure,
    progress_figure,
    reliability_figure,
)
from metrics.statistics.estimate import Estimate
from metrics.strategy.calibration import Reliability

SVG = "{http://www.w3.org/2000/svg}"


def texts(figure: str) -> list[str]:
    """The texts of a figure, which must be one well-formed element."""
    root = ElementTree.fromstring(figure)
    assert root.tag == f"{SVG}svg"
    return ["".join(element.itertext()).strip() for element in root.iter(f"{SVG}text")]


def curve(*series: Series) -> LearningCurve:
    return LearningCurve("PPO", "environment steps", "LR, %", series)


CURVE = Reliability(np.array([0.3, 0.5]), np.array([0.25, 0.75]), np.array([8, 4]))
ALL = {
    "confusion": lambda: confusion_figure(np.arange(64).reshape(8, 8), title="Confusion"),
    "progress": lambda: progress_figure({"gold": np.ones((6, 8)), "run": np.eye(6, 8)}, title="Progress"),
    "lengths": lambda: plan_length_figure({"gold": np.array([0, 3, 1]), "run": np.array([0, 4])}, title="Lengths"),
    "intervals": lambda: interval_figure({"random": Estimate(1.0, 0.5, 2.0)}, title="Intervals", highlight=None),
    "reliability": lambda: reliability_figure({"run": CURVE}, title="Reliability"),
    "learning": lambda: learning_figure(curve(Series("train", [1, 2], [3.0, 2.0]), Series("valid", [2], [2.5]))),
}


@pytest.mark.parametrize("name", ALL)
def test_figures_are_quiet_guests(name: str):
    before = dict(matplotlib.rcParams)
    first, second = ALL[name](), ALL[name]()
    texts(first)
    assert first == second  # same numbers, same bytes
    assert dict(matplotlib.rcParams) == before
    assert "<style" not in first and "<image" not in first and "<?xml" not in first
    assert 'role="img"' in first and "aria-label=" in first


def test_confusion_rows_add_up_and_empty_rows_stay_empty():
    counts = np.zeros((8, 8), dtype=int)
    counts[0, 0], counts[0, 7] = 3, 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = texts(confusion_figure(counts, title="t"))
    assert shown.count("75") == 1 and shown.count("25") == 1
    assert shown.count("0") == 6  # the rest of the one row with messages, nothing in the others
    assert "Question (4)" in shown and "Others (0)" in shown
    assert set(SHORT_LABELS) <= set(shown)


def test_reliability_names_its_systems_and_the_diagonal():
    shown = texts(reliability_figure({"run-a": CURVE, "run-b": CURVE}, title="t"))
    assert {"run-a", "run-b", "calibrated"} <= set(shown)


def test_progress_numbers_and_legend():
    counts = np.zeros((6, 8))
    counts[:, 0], counts[:, 5] = 3, 1
    shown = texts(progress_figure({"gold": counts}, title="t"))
    assert shown.count("75") == 6 and shown.count("25") == 6
    assert set(SHORT_LABELS) <= set(shown)


def test_plan_lengths_are_shares_of_turns():
    shown = texts(plan_length_figure({"gold": np.array([0, 6, 2, 1, 0, 0, 1])}, title="t"))
    assert {"60.0", "20.0", "10.0", "1 message", "4 or more"} <= set(shown)
    assert shown.count("10.0") == 2  # three messages; six count as four or more


def test_large_steps_are_short():
    shown = texts(learning_figure(curve(Series("valid", [0, 2_000_000], [1.0, 2.0]))))
    assert "2M" in shown


def test_names_are_escaped_and_long_ones_shortened():
    name = "<script>&" + "x" * 40 + "-all-in-one"
    figure = interval_figure({name: Estimate(1.0, 0.5, 2.0)}, title='<b>"t"</b>', highlight=name)
    assert "<script>" not in figure and "<b>" not in figure
    assert shorten(name) in texts(figure)
    assert len(shorten(name)) == 24 and shorten(name).endswith("-all-in-one") and shorten("short") == "short"


def test_series_check_themselves():
    with pytest.raises(ValueError, match="series 'train': 2 steps for 1 values"):
        Series("train", [1, 2], [1.0])
    with pytest.raises(ValueError, match="series 'train': 0 steps"):
        Series("train", [], [])


def test_eight_different_colours():
    assert len(set(STRATEGY_COLOURS)) == len(STRATEGY_COLOURS) == 8
