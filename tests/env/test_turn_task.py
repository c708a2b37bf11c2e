"""A task is the turns of its dialogues, one row each, and refuses what is not."""

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from encoding.observation import Observer
from encoding.reasoning_codec import ReasoningCodec
from env.turns import TurnTask
from tests.encoding.fake_encoder import FakeEncoder
from tests.env.turn_tasks import CODECS, REASONING, random_task

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


def test_reasoning_labels_of_every_turn() -> None:
    dialogues = [Dialogue(1, (WORRY, ASK, FEEL, LONG, TRY), problem="insomnia", emotion="fear")]
    codec = ReasoningCodec.collect(dialogues, least=1)
    task = TurnTask.build(dialogues, observer=Observer(FakeEncoder()), reasoning_codec=codec)
    assert task.reasoning_codec is codec
    assert task.reasoning is not None
    # Needs: to be heard, to act. Stages: of question, reflection, suggestion one each, the turn's own first.
    assert task.reasoning.tolist() == [[0, 0, -1, 0, 0], [0, 0, -1, 3, 2]]
    without = TurnTask.build(dialogues, observer=Observer(FakeEncoder()))
    assert without.reasoning is None
    assert without.reasoning_codec is None


@pytest.mark.parametrize(
    ("reasoning", "complaint"),
    [
        (np.zeros((1, 5), int), "expected integers of"),
        (np.zeros((2, 4), int), "expected integers of"),
        (np.zeros((2, 5)), "expected integers of"),
        (np.array([[0, 0, 0, 0, 0], [0, 2, 0, 0, 0]]), "reasoning of row 1, emotion: got 2, expected -1 to 1"),
        (np.array([[0, 0, 0, 0, -2], [0, 0, 0, 0, 0]]), "reasoning of row 0, stage: got -2, expected -1 to 2"),
    ],
)
def test_wrong_reasoning_is_refused(reasoning: np.ndarray, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        random_task([(1,), (2,)], labels=reasoning)


def test_reasoning_without_its_codec_is_refused() -> None:
    history, golds = np.zeros((1, 4), np.float32), ((1,),)
    with pytest.raises(ValueError, match="expected both or neither"):
        TurnTask(history=history, golds=golds, codec=CODECS[3], reasoning=np.zeros((1, 5), int))
    with pytest.raises(ValueError, match="expected both or neither"):
        TurnTask(history=history, golds=golds, codec=CODECS[3], reasoning_codec=REASONING)


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
