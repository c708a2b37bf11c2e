"""Everything the corpus report says of some dialogues, computed once, and as plain data for JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from corpus.analysis.phrases import Phrase, distinctive_phrases
from corpus.analysis.ratings import Feedback, Intensity, feedback, intensity
from corpus.analysis.statistics import CorpusStatistics, corpus_statistics
from corpus.analysis.turns import Transitions, TurnStatistics, transitions, turn_statistics
from corpus.dialogue import Dialogue
from corpus.strategy import Strategy

HOPS = (3, 4)  # Table 6 of the 2021 paper
PHRASES = 10  # per strategy
LISTED = 100  # plans and transitions of each kind in the JSON, the most frequent


@dataclass(frozen=True)
class CorpusAnalysis:
    """What some dialogues hold.

    Attributes:
        statistics: Sizes, lengths, problems, emotions, strategies, also over the conversation.
        turns: How messages make turns.
        hops: Runs of strategies, one entry for each of :data:`HOPS`.
        phrases: Words and word pairs that each strategy prefers.
        feedback: The seekers' ratings.
        intensity: Emotion intensity before and after.
    """

    statistics: CorpusStatistics
    turns: TurnStatistics
    hops: tuple[Transitions, ...]
    phrases: dict[Strategy, tuple[Phrase, ...]]
    feedback: Feedback
    intensity: Intensity

    def details(self) -> dict[str, Any]:
        """All figures, ready for JSON: shares in percent unless the name says per mille, strategies by their label."""
        statistics, turns, change = self.statistics, self.turns, self.intensity
        return {
            "sizes": {
                "dialogues": statistics.dialogues,
                "messages": statistics.messages,
                "supporter_messages": statistics.supporter_messages,
                "seeker_messages": statistics.seeker_messages,
                "messages_per_dialogue": statistics.messages_per_dialogue,
                "words_per_message": statistics.words,
                "words_per_supporter_message": statistics.supporter_words,
                "words_per_seeker_message": statistics.seeker_words,
            },
            "problems": statistics.problems,
            "emotions": statistics.emotions,
            "strategies": {strategy.label: count for strategy, count in statistics.strategies.items()},
            "strategies_by_progress": [list(row) for row in statistics.strategies_by_progress],
            "turns": {
                "turns": turns.turns,
                "lengths": {str(length): count for length, count in turns.lengths.items()},
                "lengths_collapsed": {str(length): count for length, count in turns.collapsed_lengths.items()},
                "multi_share": turns.multi_share,
                "multi_share_collapsed": turns.collapsed_multi_share,
                "repeats": turns.repeats,
                "neighbours": turns.neighbours,
                "plans": _counted(turns.plans),
                "plans_collapsed": _counted(turns.collapsed_plans),
                "pairs": [
                    {
                        "first": pair.first.label,
                        "second": pair.second.label,
                        "forward": pair.forward,
                        "backward": pair.backward,
                        "lopsidedness": pair.lopsidedness,
                    }
                    for pair in turns.pairs
                ],
            },
            "transitions": {
                str(runs.hops): {
                    "total": runs.total,
                    "runs": [
                        {**entry, "permille": 1000 * entry["count"] / runs.total} for entry in _counted(runs.counts)
                    ],
                }
                for runs in self.hops
            },
            "phrases": {strategy.label: [asdict(one) for one in ranked] for strategy, ranked in self.phrases.items()},
            "feedback": {
                "stars": self.feedback.stars.tolist(),
                "by_phase": self.feedback.by_phase.tolist(),
                "phase_means": list(self.feedback.phase_means()),
            },
            "intensity": {
                "before_by_after": change.table.tolist(),
                "drop_from_minus_4_to_4": change.change().tolist(),
                "mean_before": change.mean_before,
                "mean_after": change.mean_after,
                "before_only": change.before_only,
                "neither": change.neither,
                "repeated": change.repeated,
            },
        }


def analyse(dialogues: Sequence[Dialogue]) -> CorpusAnalysis:
    """Computes everything.

    Raises:
        CorpusError: There are no dialogues, or a supporter message has no strategy.
    """
    return CorpusAnalysis(
        statistics=corpus_statistics(dialogues),
        turns=turn_statistics(dialogues),
        hops=tuple(transitions(dialogues, hops=hops) for hops in HOPS),
        phrases=distinctive_phrases(dialogues, top=PHRASES),
        feedback=feedback(dialogues),
        intensity=intensity(dialogues),
    )


def _counted(counts: dict[tuple[Strategy, ...], int]) -> list[dict[str, Any]]:
    """The most frequent plans or runs as plain data."""
    return [
        {"strategies": [strategy.label for strategy in strategies], "count": count}
        for strategies, count in islice(counts.items(), LISTED)
    ]
