"""evaluate.py corpus: what a corpus holds, as the 2021 paper counts it."""

import dataclasses
from pathlib import Path

from cli.evaluate.command import EvaluationCommand, Split
from corpus.files import write_whole
from corpus.load import load_corpus


@dataclasses.dataclass(frozen=True)
class EvaluateCorpus(EvaluationCommand):
    """Analyse a corpus as the 2021 paper does: sizes, problems, turns, transitions, phrases, progress, ratings."""

    seed: int = 0
    """Accepted as by every command, without effect: nothing here is random."""
    data: str | None = None
    """Corpus: a file, a directory of split files, or thu-coai/esconv; without it, the bundled sample."""
    split: Split = "all"
    """Part of the corpus that is analysed."""
    html: Path | None = None
    """File for all tables and the figure as an HTML page."""
    figure: Path | None = None
    """File (.png) for the figure of strategies over the conversation."""

    def evaluate(self) -> None:
        """Counts and prints."""
        corpus = load_corpus(self.data)

        from evaluation.corpus.report import report_corpus

        report = report_corpus(corpus, split=self.split)
        self.report(report.result, table=report.overview(), closer=report.text())
        if self.html is not None:
            write_whole(self.html, report.html())
        if self.figure is not None:
            report.save_figure(self.figure)
