"""What a supporter reasons about before choosing strategies: context, emotion, cognition, support plan.

Source of the four steps: CARE (arXiv 2510.05122), a supporter's chain of thought before a reply. There they are
written by a large language model; here every label follows from what ESConv itself holds:

============  =================================================================================================
label         from
============  =================================================================================================
context       the dialogue's problem type (annotation)
emotion       the dialogue's emotion type (annotation)
intensity     the seeker's two survey answers, interpolated (:func:`intensity_at`)
need          the first strategy of the turn's own plan that is not *Others* (:func:`need_at`)
stage         the stage most strategies around the turn serve (:func:`stage_at`)
============  =================================================================================================
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from corpus.dialogue import Role, SupporterMessage, Turn
from corpus.strategy import Stage, Strategy, stage_of


class Need(IntEnum):
    """What the seeker needs now. The value is the index everywhere (0..3)."""

    HEARD = 0
    UNDERSTAND = 1
    REASSURED = 2
    ACT = 3

    @property
    def label(self) -> str:
        """Name for people, to stand after "needs"."""
        return _NEED_LABELS[self]


_NEED_LABELS = ("to be heard", "to understand", "to be reassured", "to act")

_ANSWERED: dict[Strategy, Need] = {
    Strategy.QUESTION: Need.HEARD,
    Strategy.RESTATEMENT: Need.HEARD,
    Strategy.REFLECTION: Need.UNDERSTAND,
    Strategy.SELF_DISCLOSURE: Need.UNDERSTAND,
    Strategy.AFFIRMATION: Need.REASSURED,
    Strategy.SUGGESTIONS: Need.ACT,
    Strategy.INFORMATION: Need.ACT,
}


class ReasoningLabels(NamedTuple):
    """The five labels of a turn, ``None`` where the corpus does not tell."""

    context: str | None
    emotion: str | None
    intensity: int | None
    need: Need | None
    stage: Stage | None


@dataclass(frozen=True)
class Reasoning:
    """What a planner concluded before it chose its strategies; ``print`` shows it as four sentences.

    Attributes:
        context: The seeker's problem.
        emotion: What the seeker feels.
        intensity: How strongly, 1..5 (5 = worst).
        need: What the seeker needs now.
        stage: The stage of support the conversation is at.
        probabilities: How sure the planner was of each of the five, in this order, 0..1.
    """

    context: str
    emotion: str
    intensity: int
    need: Need
    stage: Stage
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 1 <= self.intensity <= 5:
            raise ValueError(f"intensity: got {self.intensity}, expected 1 to 5")
        # A hair above 1 is what a softmax in single precision may give.
        if len(self.probabilities) != 5 or not all(0 <= value <= 1 + 1e-5 for value in self.probabilities):
            raise ValueError(f"probabilities: got {self.probabilities}, expected five from 0 to 1")

    def __str__(self) -> str:
        """Four plain sentences, one per line."""
        context, emotion, intensity, need, stage = (f"{value:.0%}" for value in self.probabilities)
        return (
            f"Context: The seeker's problem is {self.context} ({context}).\n"
            f"Emotion: They feel {self.emotion} ({emotion}), at intensity {self.intensity} of 5 ({intensity}).\n"
            f"Cognition: What they need now is {self.need.label} ({need}).\n"
            f"Support plan: The conversation is at the stage of {self.stage.label.lower()} ({stage})."
        )


def reasoning_labels(turn: Turn) -> ReasoningLabels:
    """What the corpus tells about a turn: labels to learn from, never features (need and stage look ahead).

    Raises:
        CorpusError: A message of the turn or of the turns beside it carries no strategy.
    """
    return ReasoningLabels(
        context=turn.dialogue.problem or None,
        emotion=turn.dialogue.emotion or None,
        intensity=intensity_at(turn),
        need=need_at(turn),
        stage=stage_at(turn),
    )


def need_of(plan: Sequence[Strategy]) -> Need | None:
    """The need that a plan answers: that of its first strategy other than *Others*; ``None`` without any.

    A derived label, not an annotation. Its justification: a trained supporter read the seeker and answered what they
    saw, so the answer is evidence of the need. Which skill answers which need follows Hill ("Helping Skills", 2009):
    skills of exploration (questions, restatements) let a seeker be heard; skills of insight (reflections of feelings,
    disclosures of the like) help them understand; skills of action (guidance, information) help them act. Affirmation
    is a need of its own, as in the comforting stage of Liu et al. (ACL 2021, section 3): it reassures. *Others*
    (greetings, thanks) answers no need.
    """
    return next((_ANSWERED[strategy] for strategy in plan if strategy in _ANSWERED), None)


def need_at(turn: Turn) -> Need | None:
    """The need that a turn answers (:func:`need_of`); of a turn of nothing but *Others*, that of a neighbour.

    Greetings and thanks answer no need, but the seeker has one: the next message that answers any tells it, else the
    last one before. Without this, "no need known" would itself announce *Others*. ``None`` where the dialogue has none.
    """
    own = need_of(turn.plan)
    if own is not None:
        return own
    messages = turn.dialogue.messages
    places = (*range(turn.stop, len(messages)), *range(turn.start - 1, -1, -1))
    said = (
        SupporterMessage(turn.dialogue, place).strategy for place in places if messages[place].role is Role.SUPPORTER
    )
    return need_of(list(said))


def intensity_at(turn: Turn) -> int | None:
    """The seeker's emotion intensity at a turn, 1..5, between their answers before and after the conversation.

    Interpolated linearly by the share of messages before the turn, rounded half up. With the answer before alone,
    that; without it ``None``: an answer after the conversation does not tell where it began.
    """
    initial, final = turn.dialogue.survey.initial_intensity, turn.dialogue.survey.final_intensity
    if initial is None or final is None:
        return initial
    length = len(turn.dialogue.messages)
    scaled = initial * length + (final - initial) * turn.start  # intensity * length; whole numbers round exactly
    return (2 * scaled + length) // (2 * length)


def stage_at(turn: Turn) -> Stage | None:
    """The stage of support at a turn; ``None`` where no strategy around it belongs to one.

    The majority over the strategies of three turns, the one before, this and the one after: single messages jump
    between stages more than conversations do. A tie goes to the stage of this turn's first staged strategy if it is
    among the tied, else to the earliest stage.
    """
    before = _run(turn, range(turn.start - 1, -1, -1))
    after = _run(turn, range(turn.stop, len(turn.dialogue.messages)))
    window = (*before, *turn.plan, *after)
    votes = Counter(stage for strategy in window if (stage := stage_of(strategy)) is not None)
    if not votes:
        return None
    tied = sorted(stage for stage, count in votes.items() if count == max(votes.values()))
    own = next((stage for strategy in turn.plan if (stage := stage_of(strategy)) is not None), None)
    return own if own in tied else tied[0]


def _run(turn: Turn, indices: range) -> list[Strategy]:
    """Strategies of the first run of supporter messages that the indices meet."""
    strategies: list[Strategy] = []
    for index in indices:
        if turn.dialogue.messages[index].role is Role.SUPPORTER:
            strategies.append(SupporterMessage(turn.dialogue, index).strategy)
        elif strategies:
            break
    return strategies
