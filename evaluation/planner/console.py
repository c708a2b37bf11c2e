"""What a terminal shows of planners below the main table: classes, calibration, speed, confusion, lengths, others."""

from collections.abc import Sequence

import numpy as np

from corpus.strategy import Strategy
from evaluation.differences import Differences, differences_table
from evaluation.metric_names import CLASS_COLUMNS, FURTHER_COLUMNS
from evaluation.planner.messages import MessageBenchmark
from evaluation.planner.turns import TurnBenchmark
from evaluation.published import published_text
from evaluation.result import EvaluationResult, aligned, heading, number, system_name

# Three letters a strategy, in class order: eight columns beside a name.
_LETTERS = ("Que", "Res", "Ref", "Sel", "Aff", "Sug", "Inf", "Oth")
_LONGEST = 4  # plans of so many messages or more stand together


def message_text(benchmark: MessageBenchmark) -> str:
    """Everything below the main table of the message protocol, block by block."""
    blocks = [*_shared(benchmark.result, benchmark.trained)]
    blocks += [
        f"Confusion of {_shown(benchmark.result, name)}: of each gold strategy the share predicted as, %\n"
        f"{confusion_table(benchmark, name)}"
        for name in benchmark.trained
    ]
    others = published_text(benchmark.published, split=benchmark.result.split)
    return "\n\n".join([*blocks, *_compared(benchmark.result, benchmark.differences), others])


def turn_text(benchmark: TurnBenchmark) -> str:
    """Everything below the main table of the turn protocol, block by block."""
    blocks = [*_shared(benchmark.result, benchmark.trained), length_lines(benchmark)]
    others = published_text(benchmark.published, split=benchmark.result.split)
    return "\n\n".join([*blocks, *_compared(benchmark.result, benchmark.differences), others])


def class_table(result: EvaluationResult, trained: Sequence[str]) -> str:
    """F1 by strategy and stage, a line a system; below a trained one its 95 % intervals and the spread of its runs."""
    rows = [["system", *(heading(metric) for metric in CLASS_COLUMNS)]]
    for name, scores in result.systems.items():
        estimates = [scores[metric] for metric in CLASS_COLUMNS]
        pairs = list(zip(CLASS_COLUMNS, estimates, strict=True))
        rows.append([system_name(name, scores), *(number(metric, one.value) for metric, one in pairs)])
        if name in trained:
            rows.append(["", *(f"{one.low:.0f} to {one.high:.0f}" for one in estimates)])
            if estimates[0].runs > 1:
                rows.append(["", *(f"± {number(metric, one.spread)}" for metric, one in pairs)])
    return aligned(rows)


def confusion_table(benchmark: MessageBenchmark, name: str) -> str:
    """Rows gold with their counts, columns predicted, in percent of the row; a dot where nothing was predicted."""
    counts = benchmark.confusion(name)
    totals = counts.sum(axis=1)
    rows = [["gold", "messages", *_LETTERS]]
    for strategy in Strategy:
        shares = 100 * counts[strategy] / max(totals[strategy], 1)
        cells = [f"{share:.0f}" if share else "." for share in shares]
        rows.append([strategy.label, f"{totals[strategy]:,.0f}", *cells])
    return aligned(rows)


def length_lines(benchmark: TurnBenchmark) -> str:
    """Distribution of the plans' lengths, a line for gold and for every trained planner."""
    systems = {"gold": benchmark.plan_lengths()} | {name: benchmark.plan_lengths(name) for name in benchmark.trained}
    rows = [["messages in a turn, % of turns", *map(str, range(1, _LONGEST)), f"{_LONGEST} or more"]]
    for name, counts in systems.items():
        grouped = [counts[length : length + 1].sum() for length in range(1, _LONGEST)] + [counts[_LONGEST:].sum()]
        shown = _shown(benchmark.result, name) if name in benchmark.trained else name
        rows.append([shown, *(f"{share:.1f}" for share in 100 * np.array(grouped) / max(counts.sum(), 1))])
    return aligned(rows)


def _shared(result: EvaluationResult, trained: Sequence[str]) -> list[str]:
    below = "; below a trained planner its 95 % interval" if trained else ""
    return [
        f"F1 by strategy and by stage, %{below}\n{class_table(result, trained)}",
        f"Calibration, progress, speed\n{result.table(FURTHER_COLUMNS[result.protocol])}",
    ]


def _compared(result: EvaluationResult, differences: Differences) -> list[str]:
    if not differences.systems:
        return []
    named = {_shown(result, name): scores for name, scores in differences.systems.items()}
    title = f"Differences to {differences.reference}, paired bootstrap over dialogues; * where 0 is not in the interval"
    return [f"{title}\n{differences_table(named)}"]


def _shown(result: EvaluationResult, name: str) -> str:
    return system_name(name, result.systems[name])
