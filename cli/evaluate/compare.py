"""evaluate.py compare: stored evaluations beside each other and the published figures."""

import dataclasses
from pathlib import Path

import tyro

from cli.evaluate.command import EvaluationCommand, Split


@dataclasses.dataclass(frozen=True)
class CompareGenerators(EvaluationCommand):
    """Put stored evaluations beside each other and the published figures; mark what differs by more than chance."""

    runs: tyro.conf.Positional[tuple[Path, ...]] = dataclasses.field(kw_only=True)
    """Run folders with evaluations, or single folders RUN/evaluations/NAME."""
    reference: str | None = None
    """Row that the others are compared with; by default the fine-tuned Vanilla, else the first that writes freely."""
    split: Split | None = None
    """Only evaluations of this part of the corpus."""
    html: Path | None = None
    """File for a page with the tables."""
    latex: Path | None = None
    """File for LaTeX tables (booktabs)."""
    text: Path | None = None
    """File for what is printed."""

    def evaluate(self) -> None:
        """Reads, compares, shows and writes."""
        from evaluation.generator.comparison_report import compare_runs

        report = compare_runs(self.runs, reference=self.reference, split=self.split, seed=self.seed)
        print(f"\n{report.text()}")
        if self.json is not None:
            report.result.save(self.json)
        if self.html is not None:
            report.save_html(self.html)
        if self.latex is not None:
            report.save_latex(self.latex)
        if self.text is not None:
            report.save_text(self.text)
