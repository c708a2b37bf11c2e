"""Tables 2 and 3 of the 2021 paper for any corpus, and what the seekers' ratings and intensities say.

Source: Liu et al., ACL 2021, section 4: Table 2 (sizes), Table 3 (problems, emotions, feedback, strategies).
"""

from collections.abc import Mapping

from corpus.analysis.ratings import STARS, Feedback, Intensity, mean_star
from corpus.analysis.statistics import CorpusStatistics
from evaluation.report.tables import UNDEFINED, Column, Table, plain_table


def absent(title: str, what: str) -> Table:
    """The table of something that the data do not carry: one line that says so."""
    return Table((Column(""),), (), title, (f"These data carry no {what}.",))


def shares(title: str, heading: str, counts: Mapping[str, int], *, note: str = "") -> Table:
    """Counts with their share of all of them."""
    total = sum(counts.values())
    rows = [(name, f"{count:,}", percent(count, total)) for name, count in counts.items()]
    together = ("together", f"{total:,}", percent(total, total))
    return plain_table((heading, "number", "%"), rows, title=title, notes=[note], totals=[together])


def percent(count: float, total: float) -> str:
    """A share in percent with one decimal; a dash of nothing."""
    return decimal(100 * count / total if total else None)


def decimal(value: float | None, places: int = 1) -> str:
    """A number for a cell; a dash where there is none."""
    return UNDEFINED if value is None else f"{value:,.{places}f}"


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
    return shares("Strategies of the supporter's messages", "strategy", counts)


def feedback_table(feedback: Feedback) -> Table:
    """Table 3: the seekers' ratings of what the supporter wrote."""
    title = "Feedback of the seekers, stars"
    if not feedback.total:
        return absent(title, "feedback ratings")
    counts = dict(zip(STAR_NAMES, feedback.stars.tolist(), strict=True))
    return shares(title, "stars", counts, note=f"Mean {decimal(mean_star(feedback.stars), 2)}.")


def phase_table(feedback: Feedback) -> Table:
    """Ratings in each sixth of a conversation."""
    title = "Feedback by phase of the conversation"
    if not feedback.total:
        return absent(title, "feedback ratings")
    rows = [
        (
            f"{phase}/6",
            f"{row.sum():,}",
            decimal(mean, 2),
            *(percent(count, int(row.sum())) for count in row.tolist()),
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
        return absent(title, "emotion intensity" + (found if intensity.before_only else ""))
    rows = [
        (f"before {star}", *(f"{count:,}" for count in row), f"{sum(row):,}")
        for star, row in zip(STARS, intensity.table.tolist(), strict=True)
    ]
    after = intensity.table.sum(axis=0).tolist()
    change = intensity.change()  # (9,) from -4 to 4
    better, worse = int(change[5:].sum()), int(change[:4].sum())
    note = (
        f"Mean {decimal(intensity.mean_before, 2)} before, {decimal(intensity.mean_after, 2)} after. Better in "
        f"{percent(better, intensity.total)} %, the same in {percent(int(change[4]), intensity.total)} %, "
        f"worse in {percent(worse, intensity.total)} %."
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
        ("", *(f"after {star}" for star in STARS), "together"),
        rows,
        title=title,
        notes=[note],
        totals=[("together", *(f"{count:,}" for count in after), f"{intensity.total:,}")],
    )


def _per_dialogue(title: str, heading: str, counts: Mapping[str, int], dialogues: int) -> Table:
    if not counts:
        return absent(title, f"{heading} types")
    given = sum(counts.values())
    note = f"Given in {given:,} of {dialogues:,} dialogues." if given < dialogues else ""
    return shares(title, heading, counts, note=note)
