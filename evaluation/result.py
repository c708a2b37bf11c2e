"""What one evaluation found: scores of several systems under one signature, as JSON and as a console table.

Plain-text tables for a terminal.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpus.files import write_whole
from evaluation.metric_names import CONSOLE_COLUMNS, METRIC_NAMES
from metrics.statistics.estimate import Estimate


def aligned(rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Rows as lines with aligned columns and a rule below the first one.

    Args:
        rows: The heading, then any number of rows, all of one length.
        left: How many columns, from the first, hold names and stand to the left; numbers stand to the right.
    """
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        "  ".join(
            text.ljust(width) if place < left else text.rjust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(line.rstrip() for line in lines)


UNDEFINED = "–"  # shown where a metric has no value, e.g. EMR on several messages where no turn has several


@dataclass(frozen=True)
class EvaluationResult:
    """Scores of several systems on the same items under one signature.

    Attributes:
        command: Sub-command that measured it, e.g. ``planner``.
        protocol: ``message``, ``turn`` or ``text``.
        split: ``train``, ``valid``, ``test``, ``all``, or ``none`` where the items belong to no split.
        n: Items scored: messages, turns or responses.
        signature: How it was measured. Scores under different signatures are not comparable.
        seconds: Wall-clock time of the evaluation.
        systems: System -> metric key -> estimate; order is kept.
        details: What has no single number - confusion matrices, curves, differences - by its name, ready for JSON.
    """

    command: str
    protocol: str
    split: str
    n: int
    signature: str
    seconds: float
    systems: Mapping[str, Mapping[str, Estimate]]
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The JSON object of ``--json``; an undefined number (NaN) becomes ``null``; ``details`` only where any."""
        systems = {
            name: {metric: estimate.as_json() for metric, estimate in scores.items()}
            for name, scores in self.systems.items()
        }
        return {
            "command": self.command,
            "protocol": self.protocol,
            "split": self.split,
            "n": self.n,
            "signature": self.signature,
            "seconds": self.seconds,
            "systems": systems,
            **({"details": dict(self.details)} if self.details else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "EvaluationResult":
        """Reads what :meth:`to_json` gave.

        Raises:
            ValueError: A key is missing or unknown.
        """
        expected = {"command", "protocol", "split", "n", "signature", "seconds", "systems"}
        if not isinstance(data, Mapping) or set(data) - {"details"} != expected:
            found = sorted(data) if isinstance(data, Mapping) else type(data).__name__
            raise ValueError(f"not an evaluation result: expected the keys {sorted(expected)}, got {found}")
        systems = {
            name: {metric: Estimate.from_json(numbers) for metric, numbers in scores.items()}
            for name, scores in data["systems"].items()
        }
        return cls(**{**data, "systems": systems})

    def save(self, path: Path) -> None:
        """Writes the JSON file whole (temporary file, then rename)."""
        write_whole(path, json.dumps(self.to_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> "EvaluationResult":
        """Reads a file written by :meth:`save`.

        Raises:
            ValueError: The file is not such a JSON; one line that names it.
        """
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path}: {error}") from error

    def table(self, columns: Sequence[str] | None = None) -> str:
        """An aligned plain-text table, one system a line, cells as in :func:`cell`.

        Args:
            columns: Metric keys in order; the protocol's usual ones if ``None``, those that no system has left out.

        Raises:
            ValueError: A column asked for is in no system.
        """
        present = {metric for scores in self.systems.values() for metric in scores}
        if columns is None:
            columns = [column for column in CONSOLE_COLUMNS.get(self.protocol, sorted(present)) if column in present]
        elif unknown := [column for column in columns if column not in present]:
            raise ValueError(f"no system has the metric {unknown[0]!r}, there are: {', '.join(sorted(present))}")
        rows = [["system", *(heading(column) for column in columns)]]
        rows += [
            [system_name(name, scores), *(cell(column, scores.get(column)) for column in columns)]
            for name, scores in self.systems.items()
        ]
        return aligned(rows)


def system_name(name: str, scores: Mapping[str, Estimate]) -> str:
    """A system's name in a table, with the number of its runs where its scores are means over several."""
    runs = max((estimate.runs for estimate in scores.values()), default=1)
    return f"{name} ({runs} runs)" if runs > 1 else name


def heading(metric: str) -> str:
    """Column heading of a metric: its label, or the key itself where it has none."""
    return METRIC_NAMES[metric].label if metric in METRIC_NAMES else metric


def number(metric: str, value: float) -> str:
    """A metric's number with its usual decimals; a dash where it is undefined."""
    decimals = METRIC_NAMES[metric].decimals if metric in METRIC_NAMES else 2
    return f"{value:,.{decimals}f}" if math.isfinite(value) else UNDEFINED


def cell(metric: str, estimate: Estimate | None) -> str:
    """One table cell: ``value [low, high]``, no brackets where there is no interval; several runs add ``± spread``."""
    if estimate is None or not math.isfinite(estimate.value):
        return UNDEFINED
    value = number(metric, estimate.value)
    if math.isfinite(estimate.low) and math.isfinite(estimate.high):
        value += f" [{number(metric, estimate.low)}, {number(metric, estimate.high)}]"
    return f"{value} ± {number(metric, estimate.spread)}" if estimate.runs > 1 else value
