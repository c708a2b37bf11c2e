"""The corpus report: what the 2021 paper says of its data, for any corpus, as text, as a page, and Figure 4 alone."""

import dataclasses
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from corpus.analysis.statistics import CorpusStatistics, corpus_statistics
from corpus.splits import Corpus
from corpus.strategy import LABELS
from evaluation.corpus import tables
from evaluation.corpus.analysis import CorpusAnalysis, analyse
from evaluation.report.figures import progress_figure, save_progress
from evaluation.report.pages import template
from evaluation.report.tables import Table, plain_table, to_text
from evaluation.result import EvaluationResult
from metrics.statistics.estimate import Estimate, signature

# Figures of the overview and their decimals.
_OVERVIEW = {
    "dialogues": 0,
    "supporter_messages": 0,
    "turns": 0,
    "multi_message_share": 1,
    "messages_per_dialogue": 1,
    "seeker_words": 1,
    "supporter_words": 1,
}


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

    def overview(self) -> Table:
        """Sizes of every split; ``multi_message_share`` in percent of the turns, the last two in words per message."""
        rows = []
        for name, scores in self.result.systems.items():
            values = [scores[figure].value for figure in _OVERVIEW]
            rows.append((name, *(tables.decimal(*one) for one in zip(values, _OVERVIEW.values(), strict=True))))
        return plain_table(("split", *(figure.replace("_", " ") for figure in _OVERVIEW)), rows)

    def text(self) -> str:
        """All other tables for a terminal."""
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
        """The parts in their order."""
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
                    tables.length_table(found.turns),
                    tables.plan_table(found.turns),
                    tables.multi_strategy_table(found.turns),
                    tables.pair_table(found.turns),
                ),
            ),
            CorpusSection("Transitions (Table 6)", tuple(map(tables.transition_table, found.hops))),
            CorpusSection("Words of each strategy (Figure 3)", (tables.phrase_table(found.phrases),)),
            CorpusSection(
                "Strategies over the conversation (Figure 4)",
                (tables.progress_table(found.statistics),),
                figure,
            ),
            CorpusSection(
                "Whether it helped", (tables.intensity_table(found.intensity), tables.phase_table(found.feedback))
            ),
        )

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
        split: The part that is analysed; ``all`` for everything, with a row of sizes for each split besides.

    Raises:
        CorpusError: The split does not exist, or a supporter message has no strategy.
    """
    analysis = analyse(corpus.split(split))
    result = dataclasses.replace(summarise_corpus(corpus, split=split), details=analysis.details())
    return CorpusReport(result, analysis, corpus.name if split == "all" else f"{corpus.name}, {split}")


def summarise_corpus(corpus: Corpus, *, split: str) -> EvaluationResult:
    """Counts and shares of a corpus, split by split and together.

    Args:
        split: ``train``, ``valid`` or ``test`` for one row; ``all`` for a row per split and one for all.

    Returns:
        Protocol ``corpus``; its systems are the splits, its metrics counts, means, and the share of each strategy
        among the supporter's messages (percent). Counts have no interval.

    Raises:
        CorpusError: The split does not exist.
    """
    start = time.perf_counter()
    names = [*corpus.splits, "all"] if split == "all" and len(corpus.splits) > 1 else [split]
    statistics = {name: corpus_statistics(corpus.split(name)) for name in names}
    return EvaluationResult(
        command="corpus",
        protocol="corpus",
        split=split,
        n=statistics[split].dialogues,
        signature=signature("corpus", data=corpus.identity("all")),
        seconds=round(time.perf_counter() - start, 2),
        systems={name: _sizes(counts) for name, counts in statistics.items()},
    )


def _sizes(counts: CorpusStatistics) -> dict[str, Estimate]:
    values: dict[str, float] = {
        "dialogues": counts.dialogues,
        "supporter_messages": counts.supporter_messages,
        "turns": counts.turns,
        "multi_message_turns": counts.multi_message_turns,
        "multi_message_share": 100 * counts.multi_message_turns / max(1, counts.turns),
        "messages_per_dialogue": counts.messages_per_dialogue,
        "seeker_words": math.nan if counts.seeker_words is None else counts.seeker_words,
        "supporter_words": math.nan if counts.supporter_words is None else counts.supporter_words,
    }
    for strategy, count in counts.strategies.items():
        key = "share_" + LABELS[strategy].split()[0].lower().replace("-", "_")
        values[key] = 100 * count / max(1, counts.supporter_messages)
    return {name: Estimate(float(value), math.nan, math.nan) for name, value in values.items()}
