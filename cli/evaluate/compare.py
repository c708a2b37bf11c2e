"""evaluate.py compare: stored evaluations beside each other and the published figures."""

import dataclasses
from pathlib import Path

import tyro

from cli.evaluate.command import EvaluationCommand, Split
from corpus.files import write_whole


@dataclasses.dataclass(frozen=True)
class CompareGenerators(EvaluationCommand):
    """Put stored evaluations beside each other and the published figures; mark what differs by more than chance."""

    runs: tyro.conf.Positional[tuple[Path, ...]] = dataclasses.field(kw_only=True)
    """Run folders of generators, or single evaluations in them (RUN/evaluations/NAME)."""
    reference: str | None = None
    """System the others are compared with; by default the fine-tuned Vanilla, else the first without given plans."""
    split: Split | None = None
    """Compare evaluations on this part of the corpus only; by default all that were stored."""
    html: Path | None = None
    """File for the tables as an HTML page."""
    latex: Path | None = None
    """File for the tables in LaTeX (booktabs)."""
    text: Path | None = None
    """File for the printed tables as plain text."""

    def evaluate(self) -> None:
        """Reads, compares, shows and writes."""
        from evaluation.generator.comparison_report import compare_runs

        report = compare_runs(self.runs, reference=self.reference, split=self.split, seed=self.seed)
        print(f"\n{report.text()}")
        if self.json is not None:
            report.result.save(self.json)
        if self.html is not None:
            write_whole(self.html, report.html())
        if self.latex is not None:
            write_whole(self.latex, report.latex())
        if self.text is not None:
            write_whole(self.text, report.text() + "\n")
