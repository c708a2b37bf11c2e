"""The reliability curve: how often a planner is right when it is so confident."""

from collections.abc import Mapping

import numpy as np

from evaluation.figure_style import FAINT, PALE, SERIES_COLOURS, SERIES_LINES, new_figure, quiet, shorten, svg
from metrics.calibration import Reliability

_LARGEST = 500.0  # points squared: the marker of a bin that holds everything


def reliability_figure(curves: Mapping[str, Reliability], *, title: str) -> str:
    """Accuracy over confidence, one line a system; honest probabilities lie on the diagonal.

    Args:
        curves: System -> curve. The size of a marker is the share of the decisions that its bin holds.
        title: Text for screen readers; the page sets it as the caption too.

    Returns:
        An ``<svg>`` element.
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
