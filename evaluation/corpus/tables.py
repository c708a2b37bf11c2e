"""The tables of the corpus report, for any corpus: sizes, problems, strategies, turns, transitions, words, intensities.

Source: Liu et al., ACL 2021, section 4 and appendix: Tables 2, 3 and 6, Figures 3 and 4; turns and intensities besides.
What the data lack is shown as a dash.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import islice

from corpus.analysis.phrases import Phrase
from corpus.analysis.ratings import STARS, Feedback, Intensity, mean_star
from corpus.analysis.statistics import CorpusStatistics
from corpus.analysis.turns import StrategySequence, Transitions, TurnStatistics
from corpus.strategy import Strategy
from evaluation.report.tables import UNDEFINED, Column, Table, plain_table

TOP = 10  # rows of a ranked table
STAR_NAMES = ("1 (very bad)", "2 (bad)", "3 (average)", "4 (good)", "5 (excellent)")


def size_table(statistics: CorpusStatistics) -> Table:
    """Table 2: messages and lengths by role."""
    dialogues = statistics.dialogues
    seeker, supporter = statistics.seeker_messages, statistics.supporter_messages
    return plain_table(
        ("", "both", "supporter", "seeker"),
        (
            ("dialogues", f"{dialogues:,}", "", ""),
            ("messages", f"{statistics.messages:,}", f"{supporter:,}", f"{seeker:,}"),
            (
                "messages per dialogue",
                decimal(statistics.messages_per_dialogue),
                decimal(supporter / dialogues),
                decimal(seeker / dialogues),
            ),
            (
                "words per message",
                decimal(statistics.words),
                decimal(statistics.supporter_words),
                decimal(statistics.seeker_words),
            ),
        ),
        title="Dialogues, messages, lengths",
        notes=["Words are what white space separates."],
    )


def problem_table(statistics: CorpusStatistics) -> Table:
    """Table 3: what the seekers' problems are."""
    return _per_dialogue("Problems", "problem", statistics.problems, statistics.dialogues)


def emotion_table(statistics: CorpusStatistics) -> Table:
    """Table 3: what the seekers feel."""
    return _per_dialogue("Emotions", "emotion", statistics.emotions, statistics.dialogues)


def strategy_table(statistics: CorpusStatistics) -> Table:
    """Table 3: what the supporters do."""
    counts = {strategy.label: count for strategy, count in statistics.strategies.items()}
    return _shares("Strategies of the supporter's messages", "strategy", counts)


def feedback_table(feedback: Feedback) -> Table:
    """Table 3: the seekers' ratings of what the supporter wrote."""
    title = "Feedback of the seekers, stars"
    if not feedback.total:
        return _absent(title, "feedback ratings")
    counts = dict(zip(STAR_NAMES, feedback.stars.tolist(), strict=True))
    return _shares(title, "stars", counts, note=f"Mean {decimal(mean_star(feedback.stars), 2)}.")


def phase_table(feedback: Feedback) -> Table:
    """Ratings in each sixth of a conversation."""
    title = "Feedback by phase of the conversation"
    if not feedback.total:
        return _absent(title, "feedback ratings")
    rows = [
        (
            f"{phase}/6",
            f"{row.sum():,}",
            decimal(mean, 2),
            *(_percent(count, int(row.sum())) for count in row.tolist()),
        )
        for phase, (row, mean) in enumerate(zip(feedback.by_phase, feedback.phase_means(), strict=True), start=1)
    ]
    heading = ("progress up to", "ratings", "mean", *(f"{star}, %" for star in STARS))
    notes = ["A rating counts where it was given: at the message that bears it."]
    return plain_table(heading, rows, title=title, notes=notes)


def intensity_table(intensity: Intensity) -> Table:
    """Emotion intensity before against after, in dialogues."""
    title = "Emotion intensity before and after, dialogues (5 = worst)"
    if not intensity.total:
        found = f" after the conversation ({intensity.before_only:,} dialogues have one before)"
        return _absent(title, "emotion intensity" + (found if intensity.before_only else ""))
    rows = [
        (f"before {star}", *(f"{count:,}" for count in row), f"{sum(row):,}")
        for star, row in zip(STARS, intensity.table.tolist(), strict=True)
    ]
    after = intensity.table.sum(axis=0).tolist()
    change = intensity.change()  # (9,) from -4 to 4
    better, worse = int(change[5:].sum()), int(change[:4].sum())
    note = (
        f"Mean {decimal(intensity.mean_before, 2)} before, {decimal(intensity.mean_after, 2)} after. Better in "
        f"{_percent(better, intensity.total)} %, the same in {_percent(int(change[4]), intensity.total)} %, "
        f"worse in {_percent(worse, intensity.total)} %."
    )
    if intensity.repeated:
        note += (
            f" In {intensity.repeated:,} of the {int(change[4]):,} without a change nothing else was rated afterwards: "
            "the survey looks unanswered there, and the intensity after copied."
        )
    if intensity.before_only or intensity.neither:
        note += (
            f" Left out: {intensity.before_only:,} dialogues without the one after, {intensity.neither:,} without any."
        )
    return plain_table(
        ("", *(f"after {star}" for star in STARS), "all"),
        rows,
        title=title,
        notes=[note],
        totals=[("all", *(f"{count:,}" for count in after), f"{intensity.total:,}")],
    )


def _per_dialogue(title: str, heading: str, counts: Mapping[str, int], dialogues: int) -> Table:
    if not counts:
        return _absent(title, f"{heading} types")
    given = sum(counts.values())
    note = f"Given in {given:,} of {dialogues:,} dialogues." if given < dialogues else ""
    return _shares(title, heading, counts, note=note)


def length_table(turns: TurnStatistics) -> Table:
    """Turns by length, raw and with repeats collapsed."""
    lengths = sorted({*turns.lengths, *turns.collapsed_lengths})
    if not lengths:
        return _absent("Lengths of the supporter's turns", "supporter turns")
    rows = [
        (
            str(length),
            f"{turns.lengths.get(length, 0):,}",
            _percent(turns.lengths.get(length, 0), turns.turns),
            f"{turns.collapsed_lengths.get(length, 0):,}",
            _percent(turns.collapsed_lengths.get(length, 0), turns.turns),
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
            f"strategy ({_percent(turns.repeats, turns.neighbours)} %)."
        ],
        totals=[more],
    )


def plan_table(turns: TurnStatistics) -> Table:
    """The most frequent plans, repeats included."""
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
        return _absent(title, "multi-strategy turns")
    rows = [
        (
            f"{pair.first.short_label} → {pair.second.short_label}",
            f"{pair.total:,}",
            f"{pair.forward:,}",
            f"{pair.backward:,}",
            decimal(pair.lopsidedness),
        )
        for pair in turns.pairs[:TOP]
    ]
    return plain_table(
        ("pair", "turns", "this order", "other order", "more frequent order, %"),
        rows,
        title=title,
        notes=["The last column is 50 where both orders are equally frequent, and 100 where one order never occurs."],
    )


def transition_table(runs: Transitions) -> Table:
    """Table 6: the most frequent runs of strategies over a conversation."""
    title = f"{runs.hops}-hop transitions over the conversation, per mille"
    if not runs.total:
        return _absent(title, f"runs of {runs.hops} strategies")
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
    return plain_table(("progress up to", *(strategy.short_label for strategy in Strategy)), rows, title=title)


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
        return _absent(title, "such turns")
    rows = [(_arrows(plan), f"{count:,}", _percent(count, total)) for plan, count in islice(plans.items(), TOP)]
    return plain_table(("plan", "turns", "%"), rows, title=title, notes=[note])


def _arrows(strategies: Sequence[Strategy]) -> str:
    return " → ".join(strategy.short_label for strategy in strategies)


def _absent(title: str, what: str) -> Table:
    """The table of something that the data do not carry: one line that says so."""
    return Table((Column(""),), (), title, (f"These data carry no {what}.",))


def _shares(title: str, heading: str, counts: Mapping[str, int], *, note: str = "") -> Table:
    """Counts with their share of all of them."""
    total = sum(counts.values())
    rows = [(name, f"{count:,}", _percent(count, total)) for name, count in counts.items()]
    together = ("all", f"{total:,}", _percent(total, total))
    return plain_table((heading, "number", "%"), rows, title=title, notes=[note], totals=[together])


def _percent(count: float, total: float) -> str:
    """A share in percent with one decimal; a dash of nothing."""
    return decimal(100 * count / total if total else None)


def decimal(value: float | None, places: int = 1) -> str:
    """A number for a cell; a dash where there is none."""
    return UNDEFINED if value is None or math.isnan(value) else f"{value:,.{places}f}"
