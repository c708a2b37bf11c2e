"""Requests and their answers on disk: none is asked for twice, broken files are told, usage adds up."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from language_models.chat.chat_model import ChatError, ChatMessage, ChatRequest, ChatRole, Completion, spoken
from language_models.chat.record import CallRecord, ChatQuestion, Prices, RecordedChat, Usage
from tests.language_models.chat.fake_chat import FakeChat, recorded

REQUEST = ChatRequest((ChatMessage(ChatRole.USER, "Hello é"),), 1.1, max_tokens=16, samples=(0, 1), seed=0)
COMPLETION = Completion((0, 1), ("one ☂", "two"), 100, 14)


ASK, ANSWER = REQUEST.messages[0], ChatMessage(ChatRole.ASSISTANT, "Fine.")


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


@pytest.mark.parametrize("messages", [(), (ANSWER,), (ASK, ANSWER), (ASK, ASK, ASK)])
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
        ("<think>Hm, this is never ended and", ""),
        ("I <think> so", "I <think> so"),
    ],
)
def test_thoughts_are_not_said(raw: str, said: str) -> None:
    assert spoken(raw) == said


def write_call(record: CallRecord, dialogue: int = 12) -> None:
    record.append(dialogue, REQUEST, COMPLETION, model="m", purpose="reply")


def test_a_line_holds_all_of_a_call(tmp_path: Path) -> None:
    write_call(CallRecord(tmp_path / "calls"))
    (path,) = (tmp_path / "calls").iterdir()
    assert path.name == "dialogue-00012.jsonl"
    line = json.loads(path.read_text())
    assert line == {
        "dialogue": 12,
        "purpose": "reply",
        "model": "m",
        "messages": [{"role": "user", "content": "Hello é"}],
        "temperature": 1.1,
        "max_tokens": 16,
        "seed": 0,
        "answers": [
            {"key": REQUEST.key("m", 0), "sample": 0, "text": "one ☂"},
            {"key": REQUEST.key("m", 1), "sample": 1, "text": "two"},
        ],
        "prompt_tokens": 100,
        "completion_tokens": 14,
    }


def test_another_process_finds_what_was_written_at_once(tmp_path: Path) -> None:
    write_call(CallRecord(tmp_path))  # never closed
    again = CallRecord(tmp_path)
    assert again.text(12, REQUEST.key("m", 1)) == "two"
    assert again.text(12, REQUEST.key("m", 2)) is None
    assert again.text(13, REQUEST.key("m", 1)) is None
    assert again.usage() == Usage(calls=1, answers=2, prompt_tokens=100, completion_tokens=14)


@pytest.mark.parametrize("length", [1, 40, 0.5, -2])
def test_a_last_line_without_end_is_dropped_and_the_file_grows_on(tmp_path: Path, length: float) -> None:
    record = CallRecord(tmp_path)
    write_call(record)
    path = tmp_path / "dialogue-00012.jsonl"
    first = path.read_bytes()
    end = int(len(first) * length) if isinstance(length, float) else length
    path.write_bytes(first + first[:end])
    again = CallRecord(tmp_path)
    assert again.text(12, REQUEST.key("m", 0)) == "one ☂"
    again.append(12, replace(REQUEST, seed=1), COMPLETION, model="m", purpose="reply")
    assert path.read_bytes().startswith(first)
    assert [json.loads(line)["seed"] for line in path.read_text().splitlines()] == [0, 1]


@pytest.mark.parametrize("broken", ["{", "[]", '{"answers": [{"key": "a"}]}', "\x00"])
def test_a_broken_line_in_the_middle_is_named(tmp_path: Path, broken: str) -> None:
    write_call(CallRecord(tmp_path))
    path = tmp_path / "dialogue-00012.jsonl"
    path.write_text(path.read_text() + broken + "\n")
    with pytest.raises(ValueError, match=r"dialogue-00012\.jsonl: line 2: .*delete the line to ask again"):
        CallRecord(tmp_path).text(12, "k")


def question(text: str = "Hello", *, dialogue: int = 1, samples: int = 2) -> ChatQuestion:
    return ChatQuestion(
        dialogue, "test", (ChatMessage(ChatRole.USER, text),), 1.0, max_tokens=8, samples=range(samples)
    )


def test_answers_come_in_the_order_of_the_questions_and_samples(tmp_path: Path) -> None:
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


def test_another_seed_or_dialogue_is_asked_anew(tmp_path: Path) -> None:
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


COUNTED = Usage.of(Completion((0, 1), ("a", "b"), 1_000_000, 200_000))
UNCOUNTED = Usage.of(Completion((0,), ("a",), None, None))


def test_usage_adds_up_and_costs() -> None:
    total = COUNTED + COUNTED
    assert total == Usage(calls=2, answers=4, prompt_tokens=2_000_000, completion_tokens=400_000)
    assert total.cost(Prices(prompt=0.5, completion=10.0)) == pytest.approx(5.0)
    assert total.line(Prices(0.5, 10.0)) == "2 calls, 4 answers, 2,000,000 + 400,000 tokens, cost 5.0000"
    assert total.line(None) == "2 calls, 4 answers, 2,000,000 + 400,000 tokens"


def test_what_was_not_counted_is_said() -> None:
    assert (COUNTED + UNCOUNTED).line(None).endswith("tokens, at least: 1 calls came without token counts")


def test_prices_are_not_negative() -> None:
    with pytest.raises(ValueError, match="prices"):
        Prices(-1.0, 0.0)
