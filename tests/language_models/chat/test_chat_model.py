from dataclasses import replace

import pytest

from language_models.chat.chat_model import ChatMessage, ChatRequest, ChatRole, Completion, spoken

ASK = ChatMessage(ChatRole.USER, "How are you?")
SAID = ChatMessage(ChatRole.ASSISTANT, "Fine.")
REQUEST = ChatRequest((ASK,), temperature=1.1, max_tokens=16, samples=(0, 1), seed=0)


def test_a_key_tells_apart_all_that_changes_the_answer_and_nothing_else() -> None:
    others = [
        REQUEST.key("other", 0),
        REQUEST.key("model", 1),
        replace(REQUEST, messages=(ChatMessage(ChatRole.USER, "How are you"),)).key("model", 0),
        replace(REQUEST, temperature=1.0).key("model", 0),
        replace(REQUEST, max_tokens=17).key("model", 0),
        replace(REQUEST, seed=1).key("model", 0),
    ]
    assert len({REQUEST.key("model", 0), *others}) == 7
    assert replace(REQUEST, samples=(0,)).key("model", 0) == REQUEST.key("model", 0)


@pytest.mark.parametrize("messages", [(), (SAID,), (ASK, SAID), (ASK, ASK, ASK)])
def test_messages_must_alternate(messages: tuple[ChatMessage, ...]) -> None:
    with pytest.raises(ValueError, match="alternate"):
        ChatRequest(messages, temperature=1.0, max_tokens=16, samples=(0,), seed=0)


def test_wrong_values_are_refused() -> None:
    with pytest.raises(ValueError, match="temperature >= 0"):
        replace(REQUEST, temperature=float("nan"))
    with pytest.raises(ValueError, match="empty, expected text"):
        ChatMessage(ChatRole.USER, " ")
    with pytest.raises(ValueError, match="1 texts for 2 samples"):
        Completion((0, 1), ("a",), None, None)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (" Fine. ", "Fine."),
        ("<think>Hm. Is it?</think>\nFine.", "Fine."),
        ("no mark at the start</think>Fine.", "Fine."),
        ("<think>Hm, this goes on and", ""),
        ("I <think> so", "I <think> so"),
    ],
)
def test_thoughts_are_not_said(raw: str, said: str) -> None:
    assert spoken(raw) == said
