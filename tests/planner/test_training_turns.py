"""Which turns a baseline learns from, and the one error where there are none."""

import pytest

from corpus.dialogue import Dialogue, Message, Role
from planner.decisions import training_turns
from tests.planner.toy_task import ANSWERS, toy_dialogues


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
