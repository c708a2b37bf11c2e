"""The report's sections on planners: what was measured, a closer look at the trained ones, what others report."""

from collections.abc import Sequence

from markupsafe import Markup

from evaluation.differences import Differences
from evaluation.metric_names import FURTHER_COLUMNS, REPORT_COLUMNS
from evaluation.planner.messages import MessageBenchmark
from evaluation.planner.turns import TurnBenchmark
from evaluation.report.figures import GOLD, confusion_figure, plan_length_figure, progress_figure, reliability_figure
from evaluation.report.sections import Panel, Section, check_known, interval_panel
from evaluation.report.tables import Table, difference_table, measured_table, published_table
from evaluation.result import EvaluationResult, system_name
from metrics.strategy.classification import STAGE_F1, STRATEGY_F1


def message_section(benchmark: MessageBenchmark, own: Sequence[str]) -> Section:
    """The message protocol's part of the page.

    Args:
        benchmark: What was measured.
        own: Planners to look at closely.

    Raises:
        ValueError: One of them was not scored.
    """
    result = benchmark.result
    check_known(own, result)
    panels = [interval_panel(result, own, "macro_f1", "macro-F1 with 95 % interval")]
    if own:
        caption = "Reliability: how often decisions of some confidence are right (larger dots: more decisions)"
        curves = {name: benchmark.reliability(name) for name in own}
        panels.append(Panel(caption, Markup(reliability_figure(curves, title=caption))))
    for name in own:
        shown = system_name(name, result.systems[name])
        caption = f"Confusion of {shown}: of each gold strategy (rows) the share predicted as, %"
        panels.append(Panel(caption, Markup(confusion_figure(benchmark.confusion(name), title=caption))))
    panels += [_progress_panel(benchmark, name) for name in own]
    return Section(
        "Planner: next message",
        f"The strategy of each of {result.n:,} supporter messages ({result.split} split), given all that came before.",
        measured_table(result.systems, columns=REPORT_COLUMNS["message"], own=own),
        tuple(published_table(table) for table in benchmark.published),
        tuple(panels),
        result.signature,
        _further(result, own, benchmark.differences),
    )


def turn_section(benchmark: TurnBenchmark, own: Sequence[str]) -> Section:
    """The turn protocol's part of the page. Arguments and errors as in :func:`message_section`."""
    result = benchmark.result
    check_known(own, result)
    lengths = {GOLD: benchmark.plan_lengths()} | {name: benchmark.plan_lengths(name) for name in own}
    caption = "Messages per turn, as planned"
    panels = [
        interval_panel(result, own, "lr", "Levenshtein ratio (LR) with 95 % interval"),
        Panel(caption, Markup(plan_length_figure(lengths, title=caption))),
        *(_progress_panel(benchmark, name) for name in own),
    ]
    return Section(
        "Planner: whole turn",
        f"The strategy sequence of each of {result.n:,} supporter turns ({result.split} split), decided before the "
        "turn begins.",
        measured_table(result.systems, columns=REPORT_COLUMNS["turn"], own=own),
        tuple(published_table(table) for table in benchmark.published),
        tuple(panels),
        result.signature,
        _further(result, own, benchmark.differences),
    )


def _progress_panel(benchmark: MessageBenchmark | TurnBenchmark, name: str) -> Panel:
    caption = f"Strategies over the course of the conversation, in sixths: corpus and {name}"
    shares = {"In the corpus": benchmark.by_progress(), name: benchmark.by_progress(name)}
    return Panel(caption, Markup(progress_figure(shares, title=caption)), wide=True)


def _further(result: EvaluationResult, own: Sequence[str], differences: Differences) -> tuple[Table, ...]:
    shown = set(REPORT_COLUMNS[result.protocol])
    rest = [metric for metric in FURTHER_COLUMNS[result.protocol] if metric not in shown]
    tables = [
        measured_table(result.systems, columns=STRATEGY_F1, own=own, caption="F1 by strategy, %"),
        measured_table(
            result.systems, columns=(*STAGE_F1, *rest), own=own, caption="F1 by stage, %; calibration, progress, speed"
        ),
    ]
    if differences.systems:
        caption = (
            f"Differences to {differences.reference}, paired bootstrap over dialogues; "
            "bold where the interval leaves 0 out"
        )
        named = {system_name(name, result.systems[name]): scores for name, scores in differences.systems.items()}
        tables.append(difference_table(named, caption=caption, own=tuple(named)))
    return tuple(tables)
