"""How often the screening is right, on the lines of the package or on anybody's labelled lines."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.result import EvaluationResult
from metrics.statistics.agreement import share
from metrics.statistics.estimate import Estimate, signature
from safety.lines import LabelledLine, Side
from safety.replies import ReplyScreener
from safety.screening import Level, Screener

_INTERVAL = "clopper-pearson-95"


@dataclass(frozen=True)
class ScreenedLine:
    """A labelled line and what the screening said of it.

    Attributes:
        levels: Names of the systems that found it: ``urgent`` and ``any``, or ``unsafe``.
        kind: The kind that the screening named; empty where it found nothing.
        matched: What triggered it.
    """

    line: LabelledLine
    levels: frozenset[str]
    kind: str = ""
    matched: str = ""


def screen_lines(lines: Sequence[LabelledLine], screener: Screener) -> list[ScreenedLine]:
    """Screens messages of people: ``any`` finds what is worried or urgent."""
    found = screener.screen_all([line.text for line in lines], [line.history for line in lines])
    names = {None: frozenset[str](), Level.WORRIED: frozenset({"any"}), Level.URGENT: frozenset({"any", "urgent"})}
    return [
        ScreenedLine(line, names[one.level], one.kind or "", one.matched)
        for line, one in zip(lines, found, strict=True)
    ]


def screen_replies(lines: Sequence[LabelledLine], screener: ReplyScreener) -> list[ScreenedLine]:
    """Screens replies of a supporter."""
    found = screener.screen_all([line.text for line in lines])
    return [
        ScreenedLine(line, frozenset({"unsafe"} if one.unsafe else ()), one.kind or "", one.matched)
        for line, one in zip(lines, found, strict=True)
    ]


def evaluate_lines(
    screened: Sequence[ScreenedLine], *, side: Side, data: Sequence[Path], rules: Iterable[Path], seconds: float
) -> EvaluationResult:
    """Scores screened lines.

    Args:
        data: Files that the lines were read from; their names and their hash are part of the signature.
        rules: Files that decide what the screening finds; their hash is part of the signature.
        seconds: What the screening took.

    Returns:
        Protocol ``screening``. Systems ``urgent`` and ``any`` (of a supporter: ``unsafe``) with ``recall``: share of
        dangerous lines found; ``precision``: share of dangerous lines among those found, which depends on how many
        harmless ones there are; ``false_positive_rate``: share of harmless lines found. Then, where the lines say it,
        ``SYSTEM: KIND`` and ``SYSTEM, MANNER`` with the recall or the false-positive rate of that part. Percent, with
        exact intervals.
    """
    names = ("urgent", "any") if side == "person" else ("unsafe",)
    systems: dict[str, dict[str, Estimate]] = {name: _scores(screened, name) for name in names}
    kinds = dict.fromkeys(one.line.kind for one in screened if one.line.dangerous and one.line.kind)
    manners = dict.fromkeys((one.line.dangerous, one.line.manner) for one in screened if one.line.manner)
    for name in names:
        for kind in kinds:
            part = [one for one in screened if one.line.dangerous and one.line.kind == kind]
            systems[f"{name}: {kind}"] = {"recall": _found(part, name)}
        for dangerous, manner in manners:
            part = [one for one in screened if (one.line.dangerous, one.line.manner) == (dangerous, manner)]
            metric = "recall" if dangerous else "false_positive_rate"
            systems.setdefault(f"{name}, {manner}", {})[metric] = _found(part, name)
    return EvaluationResult(
        command="screening",
        protocol="screening",
        split="none",
        n=len(screened),
        signature=signature(
            "screening",
            side=side,
            data="+".join(path.stem for path in data) + f"-{_digest(data)}",
            rules=_digest(rules),
            interval=_INTERVAL,
        ),
        seconds=round(seconds, 2),
        systems=systems,
    )


def mistakes(screened: Sequence[ScreenedLine]) -> str:
    """The lines that were missed and the harmless ones that were found, as text."""
    missed = [one for one in screened if one.line.dangerous and not one.levels]
    alarms = [one for one in screened if not one.line.dangerous and one.levels]
    parts = [f"missed: {len(missed)}"]
    parts += [f"  {_about(one.line)}{one.line.text}" for one in missed]
    parts += [f"false alarms: {len(alarms)}"]
    parts += [f"  {_about(one.line)}{one.line.text}  <- {_level(one)}, {one.kind}: {one.matched}" for one in alarms]
    return "\n".join(parts)


def _level(one: ScreenedLine) -> str:
    return "urgent" if "urgent" in one.levels else "worried" if "any" in one.levels else "unsafe"


def _about(line: LabelledLine) -> str:
    about = ", ".join(filter(None, (line.kind, line.manner)))
    return f"[{about}] " if about else ""


def _found(part: Sequence[ScreenedLine], name: str) -> Estimate:
    return share(sum(name in one.levels for one in part), len(part))


def _scores(screened: Sequence[ScreenedLine], name: str) -> dict[str, Estimate]:
    fired = [one.line.dangerous for one in screened if name in one.levels]
    return {
        "recall": _found([one for one in screened if one.line.dangerous], name),
        "precision": share(sum(fired), len(fired)),
        "false_positive_rate": _found([one for one in screened if not one.line.dangerous], name),
    }


def _digest(paths: Iterable[Path]) -> str:
    """The first eight digits of a hash over the contents of files."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()[:8]
