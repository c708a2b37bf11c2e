"""The Markov chain's two tables, counted by hand, and what follows from them."""

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role, message_view, turn_view
from corpus.strategy import Strategy
from encoding.plan_codec import STOP
from planner.baselines.markov import START, MarkovPlanner
from tests.planner.toy_task import histories

Q, RE, AF, SU = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


def seeker() -> Message:
    return Message(Role.SEEKER, "It is a hard week.")


def supporter(strategy: Strategy) -> Message:
    return Message(Role.SUPPORTER, "Tell me.", strategy)


# Turns: (Q), (RE, AF), (SU) | (Q), (RE, AF): the second dialogue begins with the supporter.
TRAIN = (
    Dialogue(1, (seeker(), supporter(Q), seeker(), supporter(RE), supporter(AF), seeker(), seeker(), supporter(SU))),
    Dialogue(2, (supporter(Q), seeker(), supporter(RE), supporter(AF))),
)


@pytest.fixture()
def planner() -> MarkovPlanner:
    return MarkovPlanner(TRAIN, max_strategies=3)


def test_opening_table(planner):
    assert planner.opening.shape == (9, 8)
    expected = np.ones((9, 8))
    expected[START, Q] += 2  # both dialogues open with a question
    expected[Q, RE] += 2
    expected[AF, SU] += 1  # after a turn that ended with affirmation
    np.testing.assert_allclose(planner.opening, expected / expected.sum(axis=1, keepdims=True))


def test_following_table(planner):
    assert planner.following.shape == (8, 9)
    expected = np.ones((8, 9))
    expected[Q, STOP] += 2
    expected[RE, AF] += 2
    expected[AF, STOP] += 2
    expected[SU, STOP] += 1
    np.testing.assert_allclose(planner.following, expected / expected.sum(axis=1, keepdims=True))


def test_plans_follow_the_tables(planner):
    assert [plan.strategies for plan in planner.plans(histories(turn_view(TRAIN)))] == [
        (Q,),
        (RE, AF),
        (SU,),
        (Q,),
        (RE, AF),
    ]
    second = planner.plans(histories(turn_view(TRAIN)))[1]
    np.testing.assert_allclose(second.probabilities[0, RE], 3 / 10)  # (2 + 1) / (2 + 8)
    np.testing.assert_allclose(second.probabilities[1, AF], 3 / 10)  # STOP left out: (2 + 1) / (2 + 8)


def test_message_protocol_tells_a_turns_first_message_from_the_others(planner):
    probabilities = planner.strategy_probabilities(histories(message_view(TRAIN)))
    assert probabilities.argmax(axis=1).tolist() == [Q, RE, AF, SU, Q, RE, AF]
    np.testing.assert_allclose(probabilities[0], planner.opening[START])
    np.testing.assert_allclose(probabilities[2], planner.following[RE, :STOP] / planner.following[RE, :STOP].sum())
    np.testing.assert_allclose(probabilities[3], planner.opening[AF])


def test_a_chain_that_never_stops_is_cut():
    endless = (Dialogue(1, (seeker(), *(supporter(Q) for _ in range(6)))),)
    for longest in (1, 2, 4):
        (plan,) = MarkovPlanner(endless, max_strategies=longest).plans(histories(turn_view(endless)))
        assert plan.strategies == (Q,) * longest


def test_live_history_without_strategy_counts_as_unknown(planner):
    live = Dialogue(1, (Message(Role.SUPPORTER, "Hi."), seeker(), supporter(Q)))
    assert planner.plans(histories(turn_view([live])))[1].strategies == (Q,)
