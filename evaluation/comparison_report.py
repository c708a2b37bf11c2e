"""Everything that comes of comparing kept evaluations: text, page, LaTeX and JSON of the same tables."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from corpus.whole_file import write_whole
from evaluation.comparison_latex import comparison_latex
from evaluation.comparison_table import ComparisonTable, comparison_json, comparison_table
from evaluation.comparison_text import comparison_text
from evaluation.kept_evaluation import read_evaluations
from evaluation.metric_names import METRIC_NAMES
from evaluation.result import EvaluationResult
from evaluation.system_comparison import Comparison, compare_evaluations

_ARROWS = {"higher": "↑", "lower": "↓", "": ""}


@dataclass(frozen=True)
class ComparisonReport:
    """Comparisons with their tables.

    Attributes:
        comparisons: By messages, by turns, or both.
        seconds: Time they took.
    """

    comparisons: tuple[Comparison, ...]
    seconds: float

    @property
    def tables(self) -> tuple[ComparisonTable, ...]:
        """What is shown."""
        return tuple(comparison_table(comparison) for comparison in self.comparisons)

    def text(self) -> str:
        """All tables for a terminal."""
        return "\n\n\n".join(comparison_text(table) for table in self.tables)

    @property
    def result(self) -> EvaluationResult:
        """All rows of all tables, with the differences and everything else of each in the details."""
        first = self.comparisons[0]
        signatures = [comparison.signature.split("|") for comparison in self.comparisons]
        shared = [part for part in signatures[0] if all(part in other for other in signatures)]
        splits = {comparison.split for comparison in self.comparisons}
        return EvaluationResult(
            command="compare",
            protocol="text",
            split=first.split if len(splits) == 1 else "none",
            n=sum(comparison.n for comparison in self.comparisons),
            signature="|".join(shared),
            seconds=self.seconds,
            # A generator may stand in both tables.
            systems={
                f"{row}, by {one.unit}s" if len(self.comparisons) > 1 else row: scores
                for one in self.comparisons
                for row, scores in one.systems.items()
            },
            details={"tables": [comparison_json(comparison) for comparison in self.comparisons]},
        )

    def html(self) -> str:
        """One self-contained page: nothing fetched, nothing executed, every text escaped."""
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent),
            autoescape=True,  # for every template, whatever its name
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        template = environment.get_template("comparison.html.j2")
        return template.render(tables=self.tables, names=METRIC_NAMES, arrows=_ARROWS)

    def save_html(self, path: Path) -> None:
        """Writes the page whole."""
        write_whole(path, self.html())

    def save_latex(self, path: Path) -> None:
        """Writes the LaTeX tables whole."""
        write_whole(path, comparison_latex(self.tables))

    def save_text(self, path: Path) -> None:
        """Writes what the terminal shows, whole."""
        write_whole(path, self.text() + "\n")


def compare_runs(runs: Sequence[Path], *, reference: str | None, split: str | None, seed: int) -> ComparisonReport:
    """Compares everything that run folders keep.

    Args:
        runs: Run folders, or single folders of their evaluations, in the order of the rows.
        reference: Row that the others are compared with; ``None``: as :func:`compare_evaluations` chooses.
        split: Only evaluations of this part of the corpus; ``None``: all there are.
        seed: Of the resamples.

    Raises:
        ValueError: As :func:`read_evaluations` and :func:`compare_evaluations`.
    """
    start = time.perf_counter()
    evaluations = [one for run in runs for one in read_evaluations(run, split=split)]
    comparisons = compare_evaluations(evaluations, reference=reference, seed=seed)
    return ComparisonReport(comparisons, round(time.perf_counter() - start, 2))
