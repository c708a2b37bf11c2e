from dataclasses import replace
from pathlib import Path

import pytest

from language_models.chat.chat_model import ChatError, ChatMessage, ChatRole
from language_models.chat.record import CallRecord, ChatQuestion, RecordedChat
from tests.language_models.chat.fake_chat import FakeChat, recorded


def question(text: str = "Hello", *, dialogue: int = 1, samples: int = 2) -> ChatQuestion:
    return ChatQuestion(
        dialogue, "test", (ChatMessage(ChatRole.USER, text),), 1.0, max_tokens=8, samples=range(samples)
    )


def test_answers_stand_in_the_order_of_the_questions_and_samples(tmp_path: Path) -> None:
    chat = recorded(lambda request, sample: f"{request.messages[0].content} {sample}", tmp_path)
    assert chat.ask([question("a"), question("b", samples=1)]) == [("a 0", "a 1"), ("b 0",)]
    assert chat.used.answers == 3
    assert chat.reused == 0


def test_only_what_is_missing_is_asked_and_the_same_only_once(tmp_path: Path) -> None:
    chat = recorded(lambda request, sample: f"answer {sample}", tmp_path)
    chat.ask([question(samples=2)])
    model = FakeChat(lambda request, sample: f"later {sample}")
    again = RecordedChat(model, CallRecord(tmp_path), seed=0)
    texts = again.ask([question(samples=4), question(samples=3)])
    assert texts == [("answer 0", "answer 1", "later 2", "later 3"), ("answer 0", "answer 1", "later 2")]
    assert [request.samples for request in model.requests] == [(2, 3)]
    assert again.reused == 5
    assert again.line() == "fake: 1 calls, 2 answers, 100 + 14 tokens; 5 answers from the record"
    again.ask([question(samples=4)])
    assert len(model.requests) == 1


def test_another_seed_or_dialogue_draws_anew(tmp_path: Path) -> None:
    recorded(lambda request, sample: "first", tmp_path).ask([question()])
    assert recorded(lambda request, sample: "second", tmp_path, seed=1).ask([question()]) == [("second", "second")]
    other = recorded(lambda request, sample: "third", tmp_path)
    assert other.ask([question(dialogue=2)]) == [("third", "third")]


def test_the_record_is_raw_and_the_answer_without_thoughts(tmp_path: Path) -> None:
    chat = recorded(lambda request, sample: "<think>hm</think> Yes.", tmp_path)
    assert chat.ask([question(samples=1)]) == [("Yes.",)]
    assert "<think>" in (tmp_path / "dialogue-00001.jsonl").read_text()


def test_a_model_that_leaves_answers_out_is_an_error(tmp_path: Path) -> None:
    chat = recorded(lambda request, sample: "x", tmp_path)
    complete = chat.model.complete
    chat.model.complete = lambda requests: complete([replace(requests[0], samples=(0,))])  # type: ignore[method-assign]
    with pytest.raises(ChatError, match="fake: 1 of 2 answers came for dialogue 1"):
        chat.ask([question()])
