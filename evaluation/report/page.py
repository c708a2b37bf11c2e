"""One self-contained HTML page: what was run, how good it is, and what it looks like."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from corpus.dialogue import Message, Role
from corpus.files import write_whole
from corpus.strategy import Strategy
from evaluation.generator.benchmark import GeneratorBenchmark, comparable
from evaluation.metric_names import METRIC_NAMES, REPORT_COLUMNS
from evaluation.planner.messages import MessageBenchmark
from evaluation.planner.sections import message_section, turn_section
from evaluation.planner.turns import TurnBenchmark
from evaluation.report.figure_style import SHORT_LABELS, STRATEGY_COLOURS
from evaluation.report.figures import LearningCurve, learning_figure
from evaluation.report.sections import Panel, Section
from evaluation.report.tables import REFERENCES, measured_table, published_table
from evaluation.result import EvaluationResult, number
from planner.plan import Plan

TOP = 3  # strategies shown of each slot's distribution
HISTORY = 6  # messages shown of a sample's history


@dataclass(frozen=True)
class SampleTurn:
    """One turn from history to text.

    Attributes:
        dialogue: Number of the dialogue in its file.
        history: What was said before; the report shows the end of it.
        gold: The corpus's own turn.
        plan: What the planner decided.
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
        title: Heading of the page.
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
class Tile:
    """A key figure of the trained planner beside the best baseline."""

    label: str
    value: str
    beside: str


def write_report(path: Path, data: ReportData) -> None:
    """Writes the page, whole.

    Args:
        path: The HTML file.
        data: What to show.

    Raises:
        ValueError: A trained planner's name is in no table, or generator results are not comparable.
    """
    write_whole(path, render_report(data))


def render_report(data: ReportData) -> str:
    """The page as text: styles and figures inline, nothing fetched, nothing executed, every text escaped.

    Raises:
        ValueError: As in :func:`write_report`.
    """
    sections = []
    tiles: list[Tile] = []
    if data.messages is not None:
        sections.append(message_section(data.messages, data.own))
        tiles += _tiles(data.messages.result, data.own, ("macro_f1", "weighted_f1"))
    if data.turns is not None:
        sections.append(turn_section(data.turns, data.own))
        tiles += _tiles(data.turns.result, data.own, ("emr", "lr"))
    if data.texts:
        sections.append(_text_section(data.texts))
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,  # for every template, whatever its name
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        data=data,
        tiles=tiles,
        sections=sections,
        curves=[Panel(curve.title, Markup(learning_figure(curve))) for curve in data.curves],
        samples=[_sample(sample) for sample in data.samples],
        meanings=_meanings(sections),
        colours=STRATEGY_COLOURS,
        seeker=Role.SEEKER,
    )


def _text_section(benchmarks: Sequence[GeneratorBenchmark]) -> Section:
    shared = comparable(benchmarks)
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
        measured_table(systems, columns=REPORT_COLUMNS["text"], own=()),
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
        slots.append([(SHORT_LABELS[one], one, 100 * float(row[one]), one == strategy) for one in shown])
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
    return {column.label: column.meaning for table in tables for column in table.columns}
