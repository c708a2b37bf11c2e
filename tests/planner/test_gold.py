"""The ceiling of the ladder reaches the best score of both protocols."""

import numpy as np

from corpus.dialogue import Dialogue, Message, Role, message_view, turn_view
from corpus.strategy import Strategy
from planner.baselines.ladder import GoldPlanner

Q, OT = Strategy.QUESTION, Strategy.OTHERS

LONG = Dialogue(
    1,
    (
        Message(Role.SEEKER, "I moved and know nobody."),
        *(Message(Role.SUPPORTER, f"part {number}", strategy) for number, strategy in enumerate((Q, OT, OT, Q, Q))),
    ),
)


def test_plans_are_the_gold_plans_uncut():
    (plan,) = GoldPlanner().plans(turn_view([LONG]))
    assert plan.strategies == (Q, OT, OT, Q, Q)
    assert plan.mode == "gold"
    np.testing.assert_array_equal(plan.probabilities, np.eye(8)[[0, 7, 7, 0, 0]])


def test_probabilities_are_one_hot_gold():
    np.testing.assert_array_equal(
        GoldPlanner().strategy_probabilities(message_view([LONG])), np.eye(8)[[0, 7, 7, 0, 0]]
    )


def test_nothing_asked_nothing_answered():
    assert GoldPlanner().plans([]) == []
    assert GoldPlanner().strategy_probabilities([]).shape == (0, 8)
