"""Which dialogues are seekers, and where their conversation with the planner begins."""

import pytest

from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.strategy import Strategy
from env.conversation import SeekerProfile, first_answer, profile_of, seeker_profiles

HELLO = Message(Role.SUPPORTER, "Hello.", strategy=Strategy.OTHERS)
SORRY = Message(Role.SUPPORTER, "I am sorry to hear that.", strategy=Strategy.REFLECTION)
TROUBLE = Message(Role.SEEKER, "My cat ran away.")
MORE = Message(Role.SEEKER, "Last night.")


def dialogue(*messages: Message, intensity: int | None = 4, number: int = 6) -> Dialogue:
    return Dialogue(
        number, messages, problem="lost pet", emotion="sadness", situation="A cat is gone.",
        survey=Survey(initial_intensity=intensity),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("messages", "opening"),
    [
        ((TROUBLE, MORE, SORRY, TROUBLE, SORRY), (TROUBLE, MORE)),
        ((HELLO, TROUBLE, SORRY, SORRY), (HELLO, TROUBLE)),
        ((HELLO, HELLO, TROUBLE, MORE, HELLO), (HELLO, HELLO, TROUBLE, MORE)),
    ],
)
def test_the_opening_is_what_stands_before_the_first_answer(
    messages: tuple[Message, ...], opening: tuple[Message, ...]
) -> None:
    one = dialogue(*messages)
    assert profile_of(one) == SeekerProfile(6, "lost pet", "sadness", "A cat is gone.", 4, opening)
    turn = first_answer(one)
    assert turn is not None
    assert turn.history == opening


@pytest.mark.parametrize(
    "unfit",
    [
        dialogue(TROUBLE, SORRY, intensity=None),
        dialogue(TROUBLE, SORRY, intensity=1),
        dialogue(TROUBLE, MORE),
        dialogue(HELLO, TROUBLE),
        dialogue(HELLO),
    ],
)
def test_other_dialogues_are_no_profiles(unfit: Dialogue) -> None:
    fit = dialogue(TROUBLE, SORRY, intensity=2, number=9)
    assert profile_of(unfit) is None
    assert [profile.dialogue for profile in seeker_profiles([unfit, fit, fit])] == [9, 9]
    with pytest.raises(ValueError, match="no seeker among 1 dialogues: a profile needs an intensity"):
        seeker_profiles([unfit])
