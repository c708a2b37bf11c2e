"""Which dialogues are seekers, when a conversation ends, and what breaks the contract of a seeker or a responder."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.strategy import Strategy
from env.conversation import (
    Conversation,
    ConversationStatus,
    DialogueRules,
    SeekerProfile,
    SeekerReply,
    profile_of,
    seeker_profiles,
    take_turn,
)
from tests.env.dialogue_tasks import PROFILES, VarietySeeker, profile

PLAN = (Strategy.QUESTION, Strategy.INFORMATION)
REPLY = SeekerReply(("I see.",), feedback=0, intensity=3.0, gives_up=False, supporter=("a", "b"))


@pytest.mark.parametrize(
    ("intensities", "gives_up", "outcome"),
    [
        ([5, 2.1], False, ConversationStatus.ONGOING),
        ([5, 2.0], False, ConversationStatus.SUCCESS),
        ([5, 2.0], True, ConversationStatus.SUCCESS),
        ([5, 2.1], True, ConversationStatus.GAVE_UP),
        ([2, 1.6], False, ConversationStatus.ONGOING),  # at most 2, but it has hardly fallen
        ([2, 1.5], False, ConversationStatus.SUCCESS),
        ([5, 4, 4, 4], False, ConversationStatus.OUT_OF_TURNS),
        ([5, 4, 4, 4], True, ConversationStatus.GAVE_UP),
        ([5, 4, 4, 2], False, ConversationStatus.SUCCESS),
    ],
)
def test_outcomes(intensities: list[float], gives_up: bool, outcome: ConversationStatus) -> None:
    conversation = Conversation(PROFILES[0], plans=[PLAN] * (len(intensities) - 1), intensities=intensities)
    assert DialogueRules(max_turns=3).outcome(conversation, gives_up=gives_up) is outcome


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_turns": 0}, "max_turns: got 0, expected at least 1"),
        ({"relieved": 5.0}, "relieved: got 5.0, expected an intensity from 1 to below 5"),
        ({"least_fall": float("nan")}, "least_fall: got nan, expected 0 or more"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DialogueRules(**settings)


class Says(VarietySeeker):
    """Answers everybody with the same."""

    def __init__(self, *answers: SeekerReply) -> None:
        self.answers = list(answers)

    def replies(self, *_: Any, **__: Any) -> list[SeekerReply]:
        return self.answers


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([], "seeker variety: 0 answers to 1 plans, expected one for each"),
        ([replace(REPLY, supporter=("a",))], "seeker variety: 1 texts for a plan of 2 strategies"),
        ([replace(REPLY, messages=())], "seeker variety: an answer without a message"),
        ([replace(REPLY, feedback=6)], "seeker variety: 6 stars, expected 1 to 5, or 0 for no rating"),
        ([replace(REPLY, intensity=0.5)], "seeker variety: intensity 0.5, expected 1 to 5"),
        ([replace(REPLY, intensity=float("nan"))], "seeker variety: intensity nan, expected 1 to 5"),
    ],
)
def test_a_seeker_that_breaks_its_contract_is_refused(answers: list[SeekerReply], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        take_turn(
            [Conversation.start(PROFILES[0])], [PLAN], seeker=Says(*answers), responder=None,
            rng=np.random.default_rng(0),
        )  # fmt: skip


class Mute:
    """A responder that writes too little."""

    def texts(self, histories: Any, plans: Any, *, rng: np.random.Generator) -> list[tuple[str, ...]]:
        return [("only one",)]


def test_a_responder_that_breaks_its_contract_is_refused() -> None:
    with pytest.raises(ValueError, match="the responder: 1 texts for a plan of 2 strategies"):
        take_turn(
            [Conversation.start(PROFILES[0])], [PLAN], seeker=Says(REPLY), responder=Mute(),
            rng=np.random.default_rng(0),
        )  # fmt: skip


def test_profiles_check_themselves() -> None:
    with pytest.raises(ValueError, match="profile 3: intensity 6, expected 1 to 5"):
        profile(3, 6)
    with pytest.raises(ValueError, match="profile 1: expected an opening that ends with a message by the seeker"):
        replace(PROFILES[0], opening=PROFILES[0].opening[:1])


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
def test_the_opening_is_all_before_the_first_answer(
    messages: tuple[Message, ...], opening: tuple[Message, ...]
) -> None:
    assert profile_of(dialogue(*messages)) == SeekerProfile(6, "lost pet", "sadness", "A cat is gone.", 4, opening)


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
