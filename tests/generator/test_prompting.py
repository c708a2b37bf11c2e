"""A chat model that is told its strategies in words."""

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from generator.config import LengthConfig
from generator.prompting import EXAMPLES, PromptedFormat, choose_examples, prompted_realizer, prompts
from generator.realizer import Realizer
from language_models.settings import DecodingConfig

DECODING = DecodingConfig(temperature=1.0, top_k=0, top_p=1.0, max_message_tokens=6)
HISTORY = [
    Message(Role.SEEKER, "I can't sleep."),
    Message(Role.SUPPORTER, "Tell me more.", Strategy.QUESTION),
    Message(Role.SEEKER, "It is work, you know?"),
]


def shown(strategy: Strategy, number: int) -> Dialogue:
    """A dialogue with one exchange that may be an example."""
    messages = (
        Message(Role.SEEKER, f"I have had trouble number {number}."),
        Message(Role.SUPPORTER, f"You could use {strategy.label} {number}.", strategy),
        Message(Role.SEEKER, "No."),
        Message(Role.SUPPORTER, "Short.", strategy),
    )
    return Dialogue(number, messages)


@pytest.fixture(scope="module")
def train() -> list[Dialogue]:
    return [shown(strategy, 10 * strategy + n + 1) for strategy in Strategy for n in range(5)]


@pytest.fixture(scope="module")
def realizer(make_tiny) -> Realizer:
    backbone = make_tiny("tiny-smollm2", strategies=False)
    form = PromptedFormat(backbone, prompts(), lengths=LengthConfig(history_tokens=900, response_tokens=20))
    return Realizer(backbone, form, decoding=DECODING)


def test_every_strategy_is_told_with_its_definition():
    told = prompts()
    assert all(one.label in text and one.definition in text for one, text in told.items())
    assert len(set(told.values())) == len(Strategy) == len({one.definition for one in Strategy})


def test_examples_show_their_strategy_and_come_from_three_dialogues(train):
    chosen = choose_examples(train, rng=np.random.default_rng(0))
    for strategy, exchanges in chosen.items():
        assert len(set(exchanges)) == EXAMPLES
        assert all(strategy.label in supporter and "trouble" in seeker for seeker, supporter in exchanges)
    assert chosen == choose_examples(train, rng=np.random.default_rng(0))
    assert chosen != choose_examples(train, rng=np.random.default_rng(1))
    assert all(text in prompts(chosen)[Strategy.QUESTION] for one in chosen[Strategy.QUESTION] for text in one)
    with pytest.raises(ValueError, match="few-shot: train has 0 dialogues with a fitting example of Question"):
        choose_examples(train[5:], rng=np.random.default_rng(0))


def test_a_context_tells_the_strategy_and_then_the_conversation(realizer):
    tokenizer = realizer.backbone.tokenizer
    text = tokenizer.decode(realizer.form.context(HISTORY, strategy=Strategy.SUGGESTIONS))
    assert "providing suggestions" in text.lower() and "sleep" in text and "question" not in text.lower()
    told = prompts({Strategy.SUGGESTIONS: [("Q", "Some shown answer.")] * 3})
    few = PromptedFormat(realizer.backbone, told, lengths=realizer.form.lengths)
    assert "some shown answer" in tokenizer.decode(few.context(HISTORY, strategy=Strategy.SUGGESTIONS)).lower()
    assert few.digest != realizer.form.digest
    with pytest.raises(ValueError, match="a prompted model follows plans"):
        realizer.form.context(HISTORY)
    with pytest.raises(ValueError, match="reasoning"):
        realizer.realize(HISTORY, [Strategy.QUESTION], reasoning=object())


def test_it_realizes_plans_and_scores_texts(realizer):
    plan = [Strategy.REFLECTION, Strategy.QUESTION]
    turn = realizer.realize(HISTORY, plan)
    assert [strategy for strategy, _ in turn] == plan
    assert turn == realizer.realize(HISTORY, plan)
    assert all(text for _, text in turn)
    losses = realizer.negative_log_likelihood([HISTORY] * 2, [[one] for one in plan], [["Some tea."]] * 2)
    assert losses.nats[0] != losses.nats[1]  # the words told matter
    assert losses.apart_tokens.tolist() == [0, 0]
    with pytest.raises(ValueError, match="a prompted model follows plans"):
        realizer.realize(HISTORY)


def test_a_template_without_system_messages_is_told_by_the_user(make_tiny):
    backbone = make_tiny("tiny-smollm2", strategies=False, seed=3)
    tokenizer = backbone.tokenizer
    before = tokenizer.chat_template
    try:
        tokenizer.chat_template = (
            "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('none') }}{% endif %}"
            "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
        )
        form = PromptedFormat(backbone, prompts(), lengths=LengthConfig(history_tokens=900, response_tokens=20))
        text = tokenizer.decode(form.context(HISTORY, strategy=Strategy.INFORMATION))
        assert "information" in text.lower() and text.count("user") == 3
    finally:
        tokenizer.chat_template = before


def test_what_cannot_be_prompted(make_tiny):
    lengths = LengthConfig(history_tokens=900, response_tokens=20)
    with pytest.raises(ValueError, match="only if its tokenizer has a chat template"):
        PromptedFormat(make_tiny("tiny-dialogpt", strategies=False), prompts(), lengths=lengths)
    backbone = make_tiny("tiny-smollm2", strategies=False)
    told = prompts({Strategy.OTHERS: [("Hi", backbone.tokenizer.eos_token)]})
    with pytest.raises(ValueError, match=r"an example holds .*, a special token of the model"):
        PromptedFormat(backbone, told, lengths=lengths)
    with pytest.raises(ValueError, match="has no pretrained weights"):
        prompted_realizer("tiny-smollm2")
