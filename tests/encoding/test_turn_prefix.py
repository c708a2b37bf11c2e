"""The prefix of a turn: what the supporter said since the seeker's last message, as far as strategies are known."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.dialogue import Dialogue, Message, Role, message_view
from corpus.load import load_corpus
from corpus.strategy import Strategy
from encoding.observation import Observer, turn_prefix
from encoding.tfidf import TfidfEncoder
from planner.decisions import Decisions
from planner.planner import StrategyPlanner

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden"
SEEKER = Message(Role.SEEKER, "I lost my job.")
TYPED = Message(Role.SUPPORTER, "Let me look that up.")  # a person typed it: nobody knows its strategy
messages = st.just(SEEKER) | st.sampled_from([None, *Strategy]).map(
    lambda strategy: Message(Role.SUPPORTER, "Oh.", strategy)
)
SETTINGS = settings(max_examples=200, deadline=None)


def said(*strategies: Strategy) -> tuple[Message, ...]:
    return tuple(Message(Role.SUPPORTER, "Oh.", strategy) for strategy in strategies)


@pytest.mark.parametrize(
    ("history", "prefix"),
    [
        ((), ()),
        ((SEEKER,), ()),
        ((*said(Strategy.OTHERS), SEEKER), ()),
        ((SEEKER, *said(Strategy.QUESTION, Strategy.AFFIRMATION)), (0, 4)),
        (said(Strategy.QUESTION), (0,)),  # the supporter opens
        ((SEEKER, TYPED), ()),
        ((SEEKER, *said(Strategy.QUESTION), TYPED), (0,)),
        ((SEEKER, TYPED, *said(Strategy.QUESTION, Strategy.QUESTION)), (0, 0)),
        ((SEEKER, *said(Strategy.QUESTION), TYPED, *said(Strategy.OTHERS)), (0, 7)),
    ],
)
def test_by_hand(history: tuple[Message, ...], prefix: tuple[int, ...]) -> None:
    assert turn_prefix(history) == prefix


@SETTINGS
@given(st.lists(messages, max_size=8), st.sampled_from(list(Strategy)))
def test_messages_add_or_reset(history: list[Message], strategy: Strategy) -> None:
    assert turn_prefix([*history, *said(strategy)]) == (*turn_prefix(history), strategy)
    assert turn_prefix([*history, TYPED]) == turn_prefix(history)
    assert turn_prefix([*history, SEEKER]) == ()


def test_in_a_corpus_it_is_the_begun_gold_plan() -> None:
    train = load_corpus(None).split("train")
    for item in message_view(train):
        turn = next(turn for turn in item.dialogue.turns() if turn.start <= item.index < turn.stop)
        assert turn_prefix(item.history) == turn.plan[: item.index - turn.start]


def test_planning_goes_by_the_known_strategies() -> None:
    planner = StrategyPlanner.load(GOLDEN / "planner-quickstart")
    longest = planner.observer.codec.max_strategies
    begun = (SEEKER, *said(*[Strategy.QUESTION] * (longest - 1)), TYPED)
    assert len(planner.plan(begun).strategies) <= 1
    assert planner.plan((*begun, *said(Strategy.QUESTION))).strategies == ()


def test_after_a_long_turn_the_state_is_that_of_its_last_strategies() -> None:
    """A turn of five messages for plans of two: of the first four strategies the last two decide about the fifth."""
    plan = (Strategy.QUESTION, Strategy.OTHERS, Strategy.AFFIRMATION, Strategy.SUGGESTIONS, Strategy.OTHERS)
    train = load_corpus(None).split("train")[:1]
    long_turn = Dialogue(1, (SEEKER, *said(*plan)))
    decisions = Decisions.collect([long_turn], observer=Observer(TfidfEncoder(train, words=9), max_strategies=2))
    of_messages = slice(decisions.message_decisions)
    assert decisions.decision[of_messages].tolist() == [0, 7, 4, 5, 7]
    np.testing.assert_array_equal(decisions.slots[of_messages], [[8, 8], [0, 8], [0, 7], [7, 4], [4, 5]])
