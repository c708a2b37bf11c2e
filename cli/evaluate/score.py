"""evaluate.py score: texts of any system."""

import dataclasses
from pathlib import Path

from cli.evaluate.command import TextCommand
from cli.run_folder import check_folders


@dataclasses.dataclass(frozen=True)
class EvaluateScore(TextCommand):
    """Score any system's outputs: two text files with one response a line, or one file of JSON lines."""

    hypotheses: Path | None = None
    """Text file of generated responses, one per line."""
    references: Path | None = None
    """Text file of the annotated responses, one per line, in the same order."""
    outputs: Path | None = None
    """Instead of both: JSON lines with generation and response; also dialogue, history, strategies, gold_strategies."""

    def evaluate(self) -> None:
        """Reads and scores."""
        from evaluation.generator.score import score_files, score_outputs

        if (self.outputs is None) == (self.hypotheses is None) or (self.hypotheses is None) != (
            self.references is None
        ):
            raise ValueError("expected either --outputs FILE, or --hypotheses FILE and --references FILE")
        check_folders(self.tagger)
        models = self.read_models()
        if self.outputs is not None:
            result, skipped = score_outputs(self.outputs, rng=self.rng, models=models)
        elif self.hypotheses is not None and self.references is not None:
            result, skipped = score_files(self.hypotheses, self.references, rng=self.rng, models=models)
        self.report(result, table=result.table(self.columns), closer=skipped.rstrip())
