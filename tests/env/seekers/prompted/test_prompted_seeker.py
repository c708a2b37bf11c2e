"""A seeker that a language model plays: what it is told, how its answers are read, and its settings."""

import re
from pathlib import Path

import numpy as np
import pytest

from corpus.strategy import LABELS, Strategy
from env.conversation import Conversation, SeekerReply
from env.seekers.prompted.critic import CriticAnswer, CriticConfig, parse_verdict
from env.seekers.prompted.intensity import IntensityConfig, IntensityEstimator
from env.seekers.prompted.prompt import load_prompt
from env.seekers.prompted.seeker import ModelSeeker, ModelSeekerConfig, parse_answer
from env.seekers.prompted.settings import ModelSettings, model_seeker, open_chat
from language_models.chat.chat_model import ChatError, ChatRequest, ChatRole
from language_models.chat.endpoint import OpenAIChat
from language_models.chat.record import CallRecord, Prices
from tests.env.seekers.prompted.people import profile, seeker_says, supporter_says
from tests.language_models.chat.chat_server import KEY
from tests.language_models.chat.fake_chat import FakeChat, recorded

PLAN = (Strategy.REFLECTION, Strategy.QUESTION)
TEXTS = ("That sounds frightening.", "Who could lend you an oven?")


def asks_intensity(request: ChatRequest) -> bool:
    return "Reply with one digit" in request.messages[0].content


def make_seeker(folder: Path, *replies: str) -> tuple[ModelSeeker, FakeChat]:
    """Gives ``replies`` sample by sample; feels a 3."""
    chat = recorded(lambda request, sample: "3" if asks_intensity(request) else replies[sample], folder)
    assert isinstance(chat.model, FakeChat)
    return ModelSeeker(chat, IntensityEstimator(chat, config=IntensityConfig(samples=1))), chat.model


def ask(seeker: ModelSeeker, *conversations: Conversation, texts: tuple[str, ...] | None = TEXTS) -> list[SeekerReply]:
    count = len(conversations)
    return seeker.replies(conversations, [PLAN] * count, [texts] * count, rng=np.random.default_rng(0))


def test_it_replies_without_rating_and_its_intensity_is_read(tmp_path: Path) -> None:
    seeker, model = make_seeker(tmp_path, "Maybe my aunt.\nI will ask.")
    conversation = Conversation.start(profile())
    assert ask(seeker, conversation) == [
        SeekerReply(("Maybe my aunt.", "I will ask."), feedback=0, intensity=3.0, gives_up=False, supporter=TEXTS)
    ]
    assert conversation == Conversation.start(profile())  # the environment adds turn and reply
    asked = model.requests[-1].messages[0].content
    assert "Supporter: Who could lend you an oven?\nSeeker: Maybe my aunt.\nSeeker: I will ask.\n" in asked


def test_the_model_is_the_seeker_and_the_supporter_its_user(tmp_path: Path) -> None:
    seeker, model = make_seeker(tmp_path, "Hm.")
    conversation = Conversation.start(profile())
    conversation.history += [supporter_says("Since when?"), seeker_says("Yesterday.")]
    ask(seeker, conversation)
    messages = next(request for request in model.requests if not asks_intensity(request)).messages
    assert [message.role for message in messages] == [ChatRole.USER, ChatRole.ASSISTANT] * 2 + [ChatRole.USER]
    assert "The oven of bakery number 1 broke {yesterday}." in messages[0].content
    assert messages[0].content.endswith("you speak first.")
    assert messages[1].content == "My bakery lost its oven.\nI do not know what to do."
    assert messages[-1].content.startswith("\n".join(TEXTS) + "\n\n(Write this person's next message")


def test_a_greeting_comes_before_the_first_message(tmp_path: Path) -> None:
    seeker, model = make_seeker(tmp_path, "Hm.")
    ask(seeker, Conversation.start(profile(greeting=True)))
    messages = next(request for request in model.requests if not asks_intensity(request)).messages
    assert messages[0].content.endswith("The supporter wrote: Hello, how are you?")
    assert messages[1].content.startswith("My bakery")


def test_without_texts_it_is_told_what_the_supporter_does(tmp_path: Path) -> None:
    seeker, model = make_seeker(tmp_path, "Hm.")
    (reply,) = ask(seeker, Conversation.start(profile()), texts=None)
    assert len(reply.supporter) == 2
    assert all(text.startswith("(The supporter ") for text in reply.supporter)
    assert all(text in model.requests[0].messages[-1].content for text in reply.supporter)


def test_conversations_are_asked_together_and_answered_in_order(tmp_path: Path) -> None:
    batches: list[int] = []
    chat = recorded(
        lambda request, sample: "2" if asks_intensity(request) else f"I bake. {len(str(request))}", tmp_path
    )
    complete = chat.model.complete

    def counted(requests):  # type: ignore[no-untyped-def]
        batches.append(len(requests))
        return complete(requests)

    chat.model.complete = counted  # type: ignore[method-assign]
    seeker = ModelSeeker(chat, IntensityEstimator(chat))
    people = [Conversation.start(profile(number)) for number in (7, 123)]
    replies = ask(seeker, *people)
    assert batches == [2, 2]
    assert int(replies[1].messages[0].split()[-1]) - int(replies[0].messages[0].split()[-1]) == 2  # 123 is longer


def test_an_empty_reply_is_asked_for_again(tmp_path: Path) -> None:
    seeker, _ = make_seeker(tmp_path, "", "[LEAVE]", "This does not help. [leave]")
    (reply,) = ask(seeker, Conversation.start(profile()))
    assert reply.messages == ("This does not help.",)
    assert reply.gives_up


def test_a_model_without_replies_or_intensities_is_an_error_not_a_guess(tmp_path: Path) -> None:
    seeker, _ = make_seeker(tmp_path / "a", "", "", "")
    with pytest.raises(ChatError, match="fake: no reply in 3 answers on dialogue 1: another model"):
        ask(seeker, Conversation.start(profile()))
    chat = recorded(lambda request, sample: "Well.", tmp_path / "b")
    with pytest.raises(ChatError, match="fake: no intensity in 15 answers on dialogue 1: another model"):
        ask(ModelSeeker(chat, IntensityEstimator(chat)), Conversation.start(profile()))


@pytest.mark.parametrize(
    ("text", "messages", "leaves"),
    [
        ('"I am tired."', ("I am tired.",), False),
        ("Seeker: I am tired.", ("I am tired.",), False),
        ("**Patient**: I am tired.", ("I am tired.",), False),
        ("I am tired.\n\nSupporter: Rest!\nThanks.", ("I am tired.",), False),
        ("I must go.\n[LEAVE]", ("I must go.",), True),
        ("Supporter: Rest! [LEAVE]", (), False),
        ("Someone told me: rest.", ("Someone told me: rest.",), False),
    ],
)
def test_only_the_seekers_own_words_are_kept(text: str, messages: tuple[str, ...], leaves: bool) -> None:
    answer = parse_answer(text)
    assert (answer.messages, answer.leaves) == (messages, leaves)


def test_the_signature_names_seeker_and_estimator(tmp_path: Path) -> None:
    seeker, _ = make_seeker(tmp_path, "Hm.")
    assert seeker.signature.startswith("seeker fake prompt 1.")
    assert "; intensity fake prompt 1." in seeker.signature
    hotter = ModelSeeker(seeker.chat, seeker.estimator, config=ModelSeekerConfig(temperature=1.0))
    assert hotter.signature != seeker.signature


@pytest.mark.parametrize("name", ["reply", "verdict", "intensity"])
def test_prompts_are_versioned_and_hashed(name: str) -> None:
    assert re.fullmatch(r"[1-9]\d*\.[0-9a-f]{8}", load_prompt(name).mark)


def test_fields_must_fit() -> None:
    with pytest.raises(ValueError, match=r"'beginning_after_greeting': has the fields \['greeting'\], got \['name'\]"):
        load_prompt("reply").fill("beginning_after_greeting", name="Ann")


def test_the_critics_sentences_are_what_its_parser_reads() -> None:
    sentences = load_prompt("verdict").tables["sentences"]
    assert {parse_verdict(sentence) for sentence in sentences.values()} == set(CriticAnswer)
    assert all(parse_verdict(sentences[verdict]) is verdict for verdict in CriticAnswer)


def test_every_strategy_has_a_stand_in() -> None:
    assert list(load_prompt("reply").tables["stand_ins"]) == list(LABELS)


def test_an_endpoint_is_named_by_its_prefix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ESC_CHAT_URL", "https://api.example.org/v1")
    monkeypatch.setenv("ESC_CHAT_KEY", KEY)
    settings = ModelSettings("endpoint:big:8b", concurrency=3, timeout=9.0, price_prompt=1.0, price_completion=2.0)
    chat = open_chat(settings)
    assert isinstance(chat, OpenAIChat)
    assert (chat.name, chat.config.concurrency, chat.config.timeout) == ("big:8b", 3, 9.0)
    seeker = model_seeker(settings, chat, CallRecord(tmp_path), seed=5)
    assert seeker.chat.prices == Prices(1.0, 2.0)
    assert seeker.signature.endswith("seed 5")
    assert KEY not in repr(settings)


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ESC_CHAT_URL", raising=False)
    with pytest.raises(ValueError, match=r"^model: expected endpoint:NAME, or a folder or hub id of a chat model$"):
        open_chat(ModelSettings())
    with pytest.raises(ValueError, match=r"^ESC_CHAT_URL: expected the address"):
        open_chat(ModelSettings("endpoint:m"))
    with pytest.raises(ValueError, match=r"^prices: got one of"):
        _ = ModelSettings("endpoint:m", price_prompt=1.0).prices


@pytest.mark.parametrize("kind", [ModelSeekerConfig, IntensityConfig, CriticConfig, ModelSettings])
def test_wrong_settings_are_refused_by_name(kind: type) -> None:
    for name, value in vars(kind()).items():
        if isinstance(value, int):
            with pytest.raises(ValueError, match=f"^{name}: got 0, expected at least 1$"):
                kind(**{name: 0})
        if isinstance(value, float):
            with pytest.raises(ValueError, match=f"^{name}: got nan, expected at least 0$"):
                kind(**{name: float("nan")})
