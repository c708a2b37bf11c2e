"""Simulated conversations as one self-contained HTML page: the table, the curves, and conversations to read.

Figures of simulated conversations: curves over turns with their intervals, and the flow of strategies.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from corpus.dialogue import Role
from corpus.files import write_whole
from corpus.strategy import Strategy
from evaluation.dialogue.benchmark import DialogueBenchmark, problems
from evaluation.dialogue.console import TITLE, exploit_lines
from evaluation.dialogue.policies import GOLD
from evaluation.dialogue.transcripts import transcript_turns
from evaluation.metric_names import REPORT_COLUMNS
from evaluation.report.figure_style import (
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
from evaluation.report.figures import interval_figure
from evaluation.report.sections import Panel
from evaluation.report.tables import Table, difference_table, measured_table
from metrics.statistics.estimate import Estimate

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


_READ = 3  # conversations shown of each trained planner and of the gold replay
_FLOWS = 4  # systems whose strategies are shown


def write_dialogue_report(
    path: Path,
    benchmark: DialogueBenchmark,
    *,
    facts: Sequence[tuple[str, str]],
    alone: DialogueBenchmark | None = None,
) -> None:
    """Writes the page, whole.

    Args:
        path: The HTML file.
        benchmark: What was played.
        facts: What was run, as pairs: data, seeker, seed, versions.
        alone: The same without texts, where a generator wrote some.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1] / "report" / "templates"),
        autoescape=True,  # for every template, whatever its name
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = [name for name in (*benchmark.world.own, GOLD) if name in benchmark.played]
    page = environment.get_template("dialogue.html.j2").render(
        benchmark=benchmark,
        signatures=[one.result.signature for one in (benchmark, alone) if one is not None],
        exploits=exploit_lines(benchmark),
        facts=facts,
        table=_table(benchmark, [name for name in benchmark.played if name not in benchmark.fixed]),
        further=[*_without_texts(alone), *_further(benchmark)],
        panels=_panels(benchmark),
        conversations=[
            (name, played, list(transcript_turns(played)))
            for name in shown
            for played in benchmark.played[name][0][:_READ]
        ],
        colours=STRATEGY_COLOURS,
        seeker=Role.SEEKER,
    )
    write_whole(path, page)


def _table(benchmark: DialogueBenchmark, names: Sequence[str], *, caption: str = "") -> Table:
    systems = {name: benchmark.result.systems[name] for name in names}
    return measured_table(systems, columns=REPORT_COLUMNS["dialogue"], own=benchmark.world.own, caption=caption)


def _without_texts(alone: DialogueBenchmark | None) -> list[Table]:
    if alone is None:
        return []
    names = [name for name in alone.played if name not in alone.fixed]
    return [_table(alone, names, caption=TITLE)]


def _further(benchmark: DialogueBenchmark) -> list[Table]:
    tables = [
        measured_table(
            {name: benchmark.by_problem[problem][name] for name in benchmark.compared},
            columns=("success_rate", "average_turns", "intensity_drop", "feedback"),
            own=benchmark.world.own,
            caption=f"Seekers with the problem: {problem} ({len(rows)})",
        )
        for problem, rows in problems(benchmark.world).items()
    ]
    differences = {name: scores for name, scores in benchmark.differences.systems.items() if name in benchmark.compared}
    if differences:
        caption = f"Difference to {benchmark.differences.reference} on the same seekers, bold where zero is left out"
        tables.insert(0, difference_table(differences, caption=caption, own=benchmark.world.own))
    if benchmark.fixed:
        tables.append(_table(benchmark, benchmark.fixed, caption="Fixed rules"))
    return tables


def _intervals(benchmark: DialogueBenchmark) -> str:
    estimates = {name: benchmark.result.systems[name]["success_rate"] for name in benchmark.compared}
    return interval_figure(estimates, title="Success rate", highlight=next(iter(benchmark.world.own), None))


def _panels(benchmark: DialogueBenchmark) -> list[Panel]:
    def curves(*, success: bool) -> Markup:
        values = {
            name: benchmark.success_curve(name) if success else benchmark.trajectory(name)
            for name in benchmark.compared
        }
        if success:
            return Markup(curve_figure(values, first=1, title="Success within k turns", y_label="SR@k, %"))
        return Markup(curve_figure(values, first=0, title="Emotion intensity", y_label="intensity, 5 = worst"))

    flows = {name: benchmark.strategy_flow(name) for name in benchmark.compared[:_FLOWS]}
    return [
        Panel("Helped within k supporter turns, with 95 % intervals", curves(success=True)),
        Panel("Emotion intensity after k turns; conversations that ended keep their last", curves(success=False)),
        Panel("Success rate with 95 % interval", Markup(_intervals(benchmark))),
        Panel(
            "Which strategies are used in which turn",
            Markup(flow_figure(flows, title="Strategies by supporter turn")),
            wide=True,
        ),
    ]
