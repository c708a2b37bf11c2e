import dataclasses

import pytest

from corpus.dialogue import Dialogue, Message, Role, Survey, message_view, turn_view
from corpus.errors import CorpusError
from corpus.strategy import Strategy


def seeker(text: str) -> Message:
    return Message(Role.SEEKER, text)


def supporter(text: str, strategy: Strategy) -> Message:
    return Message(Role.SUPPORTER, text, strategy=strategy)


DIALOGUE = Dialogue(
    1,
    (
        supporter("welcome", Strategy.OTHERS),
        seeker("my week was bad"),
        seeker("very bad"),
        supporter("what happened", Strategy.QUESTION),
        supporter("take your time", Strategy.AFFIRMATION),
        supporter("tell me", Strategy.QUESTION),
        seeker("I failed a test"),
        supporter("that hurts", Strategy.REFLECTION),
    ),
)


def test_turns_are_maximal_runs_with_the_history_before_them() -> None:
    turns = turn_view([DIALOGUE])
    assert [(turn.start, turn.stop) for turn in turns] == [(0, 1), (3, 6), (7, 8)]
    assert [turn.plan for turn in turns] == [
        (Strategy.OTHERS,),
        (Strategy.QUESTION, Strategy.AFFIRMATION, Strategy.QUESTION),
        (Strategy.REFLECTION,),
    ]
    assert [len(turn.history) for turn in turns] == [0, 3, 7]
    assert [message.text for message in turns[1].messages] == ["what happened", "take your time", "tell me"]


def test_a_repeated_strategy_inside_a_turn_is_kept() -> None:
    dialogue = Dialogue(1, (seeker("hm"), supporter("a", Strategy.OTHERS), supporter("b", Strategy.OTHERS)))
    assert [turn.plan for turn in dialogue.turns()] == [(Strategy.OTHERS, Strategy.OTHERS)]


def test_message_view_counts_earlier_messages_of_the_turn_as_history() -> None:
    utterances = message_view([DIALOGUE])
    assert [utterance.index for utterance in utterances] == [0, 3, 4, 5, 7]
    assert utterances[2].history[-1] == supporter("what happened", Strategy.QUESTION)
    assert [utterance.strategy for utterance in utterances][-1] is Strategy.REFLECTION
    assert [utterance.progress for utterance in utterances] == [0, 3 / 8, 4 / 8, 5 / 8, 7 / 8]


def test_a_dialogue_without_a_supporter_has_no_turns() -> None:
    dialogue = Dialogue(1, (seeker("anybody there"),))
    assert turn_view([dialogue]) == []
    assert message_view([dialogue]) == []


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Dialogue(4, ()), "dialogue 4: field 'dialog': empty dialogue, expected at least one message"),
        (lambda: seeker(""), "field 'text': got '', expected text without surrounding blanks that is not empty"),
        (lambda: seeker("a "), "field 'text': got 'a ', expected text without surrounding blanks that is not empty"),
        (
            lambda: Message(Role.SEEKER, "a", strategy=Strategy.OTHERS),
            "field 'strategy': a seeker's message has no strategy",
        ),
        (
            lambda: Message(Role.SUPPORTER, "a", strategy=Strategy.OTHERS, feedback=3),
            "field 'feedback': a supporter's message has no feedback",
        ),
        (
            lambda: Message(Role.SEEKER, "a", feedback=6),
            "field 'feedback': got 6, expected a whole number from 1 to 5",
        ),
        (lambda: Survey(empathy=0), "field 'empathy': got 0, expected a whole number from 1 to 5"),
        (
            lambda: message_view([Dialogue(2, (seeker("a"), Message(Role.SUPPORTER, "b")))])[0].strategy,
            "dialogue 2: message 2: field 'strategy': missing, expected a strategy on every supporter message",
        ),
    ],
)
def test_types_refuse_what_cannot_be(build, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        build()
    assert str(caught.value) == message


def test_types_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DIALOGUE.number = 2  # type: ignore[misc]
