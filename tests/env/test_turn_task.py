"""A task is the turns of its dialogues, one row each, and refuses what is not."""

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from encoding.observation import Observer
from env.turn_task import TurnTask
from tests.encoding.fake_encoder import FakeEncoder
from tests.env.turn_tasks import CODECS

WELCOME = Message(Role.SUPPORTER, "Good evening", Strategy.OTHERS)
WORRY = Message(Role.SEEKER, "I cannot sleep")
ASK = Message(Role.SUPPORTER, "Since when", Strategy.QUESTION)
FEEL = Message(Role.SUPPORTER, "That must be tiring", Strategy.REFLECTION)
LONG = Message(Role.SEEKER, "Three weeks")
TRY = Message(Role.SUPPORTER, "You could walk in the evening", Strategy.SUGGESTIONS)


def test_one_row_per_turn_with_whole_gold_plans() -> None:
    dialogues = [Dialogue(1, (WELCOME, WORRY, ASK, FEEL, LONG, TRY)), Dialogue(2, (WORRY, ASK, ASK, ASK, TRY, LONG))]
    observer = Observer(FakeEncoder(), window=2)
    task = TurnTask.build(dialogues, observer=observer)
    assert task.golds == ((7,), (0, 2), (5,), (0, 0, 0, 5))
    assert all(type(strategy) is int for gold in task.golds for strategy in gold)
    assert task.codec is observer.codec
    histories = [(), (WELCOME, WORRY), (WELCOME, WORRY, ASK, FEEL, LONG), (WORRY,)]
    np.testing.assert_array_equal(task.history, observer.encode_histories(histories))


def test_each_distinct_message_is_embedded_once() -> None:
    encoder = FakeEncoder()
    TurnTask.build([Dialogue(1, (WORRY, ASK, LONG, TRY)), Dialogue(2, (WORRY, ASK))], observer=Observer(encoder))
    assert sorted(encoder.embedded) == sorted(message.text for message in (WORRY, ASK, LONG))  # TRY is no history


@pytest.mark.parametrize(
    ("golds", "complaint"),
    [
        ((), "expected as many and at least 1"),
        (((1,),), "2 histories for 1 plans"),
        (((1,), ()), "gold plan of row 1"),
        (((8,), (1,)), "gold plan of row 0"),
    ],
)
def test_wrong_plans_are_refused(golds: tuple[tuple[int, ...], ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        TurnTask(history=np.zeros((2 if golds else 0, 4), np.float32), golds=golds, codec=CODECS[3])
    assert "\n" not in str(caught.value)
