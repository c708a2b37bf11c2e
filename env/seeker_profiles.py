"""Seekers out of the corpus: whom a dialogue environment can let the supporter talk to."""

from collections.abc import Sequence

from corpus.dialogue import Dialogue, Turn
from env.seeker import SeekerProfile

LEAST_INTENSITY = 2  # a seeker at 1 feels as well as the survey can say: nothing can fall


def first_answer(dialogue: Dialogue) -> Turn | None:
    """The first supporter turn that follows a seeker message; ``None`` where there is none."""
    return next((turn for turn in dialogue.turns() if turn.start > 0), None)


def profile_of(dialogue: Dialogue) -> SeekerProfile | None:
    """The seeker of a dialogue, as it was before the first supporter turn that follows a message by the seeker.

    Returns:
        ``None`` where the dialogue can be no profile: its intensity before is not known or below
        ``LEAST_INTENSITY``, or the supporter never answers.
    """
    intensity, turn = dialogue.survey.initial_intensity, first_answer(dialogue)
    if intensity is None or intensity < LEAST_INTENSITY or turn is None:
        return None
    return SeekerProfile(
        dialogue=dialogue.number,
        problem=dialogue.problem,
        emotion=dialogue.emotion,
        situation=dialogue.situation,
        intensity=intensity,
        opening=turn.history,
    )


def seeker_profiles(dialogues: Sequence[Dialogue]) -> list[SeekerProfile]:
    """The profiles of all dialogues that can be one, in order.

    Raises:
        ValueError: There is none.
    """
    profiles = [profile for dialogue in dialogues if (profile := profile_of(dialogue)) is not None]
    if not profiles:
        raise ValueError(
            f"no seeker among {len(dialogues)} dialogues: a profile needs an intensity before the conversation of "
            f"{LEAST_INTENSITY} to 5 and a supporter turn after a message by the seeker"
        )
    return profiles
