"""The result of one evaluation: scores of systems under one signature, stored as JSON and shown as a table."""

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpus.files import write_whole
from evaluation.metric_columns import COLUMNS, METRIC_NAMES
from evaluation.report.tables import UNDEFINED, Cell, Column, Row, Table
from metrics.statistics.estimate import Estimate

ORACLES = ("gold", "gold replay")
REFERENCES = ("random", *ORACLES)  # systems that the others are compared with: they win no column


@dataclass(frozen=True)
class EvaluationResult:
    """Scores of systems on the same items under one signature.

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

    @property
    def default_columns(self) -> tuple[str, ...]:
        """Metric keys that a table of this protocol shows unless told otherwise; some may be in no system."""
        return COLUMNS.get(self.protocol) or tuple(sorted({metric for one in self.systems.values() for metric in one}))

    def table(self, columns: Sequence[str] = (), *, own: Collection[str] = ()) -> Table:
        """A row for every system.

        Args:
            columns: Metric keys in order, those that no system has left out; none: the protocol's usual ones.
            own: Names of the trained systems.
        """
        return measured_table(self.systems, columns=columns or self.default_columns, own=own)


def measured_table(
    systems: Mapping[str, Mapping[str, Estimate]],
    *,
    columns: Sequence[str],
    own: Collection[str] = (),
    title: str = "",
    notes: Sequence[str] = (),
) -> Table:
    """A row for every system, its values with their intervals, the best value of each column marked as such.

    Args:
        columns: Metric keys; those that no system has are left out.
        own: Names of the trained systems.
    """
    present = {metric for scores in systems.values() for metric in scores}
    metrics = [metric for metric in columns if metric in present]
    best = {metric: _best(systems, metric) for metric in metrics}
    rows = tuple(
        Row.of(
            system_name(name, scores),
            *(estimate_cell(metric, scores.get(metric), best=name in best[metric]) for metric in metrics),
            kind="own" if name in own else "gold" if name in ORACLES else "",
        )
        for name, scores in systems.items()
    )
    return Table((Column("system", "left"), *metric_columns(metrics)), rows, title, tuple(notes))


def metric_columns(metrics: Iterable[str]) -> tuple[Column, ...]:
    """Headings of metrics with direction and meaning; a metric without a record is headed by the words of its key."""
    names = {metric: METRIC_NAMES.get(metric) for metric in metrics}
    return tuple(
        Column(metric.replace("_", " "))
        if name is None
        else Column(name.label, better=name.better, meaning=name.meaning)
        for metric, name in names.items()
    )


def heading(metric: str) -> str:
    """Heading of one metric."""
    return metric_columns([metric])[0].label


def estimate_cell(metric: str, estimate: Estimate | None, *, best: bool = False, mark: str = "") -> Cell:
    """The value with the metric's decimals, its interval where it has a width, its spread over more than one run."""
    if estimate is None or not math.isfinite(estimate.value):
        return Cell(UNDEFINED)
    # An interval without width (a constant, the oracle's ceiling) says nothing and takes room.
    wide = math.isfinite(estimate.low) and math.isfinite(estimate.high) and estimate.low < estimate.high
    interval = f"[{number(metric, estimate.low)}, {number(metric, estimate.high)}]" if wide else ""
    spread = f"± {number(metric, estimate.spread)}" if estimate.runs > 1 else ""
    return Cell(number(metric, estimate.value), interval, spread, mark, best)


def number(metric: str, value: float) -> str:
    """A metric's number with its usual decimals; a dash where it is undefined."""
    decimals = METRIC_NAMES[metric].decimals if metric in METRIC_NAMES else 2
    return f"{value:,.{decimals}f}" if math.isfinite(value) else UNDEFINED


def system_name(name: str, scores: Mapping[str, Estimate]) -> str:
    """A system's name in a table, with the number of its runs where its scores are means over more than one."""
    runs = max((estimate.runs for estimate in scores.values()), default=1)
    return f"{name} ({runs} runs)" if runs > 1 else name


def _best(systems: Mapping[str, Mapping[str, Estimate]], metric: str) -> set[str]:
    """The systems with the best value: all of a tie, none where all are equal or the metric has no direction."""
    better = METRIC_NAMES[metric].better if metric in METRIC_NAMES else ""
    values = {
        name: scores[metric].value
        for name, scores in systems.items()
        if name not in REFERENCES and metric in scores and math.isfinite(scores[metric].value)
    }
    if not better or len(set(values.values())) < 2:
        return set()
    top = max(values.values()) if better == "higher" else min(values.values())
    return {name for name, value in values.items() if value == top}
