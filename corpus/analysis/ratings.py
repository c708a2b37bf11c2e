"""What seekers said of the support: stars on the way, and emotion intensity before and after."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.analysis.statistics import PROGRESS_INTERVALS
from corpus.dialogue import Dialogue

STARS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Feedback:
    """The seekers' ratings of the supporter's last messages, 1 (very bad) to 5 (excellent) stars.

    Attributes:
        stars: (5,) ratings of 1, 2, 3, 4, 5 stars.
        by_phase: (6, 5) the same in each sixth of the conversation, by the place of the rated message.
    """

    stars: np.ndarray
    by_phase: np.ndarray

    @property
    def total(self) -> int:
        """All ratings."""
        return int(self.stars.sum())

    def phase_means(self) -> tuple[float | None, ...]:
        """Mean rating of each sixth, 1..5; ``None`` where nobody rated."""
        return tuple(mean_star(row) for row in self.by_phase)


@dataclass(frozen=True)
class Intensity:
    """Emotion intensity before and after, 1..5 (5 = worst), in the dialogues that have both.

    Attributes:
        table: (5, 5) dialogues; row: intensity before, column: intensity after.
        before_only: Dialogues with the intensity before only.
        neither: Dialogues without the intensity before (and, in the data known, without the one after).
        repeated: Of those with both, the dialogues in which the intensity after equals the one before and neither
            empathy nor relevance was rated: there, the survey after the conversation looks unanswered and the
            intensity after copied. In ESConv these are *all* dialogues without a change.
    """

    table: np.ndarray
    before_only: int
    neither: int
    repeated: int

    @property
    def total(self) -> int:
        """Dialogues with both."""
        return int(self.table.sum())

    def change(self) -> np.ndarray:
        """(9,) dialogues by before minus after, from -4 (much worse) to 4 (much better)."""
        return np.array([np.trace(self.table, offset=-drop) for drop in range(-4, 5)])

    @property
    def mean_before(self) -> float | None:
        """Mean intensity before, 1..5; ``None`` where no dialogue has both."""
        return mean_star(self.table.sum(axis=1))

    @property
    def mean_after(self) -> float | None:
        """Mean intensity after, 1..5; ``None`` where no dialogue has both."""
        return mean_star(self.table.sum(axis=0))


def mean_star(counts: np.ndarray) -> float | None:
    """Mean of (5,) counts of the values 1..5; ``None`` without any."""
    total = int(counts.sum())
    return float(counts @ np.array(STARS)) / total if total else None


def feedback(dialogues: Sequence[Dialogue]) -> Feedback:
    """Counts the seekers' ratings; the phase of a rating is index / number of messages of the message that bears it."""
    by_phase = np.zeros((PROGRESS_INTERVALS, len(STARS)), dtype=np.int64)
    for dialogue in dialogues:
        for index, message in enumerate(dialogue.messages):
            if message.feedback is not None:
                by_phase[index * PROGRESS_INTERVALS // len(dialogue.messages), message.feedback - 1] += 1
    return Feedback(by_phase.sum(axis=0), by_phase)


def intensity(dialogues: Sequence[Dialogue]) -> Intensity:
    """Counts emotion intensities before and after."""
    table = np.zeros((len(STARS), len(STARS)), dtype=np.int64)
    before_only = neither = repeated = 0
    for dialogue in dialogues:
        before, after = dialogue.survey.initial_intensity, dialogue.survey.final_intensity
        if before is None:
            neither += 1
        elif after is None:
            before_only += 1
        else:
            table[before - 1, after - 1] += 1
            repeated += before == after and dialogue.survey.empathy is None and dialogue.survey.relevance is None
    return Intensity(table, before_only, neither, repeated)
