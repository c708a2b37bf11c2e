"""The report page of a system: planners and generator in tables and figures, training curves, and sample turns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from evaluation.generator.benchmark import GeneratorBenchmark, shared_signature
from evaluation.metric_columns import METRIC_NAMES
from evaluation.planner.messages import MessageBenchmark
from evaluation.planner.tables import further_tables
from evaluation.planner.turns import TurnBenchmark
from evaluation.published import published_table
from evaluation.report.figure_style import STRATEGY_COLOURS
from evaluation.report.figures import (
    GOLD,
    LearningCurve,
    Panel,
    confusion_figure,
    interval_figure,
    learning_figure,
    plan_length_figure,
    progress_figure,
    reliability_figure,
)
from evaluation.report.pages import template
from evaluation.report.tables import Table
from evaluation.result import REFERENCES, EvaluationResult, measured_table, number, system_name
from planner.plan import Plan

TOP = 3  # strategies shown of each slot's distribution
HISTORY = 6  # messages shown of a sample's history


@dataclass(frozen=True)
class SampleTurn:
    """One turn from history to text.

    Attributes:
        dialogue: Number of the dialogue in its file.
        history: What was said before; the report shows the end of it.
        realized: What the generator made of it; empty without a generator.
    """

    dialogue: int
    history: tuple[Message, ...]
    gold: tuple[Message, ...]
    plan: Plan
    realized: tuple[tuple[Strategy | None, str], ...] = ()


@dataclass(frozen=True)
class ReportData:
    """All that a report may show; a part that is missing has no section.

    Attributes:
        summary: One or two sentences below it.
        facts: What was run, as pairs: data, seed, minutes, versions, hardware.
        own: Names of the trained planners in ``messages`` and ``turns``, all looked at closely; the first is in colour.
        messages: Planners on the message protocol.
        turns: Planners on the turn protocol.
        texts: One generator, once per plan source, all under one signature but for the source.
        curves: Training progress, one panel each.
        samples: Turns from history to text.
    """

    title: str
    summary: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    own: tuple[str, ...] = ()
    messages: MessageBenchmark | None = None
    turns: TurnBenchmark | None = None
    texts: tuple[GeneratorBenchmark, ...] = ()
    curves: tuple[LearningCurve, ...] = ()
    samples: tuple[SampleTurn, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Tile:
    """A key figure of the trained planner beside the best baseline."""

    label: str
    value: str
    beside: str


def render_report(data: ReportData) -> str:
    """The page as text: styles and figures inline, nothing fetched, nothing executed, every text escaped.

    Raises:
        ValueError: A trained planner's name is in no table, or generator results are not comparable.
    """
    sections = []
    tiles: list[Tile] = []
    if data.messages is not None:
        sections.append(_message_section(data.messages, data.own))
        tiles += _tiles(data.messages.result, data.own, ("macro_f1", "weighted_f1"))
    if data.turns is not None:
        sections.append(_turn_section(data.turns, data.own))
        tiles += _tiles(data.turns.result, data.own, ("emr", "lr"))
    if data.texts:
        sections.append(_text_section(data.texts))
    return template("report.html.j2").render(
        data=data,
        tiles=tiles,
        sections=sections,
        curves=[Panel(curve.title, learning_figure(curve)) for curve in data.curves],
        samples=[_sample(sample) for sample in data.samples],
        meanings=_meanings(sections),
        colours=STRATEGY_COLOURS,
        seeker=Role.SEEKER,
    )


def _message_section(benchmark: MessageBenchmark, own: Sequence[str]) -> Section:
    """The message protocol's part of the page, with a closer look at the planners of ``own``."""
    result = benchmark.result
    _check_known(own, result)
    panels = [_interval_panel(result, own, "macro_f1", "macro-F1 with 95 % interval")]
    if own:
        caption = "Reliability: how often decisions of some confidence are right (larger dots: more decisions)"
        curves = {name: benchmark.reliability(name) for name in own}
        panels.append(Panel(caption, reliability_figure(curves, title=caption)))
    for name in own:
        shown = system_name(name, result.systems[name])
        caption = f"Confusion of {shown}: of each gold strategy (rows) the share predicted as, %"
        panels.append(Panel(caption, confusion_figure(benchmark.confusion(name), title=caption)))
    panels += [_progress_panel(benchmark, name) for name in own]
    return Section(
        "Planner: next message",
        f"The strategy of each of {result.n:,} supporter messages ({result.split} split), given all that came before.",
        result.table(own=own),
        tuple(published_table(table) for table in benchmark.published),
        tuple(panels),
        result.signature,
        tuple(further_tables(benchmark, own=own)),
    )


def _turn_section(benchmark: TurnBenchmark, own: Sequence[str]) -> Section:
    """The turn protocol's part of the page, with a closer look at the planners of ``own``."""
    result = benchmark.result
    _check_known(own, result)
    lengths = {GOLD: benchmark.plan_lengths()} | {name: benchmark.plan_lengths(name) for name in own}
    caption = "Messages per turn, as planned"
    panels = [
        _interval_panel(result, own, "lr", "Levenshtein ratio (LR) with 95 % interval"),
        Panel(caption, plan_length_figure(lengths, title=caption)),
        *(_progress_panel(benchmark, name) for name in own),
    ]
    return Section(
        "Planner: whole turn",
        f"The strategy sequence of each of {result.n:,} supporter turns ({result.split} split), decided before the "
        "turn begins.",
        result.table(own=own),
        tuple(published_table(table) for table in benchmark.published),
        tuple(panels),
        result.signature,
        tuple(further_tables(benchmark, own=own)),
    )


def _progress_panel(benchmark: MessageBenchmark | TurnBenchmark, name: str) -> Panel:
    caption = f"Strategies over the course of the conversation, in sixths: corpus and {name}"
    shares = {"In the corpus": benchmark.by_progress(), name: benchmark.by_progress(name)}
    return Panel(caption, progress_figure(shares, title=caption), wide=True)


def _check_known(own: Sequence[str], result: EvaluationResult) -> None:
    """Raises a ValueError where a trained planner was not scored."""
    if unknown := [name for name in own if name not in result.systems]:
        raise ValueError(f"no planner {unknown[0]!r} in the {result.protocol} results: {', '.join(result.systems)}")


def _interval_panel(result: EvaluationResult, own: Sequence[str], metric: str, caption: str) -> Panel:
    """All systems but gold in one metric, with their intervals; the first trained one in colour."""
    estimates = {name: scores[metric] for name, scores in result.systems.items() if name != "gold"}
    return Panel(caption, interval_figure(estimates, title=caption, highlight=own[0] if own else None))


def _text_section(benchmarks: Sequence[GeneratorBenchmark]) -> Section:
    shared = shared_signature(benchmarks)
    systems = {
        f"{name}, plan: {benchmark.source}": scores
        for benchmark in benchmarks
        for name, scores in benchmark.result.systems.items()
    }
    result = benchmarks[0].result
    return Section(
        "Generator: texts",
        f"{result.n:,} responses ({result.split} split) against the supporter's own words, by where the plan comes "
        "from. Perplexity is that of the supporter's words under their own strategies.",
        measured_table(systems, columns=result.default_columns),
        tuple(published_table(table) for table in benchmarks[0].published),
        (),
        shared,
    )


def _tiles(result: EvaluationResult, own: Sequence[str], metrics: Sequence[str]) -> list[Tile]:
    """Key figures of the first trained planner, each beside the best baseline."""
    baselines = [name for name in result.systems if name not in own and name not in REFERENCES]
    if not own or not baselines:
        return []
    tiles = []
    for metric in metrics:
        best = max(baselines, key=lambda name: result.systems[name][metric].value)
        tiles.append(
            Tile(
                METRIC_NAMES[metric].label,
                number(metric, result.systems[own[0]][metric].value),
                f"best baseline {number(metric, result.systems[best][metric].value)} ({best})",
            )
        )
    return tiles


def _sample(sample: SampleTurn) -> dict[str, Any]:
    """A sample for the template: the end of its history, and of each slot the likeliest strategies."""
    slots = []
    for strategy, row in zip(sample.plan.strategies, sample.plan.probabilities, strict=True):
        likeliest = sorted(Strategy, key=lambda one: -row[one])[:TOP]
        shown = likeliest if strategy in likeliest else [*likeliest[:-1], strategy]
        slots.append([(one.short_label, one, 100 * float(row[one]), one == strategy) for one in shown])
    return {
        "dialogue": sample.dialogue,
        "history": sample.history[-HISTORY:],
        "left_out": max(len(sample.history) - HISTORY, 0),
        "gold": sample.gold,
        "mode": sample.plan.mode,
        "slots": slots,
        "realized": sample.realized,
    }


def _meanings(sections: Sequence[Section]) -> dict[str, str]:
    """Label -> meaning of every column on the page, in order of appearance."""
    tables = [table for section in sections for table in (section.table, *section.further, *section.published)]
    return {column.label: column.meaning for table in tables for column in table.columns if column.meaning}
