"""One look for all figures: a light ground, colours that print and that colour-blind people can tell apart, inline SVG.

Figure objects only, no pyplot: nothing global is left behind. Text stays text (searchable, and in the page's own font).
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any, Literal

import matplotlib
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from corpus.strategy import Strategy

# Paul Tol's qualitative scheme "muted" (technical note SRON/EPS/TN/09-002), safe for colour-blind people; a pale
# grey goes to Others, the strategy that says least.
STRATEGY_COLOURS: tuple[str, ...] = (
    "#332288", "#88CCEE", "#AA4499", "#CC6677", "#44AA99", "#DDCC77", "#999933", "#D5D5D5",
)  # fmt: skip
DARK_STRATEGIES = (0, 2, 3)  # classes whose colour takes white letters
SERIES_COLOURS: tuple[str, ...] = ("#2B5C8A", "#C8693A", "#44AA99", "#AA4499", "#999933", "#555555")
# A second sign beside the colour, for grey printers; one style in four, one colour in six: twelve series differ.
SERIES_LINES: tuple[str, ...] = ("-", "--", "-.", ":")
INK, FAINT, GRID, PALE = "#22303C", "#5B6976", "#E3E8EC", "#B4BFC8"

SHORT_LABELS: tuple[str, ...] = tuple(strategy.short_label for strategy in Strategy)  # in class order

_FONT = "DejaVu Sans"  # ships with matplotlib, and wider than a page's font: what fits here fits there

_LONGEST = 24  # letters of a system's name in a figure

_STYLE: Any = {  # matplotlib types the keys one by one
    "svg.fonttype": "none",
    "svg.hashsalt": "evaluation",  # same figure, same bytes
    "font.family": _FONT,
    "font.size": 9.0,
    "axes.edgecolor": PALE,
    "axes.linewidth": 0.8,
    "axes.labelcolor": FAINT,
    "axes.titlecolor": INK,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10.0,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}


def quiet(axes: Axes, *, grid: Literal["x", "y"] = "y") -> None:
    """Grid lines across one axis only, behind the data; no frame."""
    axes.grid(axis=grid, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)


def shorten(name: str) -> str:
    """A system's name that fits beside an axis: its middle gives way, because run names differ at their ends."""
    return name if len(name) <= _LONGEST else f"{name[:12]}…{name[-(_LONGEST - 13) :]}"


@contextmanager
def new_figure(width: float, height: float) -> Iterator[Figure]:
    """A figure in the report's style, inches; the style is undone afterwards."""
    with matplotlib.rc_context(_STYLE):
        yield Figure(figsize=(width, height), layout="constrained", facecolor="none")


def svg(figure: Figure, title: str) -> Markup:
    """The figure as an ``<svg>`` element that scales with the page and has a name for screen readers."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    element = text[text.index("<svg") :].strip()
    # All figures share one page: no rules that reach beyond the figure, no names that nothing refers to.
    element = re.sub(r"<style.*?</style>", "", element, flags=re.DOTALL)
    element = re.sub(r' id="([^"]*)"', lambda match: match[0] if f"#{match[1]}" in text else "", element)
    element = element.replace(f"'{_FONT}'", "var(--figure-font)")  # the page decides the font
    return Markup(element.replace("<svg", f'<svg role="img" aria-label="{escape(title, quote=True)}"', 1))
