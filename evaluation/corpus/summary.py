"""What a corpus holds, in few figures for every split."""

import math
import time
from collections.abc import Collection, Sequence

from corpus.analysis.statistics import CorpusStatistics, corpus_statistics
from corpus.splits import Corpus
from corpus.strategy import LABELS
from evaluation.corpus.tables import decimal
from evaluation.report.tables import Table, plain_table
from evaluation.result import EvaluationResult
from metrics.statistics.estimate import Estimate, signature

# Figure -> its decimals, in a terminal; the report's own tables hold the rest.
_SHOWN = {
    "dialogues": 0,
    "supporter_messages": 0,
    "turns": 0,
    "multi_message_share": 1,
    "messages_per_dialogue": 1,
    "seeker_words": 1,
    "supporter_words": 1,
}


class CorpusResult(EvaluationResult):
    """A result whose table has a line per split and few columns."""

    def table(self, columns: Sequence[str] | None = None, *, own: Collection[str] = ()) -> Table:  # noqa: ARG002 - always the same columns
        """Sizes of every split; ``multi_message_share`` in percent of the turns, the last two in words per message."""
        rows = []
        for name, scores in self.systems.items():
            values = {column: scores[column].value for column in _SHOWN}
            cells = [decimal(None if math.isnan(value) else value, _SHOWN[column]) for column, value in values.items()]
            rows.append((name, *cells))
        return plain_table(("split", *(column.replace("_", " ") for column in _SHOWN)), rows)


def summarise_corpus(corpus: Corpus, *, split: str) -> CorpusResult:
    """Counts and shares of a corpus, split by split and together.

    Args:
        corpus: The data.
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
    hashes = "+".join(corpus.digest(name)[:8] for name in corpus.splits)
    return CorpusResult(
        command="corpus",
        protocol="corpus",
        split=split,
        n=statistics[split].dialogues,
        signature=signature("corpus", data=f"{corpus.name}-{hashes}"),
        seconds=round(time.perf_counter() - start, 2),
        systems={name: _row(counts) for name, counts in statistics.items()},
    )


def _row(counts: CorpusStatistics) -> dict[str, Estimate]:
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
