"""How often the crisis screening of the chat is right, on its test set."""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from corpus.errors import CorpusError
from corpus.files import read_json_lines
from evaluation.result import EvaluationResult
from metrics.statistics.agreement import share
from metrics.statistics.estimate import Estimate, signature

PARTS = ("development", "held_out", "blind")
KINDS = ("suicide", "self-harm", "harm to others", "abuse")
_REQUIRED = ("kind", "text", "batch")


class Screened(Protocol):
    """What a screening says of a message."""

    @property
    def crisis(self) -> bool:
        """Whether it fires."""

    @property
    def kind(self) -> str | None:
        """One of :data:`KINDS`; None where it does not fire."""


@dataclass(frozen=True)
class TestLine:
    """One line of the test set.

    Attributes:
        text: The message.
        kind: One of :data:`KINDS`; None for a harmless one.
        batch: When it was written: 1 before the patterns, 2 and later after a version of them.
        history: What was said before.
    """

    text: str
    kind: str | None
    batch: int
    history: tuple[str, ...] = ()

    __test__ = False  # no test class, whatever pytest makes of its name


def read_test_set(folder: Path, part: str) -> tuple[TestLine, ...]:
    """Reads ``development``, ``held_out`` or ``blind``.

    Raises:
        CorpusError: A line is not one of the test set; one line that names file and line.
    """
    return tuple(read_json_lines(folder / f"{part}.jsonl", _test_line))


def _test_line(record: Mapping[str, Any]) -> TestLine:
    if missing := [field for field in _REQUIRED if field not in record]:
        raise CorpusError("missing", field=missing[0])
    if unknown := sorted(record.keys() - {*_REQUIRED, "history"}):
        raise CorpusError(f"unknown field {unknown[0]!r}")
    if record["kind"] not in (*KINDS, None):
        raise CorpusError(f"unknown kind {record['kind']!r}, expected one of {', '.join(KINDS)} or null")
    return TestLine(record["text"], record["kind"], record["batch"], tuple(record.get("history", ())))


def benchmark_screening(
    screen: Callable[[str, Sequence[str]], Screened], *, test_set: Path, rules: Sequence[Path]
) -> EvaluationResult:
    """Screens every line of the test set.

    Args:
        screen: Takes a message and what was said before it.
        test_set: Folder with a file for each of :data:`PARTS`.
        rules: Files that decide what the screening finds; their hash is part of the signature.

    Returns:
        Protocol ``screening``; the systems are the parts of the test set, and the crisis lines of one kind in a part,
        which have a recall only. ``recall``: share of crisis lines found; ``precision``: share of crisis lines among
        those that fire, which depends on how many harmless lines there are; ``false_alarms``: share of harmless lines
        that fire; ``right_kind``: share of found lines whose kind is right. Percent, with Wilson's 95 % interval.
    """
    start = time.perf_counter()
    parts = {part: read_test_set(test_set, part) for part in PARTS}
    systems: dict[str, dict[str, Estimate]] = {}
    for part, lines in parts.items():
        found = [screen(line.text, line.history) for line in lines]
        systems[part] = score_screening(lines, found)
        for kind in KINDS:
            fired = [result.crisis for line, result in zip(lines, found, strict=True) if line.kind == kind]
            systems[f"{part}: {kind}"] = {"recall": share(sum(fired), len(fired), method="wilson")}
    return EvaluationResult(
        command="screening",
        protocol="screening",
        split="none",
        n=sum(len(lines) for lines in parts.values()),
        signature=signature(
            "screening",
            data="testset-" + _digest(test_set / f"{part}.jsonl" for part in PARTS),
            rules=_digest(rules),
            interval="wilson-95",
        ),
        seconds=round(time.perf_counter() - start, 2),
        systems=systems,
    )


def score_screening(lines: Sequence[TestLine], found: Sequence[Screened]) -> dict[str, Estimate]:
    """Recall, precision, false alarms and right kinds of one part, as :func:`benchmark_screening` explains them."""
    pairs = list(zip(lines, found, strict=True))
    hits = [(line, result) for line, result in pairs if line.kind is not None and result.crisis]
    fired = sum(result.crisis for _, result in pairs)
    harmless = [result for line, result in pairs if line.kind is None]
    return {
        "recall": share(len(hits), len(pairs) - len(harmless), method="wilson"),
        "precision": share(len(hits), fired, method="wilson"),
        "false_alarms": share(sum(result.crisis for result in harmless), len(harmless), method="wilson"),
        "right_kind": share(sum(line.kind == result.kind for line, result in hits), len(hits), method="wilson"),
    }


def _digest(paths: Iterable[Path]) -> str:
    """The first eight digits of a hash over the contents of files."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()[:8]
