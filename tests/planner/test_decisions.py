"""Decisions: every state in which a planner can meet a turn, and what was decided there."""

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role, Survey, message_view, turn_view
from corpus.reasoning import Need
from corpus.strategy import Stage, Strategy
from encoding.observation import plan_features
from encoding.plan_codec import STOP
from encoding.reasoning_codec import ReasoningCodec
from planner.decisions import Decisions, training_turns
from tests.planner.toy_task import ANSWERS, observer, toy_dialogues

_GREETING = Dialogue(1, (Message(Role.SEEKER, "hey"), Message(Role.SUPPORTER, "hey you", Strategy.OTHERS)))
_SILENT = Dialogue(2, (Message(Role.SEEKER, "nobody answers"),))
_TALK = Dialogue(
    3,
    (
        Message(Role.SUPPORTER, "hi", Strategy.OTHERS),
        Message(Role.SEEKER, "hello"),
        Message(Role.SUPPORTER, "what is it", Strategy.QUESTION),
        Message(Role.SUPPORTER, "poor you", Strategy.REFLECTION),
        Message(Role.SEEKER, "yes"),
    ),
    problem="job crisis",
    emotion="fear",
    survey=Survey(initial_intensity=4),
)


def test_decisions_of_one_dialogue_by_hand() -> None:
    decisions = Decisions.collect([_TALK], observer=observer())
    assert decisions.message_decisions == 3
    expected: list[tuple[tuple[int, ...], int]] = [
        # the messages, in order
        ((), Strategy.OTHERS),
        ((), Strategy.QUESTION),
        ((Strategy.QUESTION,), Strategy.REFLECTION),
        # first turn: STOP after its message, as planned and as realized
        ((Strategy.OTHERS,), STOP),
        ((Strategy.OTHERS,), STOP),
        # second turn, nothing realized
        ((Strategy.QUESTION,), Strategy.REFLECTION),
        ((Strategy.QUESTION, Strategy.REFLECTION), STOP),
        # its first message realized, the second one planned
        ((Strategy.QUESTION, Strategy.REFLECTION), STOP),
        # both realized
        ((Strategy.QUESTION, Strategy.REFLECTION), STOP),
    ]
    codec = observer().codec
    found = list(zip(map(codec.plan, decisions.slots), decisions.decision.tolist(), strict=True))
    assert found == expected
    assert decisions.row.tolist() == [0, 2, 3, 0, 1, 2, 2, 3, 4]
    np.testing.assert_array_equal(decisions.plan, plan_features(decisions.slots))


def test_histories_of_one_dialogue_by_hand() -> None:
    """Before and within each turn: nothing, "hi", then the second turn with none, one and both messages realized."""
    decisions = Decisions.collect([_TALK], observer=observer())
    assert decisions.messages == tuple(_TALK.messages[:stop] for stop in (0, 1, 2, 3, 4))
    np.testing.assert_array_equal(decisions.history, observer().encode_histories(decisions.messages))
    assert decisions.following.tolist() == [Strategy.OTHERS, STOP, Strategy.QUESTION, Strategy.REFLECTION, STOP]
    assert decisions.multi_strategy.tolist() == [0, 0, 1, 1, 1]
    assert decisions.openings.tolist() == [0, 2]
    assert decisions.plans == ((Strategy.OTHERS,), (Strategy.QUESTION, Strategy.REFLECTION))
    assert (decisions.reasoning == -1).all()
    assert decisions.reasoning.shape == (5, 5)


def test_each_history_knows_its_dialogue_also_where_some_have_no_turn() -> None:
    decisions = Decisions.collect([_GREETING, _SILENT, _TALK], observer=observer())
    assert decisions.dialogue.tolist() == [0, 0, 2, 2, 2, 2, 2]
    assert decisions.openings.tolist() == [0, 2, 4]


def test_reasoning_labels_are_those_of_the_turn() -> None:
    codec = ReasoningCodec(("breakup", "job crisis"), ("fear",))
    decisions = Decisions.collect([_GREETING, _TALK], observer=observer(), reasoning=codec)
    # The greeting's dialogue has neither annotations nor any strategy that tells a need or a stage.
    assert decisions.reasoning[:2].tolist() == [[-1] * 5] * 2
    expected = [1, 0, 3, Need.HEARD, Stage.EXPLORATION]
    assert decisions.reasoning[2:].tolist() == [expected] * 5
    np.testing.assert_array_equal(decisions.reasoning[decisions.openings], codec.labels(turn_view([_GREETING, _TALK])))


def test_full_plans_have_no_decision_left() -> None:
    messages = [Message(Role.SUPPORTER, f"m{number}", Strategy.INFORMATION) for number in range(5)]
    decisions = Decisions.collect([Dialogue(1, tuple(messages))], observer=observer())
    assert decisions.message_decisions == 5
    # Planned ahead: the second and third from none realized, the third from one realized; three are full.
    assert decisions.decision[5:].tolist() == [Strategy.INFORMATION] * 3
    assert decisions.following.tolist() == [Strategy.INFORMATION] * 5
    assert [len(history) for history in decisions.messages] == [0, 1, 2, 3, 4]
    assert decisions.plans == ((Strategy.INFORMATION,) * 5,)


def test_a_turn_as_long_as_the_longest_plan_is_not_asked_to_stop() -> None:
    messages = [Message(Role.SUPPORTER, f"m{number}", Strategy.INFORMATION) for number in range(3)]
    decisions = Decisions.collect([Dialogue(1, tuple(messages))], observer=observer())
    assert STOP not in decisions.decision
    assert len(decisions.messages) == 3


def test_first_decisions_are_the_message_view() -> None:
    dialogues = [*toy_dialogues(4, seed=0), _SILENT, _TALK]
    decisions = Decisions.collect(dialogues, observer=observer())
    items = message_view(dialogues)
    assert decisions.decision[: decisions.message_decisions].tolist() == [item.strategy for item in items]
    histories = [decisions.messages[row] for row in decisions.row[: decisions.message_decisions]]
    assert histories == [item.history for item in items]
    turns = turn_view(dialogues)
    assert [decisions.messages[row] for row in decisions.openings] == [turn.history for turn in turns]
    assert decisions.plans == tuple(turn.plan for turn in turns)


def test_gives_every_turn_in_order():
    dialogues = toy_dialogues(2, seed=0)
    turns = training_turns(dialogues, name="markov")
    assert [turn.dialogue.number for turn in turns] == [1] * 4 + [2] * 4
    assert [turn.plan for turn in turns] == [ANSWERS[turn.history[-1].text] for turn in turns]


@pytest.mark.parametrize("train", [(), (Dialogue(1, (Message(Role.SEEKER, "nobody answers me"),)),)])
def test_nothing_to_learn_from_is_one_clear_line(train):
    with pytest.raises(
        ValueError, match=rf"^markov: no supporter turn to learn from in {len(train)} training dialogues$"
    ):
        training_turns(train, name="markov")
