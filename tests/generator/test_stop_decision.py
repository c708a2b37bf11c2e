"""One-by-One's stop decision, from training to the written turn."""

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from generator.config import GeneratorConfig, LengthConfig
from generator.realizer import Realizer
from generator.training import train_generator
from language_models.settings import OptimisationConfig, TinyModelConfig

CONFIG = GeneratorConfig(
    variant="one-by-one",
    reasoning_share=0.5,
    lengths=LengthConfig(history_tokens=100),
    optimisation=OptimisationConfig(
        batch_size=16, epochs=25.0, evaluation_steps=100, learning_rate=5e-3, warmup_steps=10, precision="fp32"
    ),
    tiny=TinyModelConfig(width=64, layers=1, heads=4, dropout=0.0, vocabulary=300),
)
THINGS = ("rain", "sun", "work", "sleep", "tea", "music")


def dialogue(number: int, *, messages: int) -> Dialogue:
    """A seeker who says how many answers they want, and gets them."""
    thing = THINGS[number // 2 % len(THINGS)]
    seeker = Message(Role.SEEKER, f"{'Both' if messages == 2 else 'Just'} about {thing}")
    answers = [
        Message(Role.SUPPORTER, "Yes.", Strategy.AFFIRMATION),
        Message(Role.SUPPORTER, "Why?", Strategy.QUESTION),
    ]
    return Dialogue(number, (seeker, *answers[:messages]), problem="job crisis", emotion="sadness")


@pytest.fixture(scope="module")
def realizer(tmp_path_factory) -> Realizer:
    out = tmp_path_factory.mktemp("stop")
    dialogues = [dialogue(number, messages=1 + number % 2) for number in range(1, 97)]
    train_generator(CONFIG, train=dialogues[:80], valid=dialogues[80:], out=out, seed=0)
    return Realizer.load(out)


def test_it_is_learned_from_the_history(realizer):
    wanted = [1 + number % 2 for number in range(20)]
    histories = [dialogue(200 + index, messages=number).messages[:1] for index, number in enumerate(wanted)]
    turns = realizer.realize_all(histories, [None] * 20, rng=np.random.default_rng(0))
    assert [len(turn) for turn in turns] == wanted
    assert turns[1] == [(Strategy.AFFIRMATION, "Yes."), (Strategy.QUESTION, "Why?")]


def test_a_plan_overrules_it(realizer):
    history = dialogue(1, messages=1).messages[:1]
    plan = [Strategy.AFFIRMATION, Strategy.QUESTION, Strategy.AFFIRMATION]
    assert [strategy for strategy, _ in realizer.realize(history, plan)] == plan
    both = dialogue(1, messages=2).messages[:1]
    assert realizer.realize(both, plan[:1]) == [(Strategy.AFFIRMATION, "Yes.")]


def test_the_right_stop_is_likely_and_the_wrong_one_is_not(realizer):
    just, both = (dialogue(1, messages=number).messages[:1] for number in (1, 2))
    one, two = (["Yes."], [Strategy.AFFIRMATION]), (["Yes.", "Why?"], [Strategy.AFFIRMATION, Strategy.QUESTION])
    for text, plan in (one, two):
        sums, _ = realizer.negative_log_likelihood([just, both], [plan] * 2, [text] * 2)
        right, wrong = sums if len(text) == 1 else sums[::-1]
        assert right < wrong - 1
