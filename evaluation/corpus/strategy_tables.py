"""How strategies follow each other: in a turn, over the conversation (Table 6, Figure 4), and their words (Figure 3).

Source: Liu et al., ACL 2021, section 4.2 and appendix.
"""

from collections.abc import Sequence
from itertools import islice

from corpus.analysis.phrases import Phrase
from corpus.analysis.statistics import CorpusStatistics
from corpus.analysis.turns import StrategySequence, Transitions, TurnStatistics
from corpus.strategy import Strategy
from evaluation.corpus.tables import absent, decimal, percent
from evaluation.report.figure_style import SHORT_LABELS
from evaluation.report.tables import Table, plain_table

TOP = 10  # rows of a ranked table


def length_table(turns: TurnStatistics) -> Table:
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
    more = (
        "two or more",
        f"{sum(count for length, count in turns.lengths.items() if length > 1):,}",
        decimal(turns.multi_share),
        f"{sum(count for length, count in turns.collapsed_lengths.items() if length > 1):,}",
        decimal(turns.collapsed_multi_share),
    )
    return plain_table(
        ("strategies in the turn", "turns", "%", "repeats collapsed", "%"),
        rows,
        title="Lengths of the supporter's turns",
        notes=[
            "A turn is all messages between two of the seeker's. "
            f"Of {turns.neighbours:,} places where one message follows another in a turn, {turns.repeats:,} repeat the "
            f"strategy ({percent(turns.repeats, turns.neighbours)} %)."
        ],
        totals=[more],
    )


def plan_table(turns: TurnStatistics) -> Table:
    """The most frequent plans, repeats kept."""
    return _plans("Most frequent plans", turns.plans, turns.turns, note="Of all turns.")


def multi_strategy_table(turns: TurnStatistics) -> Table:
    """The most frequent plans of two or more different strategies."""
    plans = {plan: count for plan, count in turns.collapsed_plans.items() if len(plan) > 1}
    note = "Of the turns with two or more different strategies; repeats collapsed."
    return _plans("Most frequent multi-strategy plans", plans, sum(plans.values()), note=note)


def pair_table(turns: TurnStatistics) -> Table:
    """Neighbours in a turn, and which of the two comes first."""
    title = "Most frequent pairs in a turn, and their order"
    if not turns.pairs:
        return absent(title, "multi-strategy turns")
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
    return plain_table(
        ("pair", "together", "this order", "the other", "lopsided, %"),
        rows,
        title=title,
        notes=["Lopsided: share of the more frequent order; 50 = no order, 100 = always this one."],
    )


def transition_table(runs: Transitions) -> Table:
    """Table 6: the most frequent runs of strategies over a conversation."""
    title = f"{runs.hops}-hop transitions over the conversation, per mille"
    if not runs.total:
        return absent(title, f"runs of {runs.hops} strategies")
    rows = [
        (_arrows(run), f"{count:,}", decimal(runs.permille(run), 2)) for run, count in islice(runs.counts.items(), TOP)
    ]
    notes = [f"Of {runs.total:,}; a strategy that the supporter's next message repeats counts once."]
    return plain_table(("transition", "number", "‰"), rows, title=title, notes=notes)


def progress_table(statistics: CorpusStatistics) -> Table:
    """Figure 4 in numbers: strategies in each sixth of a conversation."""
    title = "Strategies over the conversation, % of the supporter's messages in each sixth"
    rows = [
        (f"{phase}/6", *(decimal(share) if any(row) else decimal(None) for share in row))
        for phase, row in enumerate(statistics.strategies_by_progress, start=1)
    ]
    return plain_table(("progress up to", *SHORT_LABELS), rows, title=title)


def phrase_table(phrases: dict[Strategy, tuple[Phrase, ...]]) -> Table:
    """Figure 3: the words and word pairs that each strategy prefers."""
    rows = [(strategy.label, _phrases(ranked)) for strategy, ranked in phrases.items()]
    return plain_table(
        ("strategy", "most distinctive first"),
        rows,
        title="Distinctive words and word pairs of each strategy (z)",
        notes=[
            "z: log-odds ratio with informative Dirichlet prior against all other strategies, in standard deviations; "
            "above 1.96 only, uncorrected for the number of phrases tried."
        ],
        names=2,
    )


def _phrases(ranked: Sequence[Phrase]) -> str:
    return ", ".join(f"{phrase.text} ({phrase.z:.1f})" for phrase in ranked) or "none"


def _plans(title: str, plans: dict[StrategySequence, int], total: int, *, note: str) -> Table:
    if not plans:
        return absent(title, "such turns")
    rows = [(_arrows(plan), f"{count:,}", percent(count, total)) for plan, count in islice(plans.items(), TOP)]
    return plain_table(("plan", "turns", "%"), rows, title=title, notes=[note])


def _arrows(strategies: Sequence[Strategy]) -> str:
    return " → ".join(SHORT_LABELS[strategy] for strategy in strategies)
