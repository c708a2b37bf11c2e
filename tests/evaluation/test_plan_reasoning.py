from dataclasses import replace

import numpy as np
import pytest

from corpus.dialogue import message_view, turn_view
from corpus.reasoning import Need, Reasoning
from corpus.strategy import Stage
from evaluation.generator.writing import RememberingPlanner, planned_reasoning


class Thinker:
    """Reasons that the problem is the number of messages before the turn."""

    name = "thinker"

    def __init__(self, planner) -> None:
        self.planner = planner
        self.asked = 0

    def plans(self, histories):
        self.asked += len(histories)
        thoughts = [
            Reasoning(str(len(history)), "sadness", 3, Need.HEARD, next(iter(Stage)), (1.0,) * 5)
            for history in histories
        ]
        plans = self.planner.plans(histories)
        return [replace(plan, reasoning=thought) for plan, thought in zip(plans, thoughts, strict=True)]

    def strategy_probabilities(self, histories):
        return self.planner.strategy_probabilities(histories)


def test_a_message_has_the_reasoning_of_its_turn(dialogues, question_planner):
    thinker = Thinker(question_planner)
    messages = [one.context for one in planned_reasoning(message_view(dialogues), thinker)]
    assert messages == ["0", "2", "2", "1", "3"]  # the third message ends the turn that the second begins
    assert thinker.asked == 4  # each turn once
    assert [one.context for one in planned_reasoning(turn_view(dialogues), thinker)] == ["0", "2", "1", "3"]


def test_plan_and_reasoning_are_one_decision(dialogues, question_planner):
    thinker = Thinker(question_planner)
    remembering = RememberingPlanner(thinker)
    turns = turn_view(dialogues)
    planned_reasoning(turns, remembering)
    assert [plan.reasoning.context for plan in remembering.plans([turn.history for turn in turns[::-1]])] == [
        "3",
        "1",
        "2",
        "0",
    ]
    assert thinker.asked == 4
    assert remembering.name == "thinker"
    histories = [utterance.history for utterance in message_view(dialogues)]
    expected = question_planner.strategy_probabilities(histories)
    assert np.array_equal(remembering.strategy_probabilities(histories), expected)


def test_a_planner_without_reasoning_is_refused(dialogues, question_planner):
    with pytest.raises(ValueError, match="planner majority does not reason"):
        planned_reasoning(turn_view(dialogues), question_planner)
