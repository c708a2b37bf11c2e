"""Tables of planners below the main one, the same on a terminal and on a page: classes, lengths, differences."""

from collections.abc import Sequence

import numpy as np

from corpus.strategy import Strategy
from evaluation.differences import Differences, difference_table
from evaluation.planner.messages import MessageBenchmark
from evaluation.planner.turns import TurnBenchmark
from evaluation.published import published_text
from evaluation.report.tables import Table, plain_table, to_text
from evaluation.result import EvaluationResult, measured_table, system_name
from metrics.strategy.classification import STRATEGY_F1

_LONGEST = 4  # plans of so many messages or more are counted together


def message_text(benchmark: MessageBenchmark) -> str:
    """Everything below the main table of the message protocol, block by block, for a terminal."""
    confusions = [confusion_table(benchmark, name) for name in benchmark.trained]
    return _text(further_tables(benchmark), confusions, benchmark)


def turn_text(benchmark: TurnBenchmark) -> str:
    """Everything below the main table of the turn protocol, block by block, for a terminal."""
    return _text(further_tables(benchmark), [length_table(benchmark)], benchmark)


def further_tables(benchmark: MessageBenchmark | TurnBenchmark, *, own: Sequence[str] | None = None) -> list[Table]:
    """Every metric that the main table leaves out, and the differences to the reference.

    Args:
        benchmark: What was measured.
        own: Planners that are set off from the others; ``None``: the trained ones.
    """
    result, own = benchmark.result, benchmark.trained if own is None else own
    shown = {*result.default_columns, *STRATEGY_F1}
    rest = dict.fromkeys(metric for scores in result.systems.values() for metric in scores if metric not in shown)
    title = "F1 by stage of the conversation, %, and all other metrics"
    tables = [
        measured_table(result.systems, columns=STRATEGY_F1, own=own, title="F1 by strategy, %"),
        measured_table(result.systems, columns=tuple(rest), own=own, title=title),
    ]
    return [*tables, *_difference_tables(result, benchmark.differences)]


def confusion_table(benchmark: MessageBenchmark, name: str) -> Table:
    """Rows gold with their counts, columns predicted, in percent of the row; a dot where nothing was predicted."""
    counts = benchmark.confusion(name)
    totals = counts.sum(axis=1)
    rows = []
    for strategy in Strategy:
        shares = 100 * counts[strategy] / max(totals[strategy], 1)
        cells = [f"{share:.0f}" if share else "." for share in shares]
        rows.append([strategy.label, f"{totals[strategy]:,.0f}", *cells])
    shown = system_name(name, benchmark.result.systems[name])
    title = f"Confusion of {shown}: of each gold strategy the share predicted as, %"
    return plain_table(["gold", "messages", *(strategy.short_label[:3] for strategy in Strategy)], rows, title=title)


def length_table(benchmark: TurnBenchmark) -> Table:
    """Distribution of the plans' lengths, a row for gold and for every trained planner."""
    systems = {"gold": benchmark.plan_lengths()}
    systems |= {
        system_name(name, benchmark.result.systems[name]): benchmark.plan_lengths(name) for name in benchmark.trained
    }
    rows = []
    for name, counts in systems.items():
        grouped = [counts[length : length + 1].sum() for length in range(1, _LONGEST)] + [counts[_LONGEST:].sum()]
        rows.append([name, *(f"{share:.1f}" for share in 100 * np.array(grouped) / max(counts.sum(), 1))])
    headings = ["messages in a turn, % of turns", *map(str, range(1, _LONGEST)), f"{_LONGEST} or more"]
    return plain_table(headings, rows)


def _difference_tables(result: EvaluationResult, differences: Differences) -> list[Table]:
    if not differences.systems:
        return []
    named = {system_name(name, result.systems[name]): scores for name, scores in differences.systems.items()}
    title = f"Differences to {differences.reference}, paired bootstrap over dialogues; * where 0 is not in the interval"
    return [difference_table(named, title=title, own=tuple(named))]


def _text(measured: Sequence[Table], counted: Sequence[Table], benchmark: MessageBenchmark | TurnBenchmark) -> str:
    blocks = [*(to_text(table, below=True) for table in measured), *map(to_text, counted)]
    return "\n\n".join([*blocks, published_text(benchmark.published, split=benchmark.result.split)])
