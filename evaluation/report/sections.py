"""One protocol's part of the report page, as the template takes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluation.report.figures import interval_figure
from evaluation.report.tables import Table
from evaluation.result import EvaluationResult


@dataclass(frozen=True, slots=True)
class Panel:
    """A figure on the page: a finished ``<svg>`` element under its caption, over one or both columns."""

    caption: str
    svg: Markup
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One protocol's part of the page: the main table, further ones with captions, figures, what others report."""

    heading: str
    introduction: str
    table: Table
    published: tuple[Table, ...]
    panels: tuple[Panel, ...]
    signature: str
    further: tuple[Table, ...] = ()


def check_known(own: Sequence[str], result: EvaluationResult) -> None:
    """Refuses names of trained planners that were not scored.

    Raises:
        ValueError: One is in no table.
    """
    if unknown := [name for name in own if name not in result.systems]:
        raise ValueError(f"no planner {unknown[0]!r} in the {result.protocol} results: {', '.join(result.systems)}")


def interval_panel(result: EvaluationResult, own: Sequence[str], metric: str, caption: str) -> Panel:
    """All systems but gold in one metric, with their intervals; the first trained one in colour."""
    estimates = {name: scores[metric] for name, scores in result.systems.items() if name != "gold"}
    figure = interval_figure(estimates, title=caption, highlight=own[0] if own else None)
    return Panel(caption, Markup(figure))
