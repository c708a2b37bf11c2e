"""The quality filter of a corpus: which conversations it approves, why it rejects others, how far people agree."""

import csv
import dataclasses
import hashlib
import io
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpus.analysis.quality import (
    LAST_RATINGS,
    SEEKER_CRITERIA,
    SUPPORTER_CRITERIA,
    Approval,
    Assessment,
    CriterionOutcome,
    Measurements,
    Thresholds,
    assess,
    measure,
)
from corpus.files import write_json_lines, write_whole
from corpus.formats.detection import read_dialogues
from evaluation.corpus.threshold_search import ThresholdSearch, approved, labelled, read_human_labels, search_thresholds
from evaluation.report.tables import plain_table, to_text
from evaluation.result import EvaluationResult
from metrics.statistics.agreement import score_kappa
from metrics.statistics.estimate import Estimate, signature

CRITERIA = (*SUPPORTER_CRITERIA, LAST_RATINGS, *SEEKER_CRITERIA)
_ORDER = (Approval.APPROVE, Approval.REJECT, Approval.UNKNOWN)


@dataclass(frozen=True)
class FilteredCorpus:
    """What the filter found.

    Attributes:
        assessments: One per conversation, in the file's order.
        result: Shares in percent, and kappa where there were labels; counts in its details.
        text: Tables for a terminal: counts by reason and by missing field, and what the search found.
    """

    assessments: tuple[Assessment, ...]
    result: EvaluationResult
    text: str


def filter_conversations(
    data: Path, *, thresholds: Thresholds, labels: Path | None, rng: np.random.Generator
) -> FilteredCorpus:
    """Assesses every conversation of a file; human labels also start a search for the thresholds that agree best.

    Args:
        data: A file of any of the formats.
        thresholds: Of the filter; the search begins with them.
        rng: For the intervals of kappa.

    Raises:
        CorpusError: The data or the labels are not what they should be; names file and place.
        ValueError: The labels are all the same.
    """
    start = time.perf_counter()
    dialogues = read_dialogues(data)
    measured = measure(dialogues)
    assessments = tuple(assess(measured, thresholds))
    systems = {"thresholds as given": _shares(assessments)}
    details: dict[str, Any] = {"thresholds": dataclasses.asdict(thresholds), **_counts(assessments, measured)}
    blocks = [
        _approval_table(assessments),
        _reason_table(assessments),
        _missing_table(assessments, measured, thresholds),
    ]
    if labels is not None:
        human = read_human_labels(labels, numbers=[dialogue.number for dialogue in dialogues])
        try:
            part, truth = labelled(measured, human)
        except ValueError as error:
            raise ValueError(f"{labels}: {error}") from error
        search = search_thresholds(part, truth, start=thresholds)
        given = score_kappa(truth, approved(part, thresholds), rng=rng)
        best = score_kappa(truth, approved(part, search.thresholds), rng=rng)
        systems["thresholds as given"]["kappa"] = given
        systems["thresholds found"] = {**_shares(assess(measured, search.thresholds)), "kappa": best}
        details["search"] = {**dataclasses.asdict(search), "labelled": len(truth), "human_approved": int(truth.sum())}
        blocks.append(_search_text(search, truth, given=given, best=best))
    result = EvaluationResult(
        command="filter",
        protocol="filter",
        split="none",
        n=len(dialogues),
        signature=signature(
            "filter",
            data=f"{data.stem}-{hashlib.sha256(data.read_bytes()).hexdigest()[:8]}",
            thresholds=_listed(thresholds).replace(" ", "-").replace(",-", ","),
            words="white-space",
            missing="unknown-not-approved",
        ),
        seconds=round(time.perf_counter() - start, 2),
        systems=systems,
        details=details,
    )
    return FilteredCorpus(assessments, result, "\n\n".join(blocks))


def check_rows_path(path: Path) -> None:
    """Refuses a name that :func:`write_assessments` would not know, before any work is done.

    Raises:
        ValueError: It ends neither in .csv nor in .jsonl.
    """
    if path.suffix not in (".csv", ".jsonl"):
        raise ValueError(f"{path}: expected a name that ends in .csv or .jsonl")


def write_assessments(path: Path, assessments: Sequence[Assessment]) -> None:
    """Writes one row per conversation: number, label, reasons, whether there was a survey, and all measurements.

    Args:
        path: ``.csv`` (numbers with four digits, nothing where missing) or ``.jsonl`` (``null`` where missing).
        assessments: The rows. The CSV begins with the columns of human labels, so that people may correct a copy of it.

    Raises:
        ValueError: Another suffix.
    """
    check_rows_path(path)
    rows = [_row(one) for one in assessments]
    if path.suffix == ".jsonl":
        write_json_lines(path, rows)
        return
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    write_whole(path, text.getvalue())


def _row(one: Assessment) -> dict[str, Any]:
    head = {"dialogue": one.dialogue, "label": one.approval.label, "reasons": list(one.reasons.values())}
    return {**head, "missing": list(one.missing), "survey": one.survey, **{name: one.values[name] for name in CRITERIA}}


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _counted(assessments: Sequence[Assessment]) -> dict[str, int]:
    return {approval.label: sum(one.approval is approval for one in assessments) for approval in _ORDER}


def _shares(assessments: Sequence[Assessment]) -> dict[str, Estimate]:
    counts = _counted(assessments)
    return {
        f"{label}_percent": Estimate(100 * count / len(assessments), math.nan, math.nan)
        for label, count in counts.items()
    }


def _because(assessments: Sequence[Assessment], name: str, outcome: CriterionOutcome) -> int:
    return sum(name in one.reasons and one.outcomes[name] is outcome for one in assessments)


def _by_survey(assessments: Sequence[Assessment]) -> dict[str, list[Assessment]]:
    return {
        "answered": [one for one in assessments if one.survey],
        "not answered": [one for one in assessments if not one.survey],
    }


def _without(assessments: Sequence[Assessment], measured: Measurements) -> dict[str, list[Assessment]]:
    """Criterion -> the conversations that lack what it needs; one rating alone is not the last two."""
    gone = {name: np.isnan(measured.values[name]) for name in CRITERIA} | {LAST_RATINGS: measured.ratings < 2}
    return {name: [assessments[row] for row in np.flatnonzero(gone[name]).tolist()] for name in CRITERIA}


def _counts(assessments: Sequence[Assessment], measured: Measurements) -> dict[str, Any]:
    """The counts of the tables, for the JSON."""
    return {
        "conversations": _counted(assessments),
        "survey": {name: _counted(part) for name, part in _by_survey(assessments).items()},
        "reasons": {
            name: {
                "failed": _because(assessments, name, CriterionOutcome.FAILED),
                "missing": _because(assessments, name, CriterionOutcome.UNKNOWN),
            }
            for name in CRITERIA
        },
        "missing": {name: _counted(part) for name, part in _without(assessments, measured).items()},
    }


def _approval_table(assessments: Sequence[Assessment]) -> str:
    parts = {**_by_survey(assessments), "all": list(assessments)}
    rows = [[name, str(len(part)), *map(str, _counted(part).values())] for name, part in parts.items()]
    headings = ["survey after the chat", "conversations", *(approval.label for approval in _ORDER)]
    return to_text(plain_table(headings, rows))


def _reason_table(assessments: Sequence[Assessment]) -> str:
    rows = []
    for name in CRITERIA:
        failed, missing = (
            _because(assessments, name, outcome) for outcome in (CriterionOutcome.FAILED, CriterionOutcome.UNKNOWN)
        )
        if failed or missing:
            rows.append([name, str(failed), str(missing)])
    if not rows:
        return "Every conversation was approved."
    notes = ["Conversations not approved, by reason; one may have more than one reason."]
    return to_text(plain_table(["reason", "too low", "missing"], rows, notes=notes))


def _missing_table(assessments: Sequence[Assessment], measured: Measurements, thresholds: Thresholds) -> str:
    rows = []
    for name, part in _without(assessments, measured).items():
        if part:
            label = f"{name} (not required)" if name == "detail" and thresholds.detail is None else name
            rows.append([label, str(len(part)), *map(str, _counted(part).values())])
    if not rows:
        return "No field is missing."
    notes = [
        "Missing counts as unknown, and unknown is not approved; only where neither empathy nor relevance is given",
        "do the last two ratings decide for the supporter.",
    ]
    headings = ["missing field", "conversations", *(approval.label for approval in _ORDER)]
    return to_text(plain_table(headings, rows, notes=notes))


def _search_text(search: ThresholdSearch, truth: np.ndarray, *, given: Estimate, best: Estimate) -> str:
    return "\n".join(
        [
            f"{len(truth)} human labels, {int(truth.sum())} approved. Cohen's kappa (unknown counts as rejected):",
            f"  as given  {_kappa(given)}",
            f"  best      {_kappa(best)}  {_listed(search.thresholds)}",
            f"  {search.tried:,} combinations tried, {search.tied:,} as good as the best; shown is the one nearest to "
            "what was given.",
            "Mind: the best kappa is optimistic, because the thresholds were chosen on these same labels; its interval "
            "does not\nknow of the choice. Check it on labels that the search has not seen.",
        ]
    )


def _kappa(kappa: Estimate) -> str:
    return f"{kappa.value:.3f} [{kappa.low:.3f}, {kappa.high:.3f}]"


def _listed(thresholds: Thresholds) -> str:
    values = dataclasses.asdict(thresholds)
    return ", ".join(f"{name} {'not required' if value is None else f'{value:g}'}" for name, value in values.items())
