"""Simulated conversations as one self-contained HTML page: the tables, the curves, and conversations to read."""

from collections.abc import Sequence
from dataclasses import replace

from corpus.dialogue import Role
from evaluation.dialogue.benchmark import COMPARED, DialogueBenchmark, problems
from evaluation.dialogue.policies import GOLD
from evaluation.dialogue.tables import WITHOUT_TEXTS, differences_shown, exploit_lines, fixed_table, main_table
from evaluation.dialogue.transcripts import transcript_turns
from evaluation.report.figure_style import STRATEGY_COLOURS
from evaluation.report.figures import Panel, curve_figure, flow_figure, interval_figure
from evaluation.report.pages import template
from evaluation.report.tables import Table
from evaluation.result import measured_table

_READ = 3  # conversations shown of each trained planner and of the gold replay
_FLOWS = 4  # systems whose strategies are shown


def render_dialogue_report(
    benchmark: DialogueBenchmark, *, facts: Sequence[tuple[str, str]], alone: DialogueBenchmark | None = None
) -> str:
    """The page as text.

    Args:
        facts: What was run, as pairs: data, seeker, seed, versions.
        alone: The same without texts, where a generator wrote some.
    """
    shown = [name for name in (*benchmark.world.own, GOLD) if name in benchmark.played]
    return template("dialogue.html.j2").render(
        benchmark=benchmark,
        signatures=[one.result.signature for one in (benchmark, alone) if one is not None],
        exploits=exploit_lines(benchmark),
        facts=facts,
        table=main_table(benchmark),
        further=_further(benchmark, alone),
        panels=_panels(benchmark),
        conversations=[
            (name, played, list(transcript_turns(played)))
            for name in shown
            for played in benchmark.played[name][0][:_READ]
        ],
        colours=STRATEGY_COLOURS,
        seeker=Role.SEEKER,
    )


def _further(benchmark: DialogueBenchmark, alone: DialogueBenchmark | None) -> list[Table]:
    without_texts = [] if alone is None else [replace(main_table(alone), title=WITHOUT_TEXTS)]
    by_problem = [
        measured_table(
            {name: benchmark.by_problem[problem][name] for name in benchmark.compared},
            columns=COMPARED,
            own=benchmark.world.own,
            title=f"Seekers with the problem: {problem} ({len(rows)})",
        )
        for problem, rows in problems(benchmark.world).items()
    ]
    return [*without_texts, *differences_shown(benchmark), *by_problem, *fixed_table(benchmark)]


def _panels(benchmark: DialogueBenchmark) -> list[Panel]:
    names = benchmark.compared
    successes = {name: benchmark.success_curve(name) for name in names}
    intensities = {name: benchmark.trajectory(name) for name in names}
    rates = {name: benchmark.result.systems[name]["success_rate"] for name in names}
    flows = {name: benchmark.strategy_flow(name) for name in names[:_FLOWS]}
    return [
        Panel(
            "Helped within k supporter turns, with 95 % intervals",
            curve_figure(successes, first=1, title="Success within k turns", y_label="SR@k, %"),
        ),
        Panel(
            "Emotion intensity after k turns; conversations that ended keep their last",
            curve_figure(intensities, first=0, title="Emotion intensity", y_label="intensity, 5 = worst"),
        ),
        Panel(
            "Success rate with 95 % interval",
            interval_figure(rates, title="Success rate", highlight=next(iter(benchmark.world.own), None)),
        ),
        Panel(
            "Which strategies are used in which turn",
            flow_figure(flows, title="Strategies by supporter turn"),
            wide=True,
        ),
    ]
