"""The figures of all pages, each a function from numbers to an inline ``<svg>`` element; one is a picture file too.

The ``title`` of a figure is its text for screen readers; the page sets it as the caption too.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from corpus.files import replace_whole
from corpus.strategy import Strategy
from evaluation.report.figure_style import (
    DARK_STRATEGIES,
    FAINT,
    INK,
    PALE,
    SERIES_COLOURS,
    SERIES_LINES,
    SHORT_LABELS,
    STRATEGY_COLOURS,
    new_figure,
    quiet,
    shorten,
    svg,
)
from metrics.statistics.estimate import Estimate
from metrics.strategy.calibration import Reliability

HEAT = LinearSegmentedColormap.from_list("heat", ["#FFFFFF", "#CFDFEC", "#6F9DC4", "#2B5C8A", "#173450"])
GOLD = "gold"
_ROOM = 9  # percent of a bar that has room for a number
_LARGEST = 500.0  # points squared: the marker of a reliability bin that holds everything


@dataclass(frozen=True, slots=True)
class Panel:
    """A figure on the page: a finished ``<svg>`` element under its caption, over one or both columns."""

    caption: str
    svg: Markup
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a learning curve.

    Attributes:
        name: For the legend.
        steps: Places on the horizontal axis. Length: n.
        values: Heights. Length: n.
    """

    name: str
    steps: Sequence[float]
    values: Sequence[float]

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.values) or not len(self.steps):
            raise ValueError(f"series {self.name!r}: {len(self.steps)} steps for {len(self.values)} values")


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """One panel of training progress.

    Attributes:
        x_label: What a step is, e.g. ``environment steps``.
        y_label: What is measured, with its unit.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]


def confusion_figure(counts: np.ndarray, *, title: str) -> Markup:
    """Heat map of a confusion matrix, each row scaled to 100 %.

    Args:
        counts: Rows gold, columns predicted. Shape: (8, 8).
    """
    counts = np.asarray(counts)
    totals = counts.sum(axis=1)
    # A class absent from gold has an empty row, not a division by zero.
    shares = 100 * counts / np.maximum(totals, 1)[:, None]  # (8, 8) percent of the row
    with new_figure(5.2, 4.7) as figure:
        axes = figure.add_subplot()
        # Vector cells with white lines between them, not an image: sharp at any size and on paper.
        axes.pcolormesh(shares, cmap=HEAT, vmin=0, vmax=100, edgecolors="#FFFFFF", linewidth=1.5)
        axes.invert_yaxis()
        centres = np.arange(len(SHORT_LABELS)) + 0.5
        axes.set_xticks(centres, SHORT_LABELS, rotation=35, ha="right", rotation_mode="anchor")
        axes.set_yticks(centres, [f"{name} ({total:.0f})" for name, total in zip(SHORT_LABELS, totals, strict=True)])
        axes.set_xlabel("predicted")
        axes.set_ylabel("gold (messages)")
        for row, column in np.ndindex(shares.shape):
            share = shares[row, column]
            if totals[row]:
                colour = "#FFFFFF" if share > 45 else INK if share >= 0.5 else PALE
                weight = "bold" if row == column else "normal"
                axes.text(
                    column + 0.5, row + 0.5, f"{share:.0f}", ha="center", va="center", color=colour, size=8,
                    weight=weight,
                )  # fmt: skip
        axes.spines[:].set_visible(False)
        return svg(figure, title)


def progress_figure(panels: Mapping[str, np.ndarray], *, title: str) -> Markup:
    """Strategy distribution over the six intervals of a conversation, one panel beside the other.

    Args:
        panels: Heading -> counts, e.g. gold and a planner. Shape of each: (6, 8).
    """
    with _progress(panels) as figure:
        return svg(figure, title)


def save_progress(path: Path, panels: Mapping[str, np.ndarray]) -> None:
    """Writes the figure of :func:`progress_figure` as a picture on white, whole.

    Raises:
        ValueError: The name does not end in ``.png``.
    """
    if path.suffix != ".png":
        raise ValueError(f"{path}: expected a name that ends in .png")
    with _progress(panels) as figure, replace_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=160, facecolor="white", metadata={"Software": None})


def interval_figure(estimates: Mapping[str, Estimate], *, title: str, highlight: str | None) -> Markup:
    """A dot with its 95 % interval for every system: whether intervals overlap is seen at a glance.

    Args:
        estimates: System -> estimate of one metric, in the table's order.
        highlight: The system in colour; the others are grey.
    """
    with new_figure(5.2, 0.9 + 0.42 * len(estimates)) as figure:
        axes = figure.add_subplot()
        for place, (name, estimate) in enumerate(estimates.items()):
            colour = SERIES_COLOURS[0] if name == highlight else FAINT
            axes.plot([estimate.low, estimate.high], [place, place], color=colour, linewidth=2.2, alpha=0.55)
            axes.plot([estimate.value], [place], "o", color=colour, markersize=5.5)
        axes.set_yticks(range(len(estimates)), [shorten(name) for name in estimates])
        axes.set_ylim(len(estimates) - 0.4, -0.6)
        axes.margins(x=0.08)
        quiet(axes, grid="x")
        return svg(figure, title)


def plan_length_figure(lengths: Mapping[str, np.ndarray], *, title: str) -> Markup:
    """Bars of the share of plans with 1, 2, 3 and 4 or more messages.

    Args:
        lengths: System -> how many plans have length 0, 1, 2, ... Shape of each: (longest + 1,).
    """
    with new_figure(5.2, 3.6) as figure:
        axes = figure.add_subplot()
        width = 0.82 / len(lengths)
        for number, (name, counts) in enumerate(lengths.items()):
            counts = np.asarray(counts)
            grouped = np.array([counts[1:2].sum(), counts[2:3].sum(), counts[3:4].sum(), counts[4:].sum()])
            shares = 100 * grouped / max(counts.sum(), 1)
            places = np.arange(4) - 0.41 + width * (number + 0.5)
            bars = axes.bar(places, shares, width=width * 0.94, color=_series_colour(number, name), label=shorten(name))
            axes.bar_label(
                bars, [f"{share:.1f}" if share else "0" for share in shares], padding=2, fontsize=7, color=FAINT
            )
        axes.set_xticks(range(4), ["1 message", "2 messages", "3 messages", "4 or more"])
        axes.set_ylabel("share of turns, %")
        axes.set_ylim(0, 108)
        quiet(axes)
        axes.legend(frameon=False, loc="upper right")
        return svg(figure, title)


def learning_figure(curve: LearningCurve) -> Markup:
    """One panel of learning curves."""
    with new_figure(5.2, 3.1) as figure:
        axes = figure.add_subplot()
        for number, series in enumerate(curve.series):
            single = len(series.steps) == 1
            axes.plot(
                series.steps, series.values, SERIES_LINES[number % len(SERIES_LINES)], linewidth=1.8,
                color=SERIES_COLOURS[number % len(SERIES_COLOURS)], label=shorten(series.name),
                marker="o" if single or len(series.steps) <= 12 else None, markersize=3.5,
            )  # fmt: skip
        axes.set_xlabel(curve.x_label)
        axes.set_ylabel(curve.y_label)
        axes.margins(x=0.03, y=0.12)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(_thousands))
        quiet(axes)
        if len(curve.series) > 1:
            axes.legend(frameon=False)
        return svg(figure, f"{curve.title}: {curve.y_label} over {curve.x_label}")


@contextmanager
def _progress(panels: Mapping[str, np.ndarray]) -> Iterator[Figure]:
    """The drawing behind :func:`progress_figure`, to be saved within the block."""
    with new_figure(4.1 * len(panels) + 1.5, 4.0) as figure:
        all_axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (heading, counts) in zip(all_axes, panels.items(), strict=True):
            _stack(axes, np.arange(len(counts)), counts)
            axes.set_title(shorten(heading))
            axes.set_xticks(range(len(counts)), [f"{place}/6" for place in range(1, len(counts) + 1)])
            axes.set_xlabel("conversation progress, up to")
        all_axes[0].set_ylabel("share of strategies, %")
        _stack_legend(figure, all_axes[0])
        yield figure


def _stack(axes: Axes, places: np.ndarray, counts: np.ndarray) -> None:
    """Bars of the strategies' shares at every place, one on top of the other; ``counts`` has shape (places, 8)."""
    counts = np.asarray(counts)
    shares = 100 * counts / np.maximum(counts.sum(axis=1), 1e-9)[:, None]  # (places, 8) percent of the place
    bottom = np.zeros(len(shares))
    for strategy in Strategy:
        heights = shares[:, strategy]
        axes.bar(
            places, heights, bottom=bottom, width=0.86, color=STRATEGY_COLOURS[strategy], edgecolor="#FFFFFF",
            linewidth=0.7, label=SHORT_LABELS[strategy],
        )  # fmt: skip
        colour = "#FFFFFF" if strategy in DARK_STRATEGIES else INK
        for place, height, base in zip(places, heights, bottom, strict=True):
            if height >= _ROOM:
                axes.text(place, base + height / 2, f"{height:.0f}", ha="center", va="center", color=colour, size=7.5)
        bottom += heights
    axes.set_ylim(0, 100)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _stack_legend(figure: Figure, axes: Axes) -> None:
    """The strategies beside the bars, from the top of the stack to its foot."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles[::-1], labels[::-1], loc="outside right center", frameon=False, handlelength=1.0, handleheight=1.0,
        labelspacing=0.7,
    )  # fmt: skip


def _series_colour(number: int, name: str) -> str:
    """Gold, the yardstick, is grey; systems take the colours in order."""
    return PALE if name == GOLD else SERIES_COLOURS[(number - 1) % len(SERIES_COLOURS)]


def _thousands(value: float, _position: int) -> str:
    """12,000 as ``12k``, 1,500,000 as ``1.5M``: axis labels that do not collide."""
    for size, sign in ((1_000_000, "M"), (1_000, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{sign}"
    return f"{value:g}"


def reliability_figure(curves: Mapping[str, Reliability], *, title: str) -> Markup:
    """Accuracy over confidence, one line a system; honest probabilities lie on the diagonal.

    Args:
        curves: System -> curve. The size of a marker is the share of the decisions that its bin holds.
    """
    with new_figure(5.2, 4.4) as figure:
        axes = figure.add_subplot()
        axes.plot([0, 100], [0, 100], color=PALE, linewidth=1.2, linestyle="--")
        axes.text(98, 85, "calibrated", ha="right", va="top", color=FAINT, size=8)
        for place, (name, curve) in enumerate(curves.items()):
            colour = SERIES_COLOURS[place % len(SERIES_COLOURS)]
            shares = curve.items / max(curve.items.sum(), 1)
            axes.plot(
                100 * curve.confidence, 100 * curve.accuracy, SERIES_LINES[place % len(SERIES_LINES)], color=colour,
                linewidth=1.3, label=shorten(name),
            )  # fmt: skip
            sizes = np.maximum(_LARGEST * shares, 8.0)
            axes.scatter(100 * curve.confidence, 100 * curve.accuracy, s=sizes, color=colour, zorder=3, linewidths=0)
        axes.set_xlabel("confidence: probability of the likeliest strategy, %")
        axes.set_ylabel("right, %")
        axes.set_xlim(0, 100)
        axes.set_ylim(0, 100)
        quiet(axes)
        axes.legend(frameon=False, loc="upper left")
        return svg(figure, title)


def curve_figure(curves: Mapping[str, Sequence[Estimate]], *, first: int, title: str, y_label: str) -> Markup:
    """One line a system over supporter turns, its 95 % interval as a band.

    Args:
        curves: System -> estimate after each turn.
        first: Turn of the first estimate.
        y_label: What is measured, with its unit.
    """
    with new_figure(5.2, 3.6) as figure:
        axes = figure.add_subplot()
        for number, (name, estimates) in enumerate(curves.items()):
            colour = SERIES_COLOURS[number % len(SERIES_COLOURS)]
            turns = np.arange(first, first + len(estimates))
            axes.fill_between(
                turns, [one.low for one in estimates], [one.high for one in estimates], color=colour, alpha=0.12,
                linewidth=0,
            )  # fmt: skip
            axes.plot(
                turns, [one.value for one in estimates], SERIES_LINES[number % len(SERIES_LINES)], color=colour,
                linewidth=1.8, label=shorten(name),
            )  # fmt: skip
        axes.set_xlabel("supporter turns")
        axes.set_ylabel(y_label)
        axes.margins(x=0.02)
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        quiet(axes)
        axes.legend(frameon=False, fontsize=8)
        return svg(figure, title)


def flow_figure(panels: Mapping[str, np.ndarray], *, title: str) -> Markup:
    """Shares of the strategies in each supporter turn, one panel below the other.

    Args:
        panels: Heading -> counts. Shape of each: (turns, 8).
    """
    with new_figure(8.6, 0.6 + 2.5 * len(panels)) as figure:
        all_axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
        for axes, (heading, counts) in zip(all_axes, panels.items(), strict=True):
            turns = np.arange(1, len(counts) + 1)
            _stack(axes, turns, counts)
            axes.set_title(shorten(heading))
            axes.set_xticks(turns)
        all_axes[-1].set_xlabel("supporter turn")
        all_axes[0].set_ylabel("share of strategies, %")
        _stack_legend(figure, all_axes[0])
        return svg(figure, title)
