"""What a corpus holds, as a table with one row per split."""

import math
import time

from corpus.splits import Corpus
from corpus.statistics import CorpusStatistics, corpus_statistics
from corpus.strategy import LABELS
from evaluation.result import EvaluationResult
from metrics.estimate import Estimate
from metrics.signature import signature


def summarise_corpus(corpus: Corpus, *, split: str) -> EvaluationResult:
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
    hashes = "+".join(corpus.fingerprint(name)[:8] for name in corpus.splits)
    return EvaluationResult(
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
        "seeker_words": counts.seeker_words,
        "supporter_words": counts.supporter_words,
    }
    for strategy, count in counts.strategies.items():
        key = "share_" + LABELS[strategy].split()[0].lower().replace("-", "_")
        values[key] = 100 * count / max(1, counts.supporter_messages)
    return {name: Estimate(float(value), math.nan, math.nan) for name, value in values.items()}
