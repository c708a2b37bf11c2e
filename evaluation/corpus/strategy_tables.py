"""How strategies follow each other: in a turn, over the conversation (Table 6, Figure 4), and their words (Figure 3).

Source: Liu et al., ACL 2021, section 4.2 and appendix.
"""

from collections.abc import Sequence
from itertools import islice

from corpus.analysis.phrases import Phrase
from corpus.analysis.statistics import CorpusStatistics
from corpus.analysis.turns import StrategySequence, Transitions, TurnStatistics
from corpus.strategy import Strategy
from evaluation.corpus.tables import CorpusTable, absent, decimal, percent
from evaluation.report.figure_style import SHORT_LABELS

TOP = 10  # rows of a ranked table


def length_table(turns: TurnStatistics) -> CorpusTable:
    """Turns by length, raw and with repeats collapsed."""
    lengths = sorted({*turns.lengths, *turns.collapsed_lengths})
    if not lengths:
        return absent("Lengths of the supporter's turns", "supporter turns")
    rows = [
        (
            str(length),
            f"{turns.lengths.get(length, 0):,}",
            percent(turns.lengths.get(length, 0), turns.turns),
            f"{turns.collapsed_lengths.get(length, 0):,}",
            percent(turns.collapsed_lengths.get(length, 0), turns.turns),
        )
        for length in lengths
    ]
    several = (
        "two or more",
        f"{sum(count for length, count in turns.lengths.items() if length > 1):,}",
        decimal(turns.multi_share),
        f"{sum(count for length, count in turns.collapsed_lengths.items() if length > 1):,}",
        decimal(turns.collapsed_multi_share),
    )
    return CorpusTable(
        "Lengths of the supporter's turns",
        (("strategies in the turn", "turns", "%", "repeats collapsed", "%"), *rows, several),
        f"A turn is all messages between two of the seeker's. Of {turns.neighbours:,} places where one message follows "
        f"another in a turn, {turns.repeats:,} repeat the strategy ({percent(turns.repeats, turns.neighbours)} %).",
    )


def plan_table(turns: TurnStatistics) -> CorpusTable:
    """The most frequent plans, repeats kept."""
    return _plans("Most frequent plans", turns.plans, turns.turns, note="Of all turns.")


def several_table(turns: TurnStatistics) -> CorpusTable:
    """The most frequent plans of several different strategies."""
    several = {plan: count for plan, count in turns.collapsed_plans.items() if len(plan) > 1}
    note = "Of the turns with two or more different strategies; repeats collapsed."
    return _plans("Most frequent plans of several strategies", several, sum(several.values()), note=note)


def pair_table(turns: TurnStatistics) -> CorpusTable:
    """Neighbours in a turn, and which of the two comes first."""
    title = "Most frequent pairs in a turn, and their order"
    if not turns.pairs:
        return absent(title, "turns of several strategies")
    rows = [
        (
            f"{SHORT_LABELS[pair.first]} → {SHORT_LABELS[pair.second]}",
            f"{pair.total:,}",
            f"{pair.forward:,}",
            f"{pair.backward:,}",
            decimal(pair.lopsidedness),
        )
        for pair in turns.pairs[:TOP]
    ]
    return CorpusTable(
        title,
        (("pair", "together", "this order", "the other", "lopsided, %"), *rows),
        "Lopsided: share of the more frequent order; 50 = no order, 100 = always this one.",
    )


def transition_table(runs: Transitions) -> CorpusTable:
    """Table 6: the most frequent runs of strategies over a conversation."""
    title = f"{runs.hops}-hop transitions over the conversation, per mille"
    if not runs.total:
        return absent(title, f"runs of {runs.hops} strategies")
    rows = [
        (_arrows(run), f"{count:,}", decimal(runs.permille(run), 2)) for run, count in islice(runs.counts.items(), TOP)
    ]
    return CorpusTable(
        title,
        (("transition", "number", "‰"), *rows),
        f"Of {runs.total:,}; a strategy that the supporter's next message repeats counts once.",
    )


def progress_table(statistics: CorpusStatistics) -> CorpusTable:
    """Figure 4 in numbers: strategies in each sixth of a conversation."""
    title = "Strategies over the conversation, % of the supporter's messages in each sixth"
    rows = [
        (f"{phase}/6", *(decimal(share) if any(row) else decimal(None) for share in row))
        for phase, row in enumerate(statistics.strategies_by_progress, start=1)
    ]
    return CorpusTable(title, (("progress up to", *SHORT_LABELS), *rows))


def phrase_table(phrases: dict[Strategy, tuple[Phrase, ...]]) -> CorpusTable:
    """Figure 3: the words and word pairs that each strategy prefers."""
    rows = [(strategy.label, _phrases(ranked)) for strategy, ranked in phrases.items()]
    return CorpusTable(
        "Distinctive words and word pairs of each strategy (z)",
        (("strategy", "most distinctive first"), *rows),
        "z: log-odds ratio with informative Dirichlet prior against all other strategies, in standard deviations; "
        "above 1.96 only, uncorrected for the number of phrases tried.",
        left=2,
    )


def _phrases(ranked: Sequence[Phrase]) -> str:
    return ", ".join(f"{phrase.text} ({phrase.z:.1f})" for phrase in ranked) or "none"


def _plans(title: str, plans: dict[StrategySequence, int], total: int, *, note: str) -> CorpusTable:
    if not plans:
        return absent(title, "such turns")
    rows = [(_arrows(plan), f"{count:,}", percent(count, total)) for plan, count in islice(plans.items(), TOP)]
    return CorpusTable(title, (("plan", "turns", "%"), *rows), note)


def _arrows(strategies: Sequence[Strategy]) -> str:
    return " → ".join(SHORT_LABELS[strategy] for strategy in strategies)
