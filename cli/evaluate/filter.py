"""evaluate.py filter: which conversations are good, by rules and by people."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from cli.evaluate.command import EvaluationCommand
from corpus.analysis.quality import Thresholds


@dataclasses.dataclass(frozen=True)
class EvaluateFilter(EvaluationCommand):
    """Approve or reject conversations by the 2021 paper's rules, with reasons; search thresholds by human labels."""

    data: Path = dataclasses.field(kw_only=True)
    """File of conversations, in any of the formats."""
    thresholds: Annotated[Thresholds, tyro.conf.arg(name="")] = dataclasses.field(default_factory=Thresholds)
    labels: Path | None = None
    """CSV file of human labels: columns dialogue (number in the file) and label (approved or rejected)."""
    out: Path | None = None
    """File for the decision and its reasons, a row per conversation (.csv or .jsonl)."""

    def evaluate(self) -> None:
        """Approves or rejects every conversation and counts."""
        from evaluation.corpus.quality import check_rows_path, filter_conversations, write_assessments

        if self.out is not None:
            check_rows_path(self.out)
        filtered = filter_conversations(self.data, thresholds=self.thresholds, labels=self.labels, rng=self.rng)
        if self.out is not None:
            write_assessments(self.out, filtered.assessments)
        self.report(filtered.result, closer=filtered.text)
