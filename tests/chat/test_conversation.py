"""A conversation: what is planned or chosen, taken back, refused, and what a crisis changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.conversation import MAX_CHARACTERS, MAX_EXCHANGES, ChatSession, Exchange, parse_strategies
from corpus.dialogue import Message, Role
from corpus.strategy import LABELS, Strategy
from safety.helplines import read_helplines
from safety.replies import FIXED_TEXTS
from safety.reply import CRISIS_REPLY, short_reply, worried_reply
from safety.rules import CrisisKind
from safety.screening import Level
from tests.chat.fake_system import ALARM, WORRY, FakeGenerator, fake_system

S = Strategy


def test_planned_and_chosen_replies() -> None:
    conversation = ChatSession(fake_system())
    first = conversation.say("  My exam\n went  badly ")
    assert first.seeker.text == "My exam went badly"
    assert first.plan is not None
    assert first.plan.strategies == (S.QUESTION,)
    assert [reply.strategy for reply in first.replies] == [S.QUESTION]
    second = conversation.say("And now?", strategies=[S.INFORMATION, S.OTHERS])
    assert second.plan is None
    assert second.chosen == (S.INFORMATION, S.OTHERS)
    assert [reply.strategy for reply in second.replies] == [S.INFORMATION, S.OTHERS]
    assert [message.role for message in conversation.history] == [Role.SEEKER, Role.SUPPORTER, Role.SEEKER] + [
        Role.SUPPORTER
    ] * 2


def test_generator_alone_and_vanilla() -> None:
    assert ChatSession(fake_system(planned=False)).say("hello").replies[0].strategy is S.OTHERS
    vanilla = ChatSession(fake_system(variant="vanilla", planned=False))
    assert vanilla.say("hello").replies[0].strategy is None
    with pytest.raises(ValueError, match="knows no strategies"):
        vanilla.say("hello", strategies=[S.QUESTION])
    assert len(vanilla.exchanges) == 1


def test_undo_and_the_same_again() -> None:
    conversation = ChatSession(fake_system(), seed=3)
    conversation.say("one")
    said = conversation.say("two")
    assert conversation.undo() is said
    assert conversation.say("two").replies == said.replies
    assert ChatSession(fake_system(), seed=3, exchanges=conversation.exchanges[:1]).say("two").replies == said.replies
    assert ChatSession(fake_system(), seed=4, exchanges=conversation.exchanges[:1]).say("two").replies != said.replies
    conversation.undo(), conversation.undo()
    assert conversation.undo() is None


def test_a_crisis_is_answered_by_no_model() -> None:
    system = fake_system()
    assert isinstance(system.generator, FakeGenerator)
    conversation = ChatSession(system)
    exchange = conversation.say(ALARM)
    assert exchange.replies[0].text == CRISIS_REPLY.strip()
    assert conversation.crisis is exchange.crisis is CrisisKind.SUICIDE
    # Marked from then on: no model text follows, whatever is written and whatever strategies are chosen.
    after = conversation.say("never mind", strategies=[S.OTHERS])
    assert after.replies[0].text == short_reply(read_helplines())
    assert (after.screening.level, after.crisis) == (Level.URGENT, CrisisKind.SUICIDE)
    assert conversation.say(ALARM).replies[0].text == short_reply(read_helplines())
    conversation.undo()
    assert system.generator.histories == []
    conversation.undo(), conversation.undo()
    assert conversation.crisis is None
    conversation.say("the word was meant otherwise")
    assert len(system.generator.histories) == 1


def test_a_worried_message_is_answered_by_a_question_and_the_conversation_goes_on() -> None:
    system = fake_system()
    assert isinstance(system.generator, FakeGenerator)
    conversation = ChatSession(system)
    exchange = conversation.say(WORRY)
    assert exchange.replies[0].text == worried_reply(CrisisKind.SUICIDE, read_helplines())
    assert exchange.replies[0].strategy is S.QUESTION
    assert (exchange.screening.level, exchange.crisis, conversation.crisis) == (Level.WORRIED, None, None)
    assert system.generator.histories == []
    assert conversation.say("no, I would never").plan is not None
    assert len(system.generator.histories) == 1
    assert conversation.say(WORRY).screening.level is Level.WORRIED, "not in a row"
    # A yes to the question, or a second worried message in a row, is urgent.
    assert conversation.say("yes, sometimes").crisis is CrisisKind.SUICIDE
    conversation.undo()
    assert conversation.say(WORRY).replies[0].text == CRISIS_REPLY.strip()


def test_unsafe_texts_never_reach_the_person() -> None:
    system = fake_system(words="unsafe")
    assert isinstance(system.generator, FakeGenerator)
    exchange = ChatSession(system).say("hello", strategies=[S.QUESTION, S.OTHERS])
    assert [reply.text for reply in exchange.replies] == [FIXED_TEXTS[S.QUESTION], FIXED_TEXTS[S.OTHERS]]
    assert exchange.replaced == 2
    assert len(system.generator.histories) == 5, "sampled again four times"


def test_a_short_answer_is_screened_with_its_question() -> None:
    asked = Exchange(
        Message(Role.SEEKER, "I feel empty."), (Message(Role.SUPPORTER, "Do you think about suicide?", S.QUESTION),)
    )
    assert ChatSession(fake_system(), exchanges=[asked]).say("yes").crisis is CrisisKind.SUICIDE
    assert ChatSession(fake_system()).say("yes").crisis is None


def test_limits() -> None:
    conversation = ChatSession(fake_system())
    for text, said in (("", "empty"), (" \n\x00", "empty"), ("x" * (MAX_CHARACTERS + 1), "expected at most 1000")):
        with pytest.raises(ValueError, match=said):
            conversation.say(text)
    conversation.say("x" * MAX_CHARACTERS)
    for strategies in ([], [S.OTHERS] * 4):
        with pytest.raises(ValueError, match="expected 1 to 3"):
            conversation.say("hello", strategies=strategies)
    assert len(conversation.exchanges) == 1
    full = ChatSession(fake_system(), exchanges=conversation.exchanges * MAX_EXCHANGES)
    with pytest.raises(ValueError, match="reached its 60"):
        full.say("hello")
    # Nobody in danger is told about limits.
    assert full.say(ALARM).crisis is not None
    assert conversation.say(f"{ALARM} " + "x" * MAX_CHARACTERS).crisis is not None


@given(st.text(max_size=200))
def test_any_text_is_taken_as_one_harmless_line_or_refused(text: str) -> None:
    try:
        message = ChatSession(fake_system()).accept(text)
    except ValueError as error:
        assert "empty" in str(error)
    else:
        assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in message.text)
        message.text.encode("utf-8")


def test_control_characters_cannot_steer_a_terminal() -> None:
    assert ChatSession(fake_system()).accept("a\x1b[2Jb\ud800c\x07").text == "a [2Jbc"


def test_parse_strategies() -> None:
    assert parse_strategies("Question, refl") == (S.QUESTION, S.REFLECTION)
    assert parse_strategies("approval and reassurance,OTHER") == (S.AFFIRMATION, S.OTHERS)
    assert [parse_strategies(label)[0].label for label in LABELS] == list(LABELS)
    for text, said in (
        ("re", "could be Restatement"),
        ("hug", "unknown strategy 'hug'"),
        ("", "got 0"),
        ("q,q,q,q", "4"),
    ):
        with pytest.raises(ValueError, match=said):
            parse_strategies(text)


def test_probabilities_are_those_of_the_planner() -> None:
    exchange = ChatSession(fake_system()).say("hello")
    assert exchange.plan is not None
    np.testing.assert_allclose(exchange.plan.probabilities.sum(axis=1), 1)
