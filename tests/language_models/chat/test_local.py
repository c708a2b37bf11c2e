from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from corpus.strategy import Strategy
from env.conversation import Conversation
from env.seekers.prompted.critic import Critic
from env.seekers.prompted.settings import ModelSettings, model_seeker, open_chat
from language_models.chat.chat_model import ChatError, ChatMessage, ChatRequest, ChatRole, Completion
from language_models.chat.local import TransformersChat
from language_models.chat.record import CallRecord
from tests.env.seekers.prompted.people import profile
from tests.language_models.chat.tiny_chat import WORDS, save_tiny_chat

REQUEST = ChatRequest((ChatMessage(ChatRole.USER, "rain oven tired"),), 1.1, max_tokens=4, samples=(0, 1), seed=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_chat(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def chat(folder: Path) -> TransformersChat:
    return TransformersChat(str(folder), batch_size=4)


def answers(chat: TransformersChat, *requests: ChatRequest) -> list[Completion]:
    return [completion for _, completion in sorted(chat.complete(requests), key=lambda pair: pair[0])]


def test_it_answers_and_counts(chat: TransformersChat) -> None:
    (answer,) = answers(chat, replace(REQUEST, samples=(0, 1, 2)))
    assert answer.samples == (0, 1, 2)
    assert answer.prompt_tokens == 6  # <user> rain oven tired <end> <self>
    assert all(set(text.split()) <= set(WORDS[4:]) for text in answer.texts)  # special tokens are not said
    assert 0 < (answer.completion_tokens or 0) <= 12


def test_an_answer_does_not_depend_on_what_is_computed_beside_it(chat: TransformersChat) -> None:
    long = replace(REQUEST, messages=(ChatMessage(ChatRole.USER, "rain " * 40),), samples=(5,))
    short = replace(REQUEST, seed=3)
    together = answers(chat, long, REQUEST, replace(short, max_tokens=2), short)
    assert together == [answers(chat, one)[0] for one in (long, REQUEST, replace(short, max_tokens=2), short)]
    assert answers(chat, replace(REQUEST, samples=(1,)))[0].texts[0] == answers(chat, REQUEST)[0].texts[1]


def test_seeds_and_samples_differ(chat: TransformersChat) -> None:
    requests = [replace(REQUEST, seed=seed) for seed in range(6)]
    assert len({text for answer in answers(chat, *requests) for text in answer.texts}) > 6


def test_the_global_generator_is_left_alone(chat: TransformersChat) -> None:
    state = torch.random.get_rng_state()
    answers(chat, REQUEST)
    assert torch.equal(state, torch.random.get_rng_state())


def test_draws_follow_the_temperature(chat: TransformersChat) -> None:
    """The first word's frequencies are softmax(logits / temperature)."""
    one = replace(REQUEST, max_tokens=1, temperature=0.7, samples=tuple(range(2000)))
    prompt = torch.tensor([[2, 10, 11, 12, 1, 3]])
    with torch.inference_mode():
        expected = torch.softmax(chat.model(prompt).logits[0, -1].float() / 0.7, dim=-1).numpy()
    counts = Counter(answers(chat, one)[0].texts)
    said = np.array([counts[word] for word in WORDS[5:]]) / 2000
    np.testing.assert_allclose(said, expected[5:], atol=4 * np.sqrt(0.25 / 2000))


def test_temperature_zero_gives_the_likeliest_words(chat: TransformersChat) -> None:
    (answer,) = answers(chat, replace(REQUEST, temperature=0.0, samples=(0, 1, 2)))
    assert len(set(answer.texts)) == 1


def test_the_name_is_of_the_weights_not_of_the_place(chat: TransformersChat, folder: Path, tmp_path: Path) -> None:
    copy = save_tiny_chat(tmp_path / "tiny")
    assert TransformersChat(str(copy)).name == chat.name
    assert chat.name.startswith("tiny@")
    assert str(folder.parent) not in chat.name


def test_what_cannot_be_used_is_one_clear_line(tmp_path: Path) -> None:
    plain = save_tiny_chat(tmp_path / "plain", template=None)
    with pytest.raises(ValueError, match=r"plain: its tokenizer has no chat template, expected a chat \(instruct\)"):
        TransformersChat(str(plain))
    with pytest.raises(ValueError, match=r"^cannot load chat model .*nothing") as caught:
        TransformersChat(str(tmp_path / "nothing"))
    assert "\n" not in str(caught.value)
    short = TransformersChat(str(save_tiny_chat(tmp_path / "short", positions=8)))
    with pytest.raises(ChatError, match="6 tokens and 4 to write, but the model reads 8"):
        answers(short, REQUEST)
    refusing = save_tiny_chat(tmp_path / "refusing", template="{{ raise_exception('no users here') }}")
    with pytest.raises(ChatError, match="its chat template refuses the messages: no users here"):
        answers(TransformersChat(str(refusing)), REQUEST)


def test_weights_that_could_run_code_are_not_loaded(folder: Path, tmp_path: Path) -> None:
    pickled = save_tiny_chat(tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"^cannot load chat model .*pickled"):
        TransformersChat(str(pickled))


def test_a_whole_turn_with_a_random_model(folder: Path, tmp_path: Path) -> None:
    """It babbles: the critic has nothing to read and gives no score; digits come now and then, so intensities do."""
    settings = ModelSettings(model=str(folder), batch_size=32)
    chat = open_chat(settings)
    seeker = model_seeker(settings, chat, CallRecord(tmp_path / "calls"), seed=1)
    critic = Critic(seeker.chat, config=settings.critic)
    conversations = [Conversation.start(profile(number)) for number in (1, 2, 3)]
    plans = [(Strategy.QUESTION,)] * 3
    replies = seeker.replies(conversations, plans, [None] * 3, rng=np.random.default_rng(0))
    assert all(1 <= reply.intensity <= 5 and reply.messages and reply.feedback == 0 for reply in replies)
    scores = critic.score([one.profile for one in conversations], [one.history for one in conversations])
    assert all(sum(one.counts) + one.unparsable == 10 for one in scores)
    assert critic.unparsable > 0
    again = model_seeker(settings, chat, CallRecord(tmp_path / "calls"), seed=1)
    assert again.replies(conversations, plans, [None] * 3, rng=np.random.default_rng(0)) == replies
    assert again.chat.used.calls == 0
    fresh = model_seeker(settings, chat, CallRecord(tmp_path / "fresh"), seed=1)
    assert (
        fresh.replies(conversations, plans, [None] * 3, rng=np.random.default_rng(0)) == replies
    )  # seeded: the same without a record
