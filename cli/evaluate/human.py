"""evaluate.py human: how participants of studies compared two systems."""

import dataclasses
from pathlib import Path

from cli.evaluate.command import EvaluationCommand


@dataclasses.dataclass(frozen=True)
class EvaluateHuman(EvaluationCommand):
    """Show how people compared two systems (studies of python -m chat --compare): Table 5 of the 2021 paper."""

    seed: int = 0
    """Accepted as by every command, without effect: nothing here is random."""
    study: tuple[Path, ...] = dataclasses.field(kw_only=True)
    """Study files that python -m chat --compare wrote, one for each pair of systems."""

    def evaluate(self) -> None:
        """Reads the studies and counts."""
        from evaluation.human.comparison import compare_humans, human_table
        from evaluation.human.participant import read_study

        result = compare_humans([read_study(path) for path in self.study])
        self.report(result, table=human_table(result))
