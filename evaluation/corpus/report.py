"""The corpus report: the analyses of the 2021 paper for any corpus, as text, as a page, and Figure 4 as a picture."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from corpus.files import write_whole
from corpus.splits import Corpus
from evaluation.corpus import strategy_tables, tables
from evaluation.corpus.analysis import CorpusAnalysis, analyse
from evaluation.corpus.summary import summarise_corpus
from evaluation.report.figures import progress_figure, save_progress
from evaluation.report.pages import template
from evaluation.report.tables import Table, to_text
from evaluation.result import EvaluationResult


@dataclass(frozen=True, slots=True)
class CorpusSection:
    """A part of the report: tables under a heading, after a figure where there is one."""

    heading: str
    tables: tuple[Table, ...]
    figure: Markup | None = None


@dataclass(frozen=True)
class CorpusReport:
    """What a corpus holds, ready to be shown.

    Attributes:
        result: One row of figures per split; everything else in ``details``.
        analysis: The figures of the split that was asked for.
        name: What the data are called, and which part of them was read.
    """

    result: EvaluationResult
    analysis: CorpusAnalysis
    name: str

    def text(self) -> str:
        """All tables for a terminal."""
        blocks = []
        for section in self.sections():
            blocks.append(f"{section.heading}\n{'=' * len(section.heading)}")
            blocks += map(to_text, section.tables)
        return "\n\n".join(blocks)

    def html(self) -> str:
        """The page: styles and figure inline, nothing fetched, nothing executed, every text escaped."""
        figure = progress_figure(self._panel(), title="Strategies over the conversation")
        return template("corpus.html.j2").render(
            name=self.name, result=self.result, sections=self.sections(figure=figure)
        )

    def sections(self, *, figure: Markup | None = None) -> tuple[CorpusSection, ...]:
        """The parts in their order.

        Args:
            figure: Figure 4 as an ``<svg>`` element, for a page.
        """
        found = self.analysis
        return (
            CorpusSection("Dialogues and messages (Table 2)", (tables.size_table(found.statistics),)),
            CorpusSection(
                "Problems, emotions, feedback, strategies (Table 3)",
                (
                    tables.problem_table(found.statistics),
                    tables.emotion_table(found.statistics),
                    tables.feedback_table(found.feedback),
                    tables.strategy_table(found.statistics),
                ),
            ),
            CorpusSection(
                "The supporter's turns",
                (
                    strategy_tables.length_table(found.turns),
                    strategy_tables.plan_table(found.turns),
                    strategy_tables.multi_strategy_table(found.turns),
                    strategy_tables.pair_table(found.turns),
                ),
            ),
            CorpusSection("Transitions (Table 6)", tuple(map(strategy_tables.transition_table, found.hops))),
            CorpusSection("Words of each strategy (Figure 3)", (strategy_tables.phrase_table(found.phrases),)),
            CorpusSection(
                "Strategies over the conversation (Figure 4)",
                (strategy_tables.progress_table(found.statistics),),
                figure,
            ),
            CorpusSection(
                "Whether it helped", (tables.intensity_table(found.intensity), tables.phase_table(found.feedback))
            ),
        )

    def save_html(self, path: Path) -> None:
        """Writes the page, whole."""
        write_whole(path, self.html())

    def save_figure(self, path: Path) -> None:
        """Writes Figure 4 as a PNG, whole.

        Raises:
            ValueError: The name does not end in ``.png``.
        """
        save_progress(path, self._panel())

    def _panel(self) -> dict[str, np.ndarray]:
        return {self.name: np.array(self.analysis.statistics.strategies_by_progress)}


def report_corpus(corpus: Corpus, *, split: str) -> CorpusReport:
    """Analyses a corpus.

    Args:
        corpus: The data.
        split: The part that is analysed; ``all`` for everything, with a row of sizes for each split besides.

    Raises:
        CorpusError: The split does not exist, or a supporter message has no strategy.
    """
    analysis = analyse(corpus.split(split))
    result = dataclasses.replace(summarise_corpus(corpus, split=split), details=analysis.details())
    return CorpusReport(result, analysis, corpus.name if split == "all" else f"{corpus.name}, {split}")
