"""Figures of simulated conversations: curves over turns with their intervals, and the flow of strategies."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import MaxNLocator

from corpus.strategy import Strategy
from evaluation.figure_style import (
    DARK_STRATEGIES,
    INK,
    SERIES_COLOURS,
    SERIES_LINES,
    SHORT_LABELS,
    STRATEGY_COLOURS,
    new_figure,
    quiet,
    shorten,
    svg,
)
from metrics.estimate import Estimate

_ROOM = 9  # percent of a bar that has room for a number


def curve_figure(curves: Mapping[str, Sequence[Estimate]], *, first: int, title: str, y_label: str) -> str:
    """One line a system over supporter turns, its 95 % interval as a band.

    Args:
        curves: System -> estimate after each turn.
        first: Turn of the first estimate.
        title: Text for screen readers; the page sets it as the caption too.
        y_label: What is measured, with its unit.

    Returns:
        An ``<svg>`` element.
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


def flow_figure(panels: Mapping[str, np.ndarray], *, title: str) -> str:
    """Shares of the strategies in each supporter turn, one panel below the other.

    Args:
        panels: Heading -> counts. Shape of each: (turns, 8).
        title: Text for screen readers; the page sets it as the caption too.

    Returns:
        An ``<svg>`` element.
    """
    with new_figure(8.6, 0.6 + 2.5 * len(panels)) as figure:
        all_axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
        for axes, (heading, counts) in zip(all_axes, panels.items(), strict=True):
            shares = 100 * counts / np.maximum(counts.sum(axis=1), 1e-9)[:, None]  # (turns, 8) percent of the turn
            bottom = np.zeros(len(shares))
            turns = np.arange(1, len(shares) + 1)
            for strategy in Strategy:
                heights = shares[:, strategy]
                axes.bar(
                    turns, heights, bottom=bottom, width=0.86, color=STRATEGY_COLOURS[strategy], edgecolor="#FFFFFF",
                    linewidth=0.7, label=SHORT_LABELS[strategy],
                )  # fmt: skip
                colour = "#FFFFFF" if strategy in DARK_STRATEGIES else INK
                for turn, height, base in zip(turns, heights, bottom, strict=True):
                    if height >= _ROOM:
                        axes.text(
                            turn, base + height / 2, f"{height:.0f}", ha="center", va="center", color=colour, size=7.5
                        )
                bottom += heights
            axes.set_title(shorten(heading))
            axes.set_xticks(turns)
            axes.set_ylim(0, 100)
            axes.spines[["top", "right", "left"]].set_visible(False)
        all_axes[-1].set_xlabel("supporter turn")
        all_axes[0].set_ylabel("share of strategies, %")
        handles, labels = all_axes[0].get_legend_handles_labels()
        # Reversed: the legend reads from the top of the stack to its foot.
        figure.legend(
            handles[::-1], labels[::-1], loc="outside right center", frameon=False, handlelength=1.0, handleheight=1.0,
        )  # fmt: skip
        return svg(figure, title)
