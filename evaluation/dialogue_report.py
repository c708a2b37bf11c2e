"""Simulated conversations as one self-contained HTML page: the table, the curves, and conversations to read."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from corpus.dialogue import Role
from corpus.whole_file import write_whole
from evaluation.dialogue_benchmark import DialogueBenchmark, problems
from evaluation.dialogue_console import exploit_lines
from evaluation.dialogue_figures import curve_figure, flow_figure
from evaluation.dialogue_policies import GOLD
from evaluation.dialogue_transcripts import transcript_turns
from evaluation.figure_style import STRATEGY_COLOURS
from evaluation.figures import interval_figure
from evaluation.metric_names import REPORT_COLUMNS
from evaluation.report_section import Panel
from evaluation.report_tables import Table, difference_table, measured_table
from evaluation.strategies_alone import TITLE

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
        loader=FileSystemLoader(Path(__file__).parent),
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
