import json
from dataclasses import replace
from pathlib import Path

import pytest

from language_models.chat.chat_model import ChatMessage, ChatRequest, ChatRole, Completion
from language_models.chat.record import CallRecord, Usage

REQUEST = ChatRequest((ChatMessage(ChatRole.USER, "Hello é"),), 1.1, max_tokens=16, samples=(0, 1), seed=0)
COMPLETION = Completion((0, 1), ("one ☂", "two"), 100, 14)


def keep(record: CallRecord, dialogue: int = 12) -> None:
    record.append(dialogue, REQUEST, COMPLETION, model="m", purpose="reply")


def test_a_line_holds_all_of_a_call(tmp_path: Path) -> None:
    keep(CallRecord(tmp_path / "calls"))
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
    keep(CallRecord(tmp_path))  # never closed
    again = CallRecord(tmp_path)
    assert again.text(12, REQUEST.key("m", 1)) == "two"
    assert again.text(12, REQUEST.key("m", 2)) is None
    assert again.text(13, REQUEST.key("m", 1)) is None
    assert again.usage() == Usage(calls=1, answers=2, prompt_tokens=100, completion_tokens=14)


@pytest.mark.parametrize("kept", [1, 40, 0.5, -2])
def test_a_last_line_without_end_is_dropped_and_the_file_goes_on(tmp_path: Path, kept: float) -> None:
    record = CallRecord(tmp_path)
    keep(record)
    path = tmp_path / "dialogue-00012.jsonl"
    first = path.read_bytes()
    end = int(len(first) * kept) if isinstance(kept, float) else kept
    path.write_bytes(first + first[:end])
    again = CallRecord(tmp_path)
    assert again.text(12, REQUEST.key("m", 0)) == "one ☂"
    again.append(12, replace(REQUEST, seed=1), COMPLETION, model="m", purpose="reply")
    assert path.read_bytes().startswith(first)
    assert [json.loads(line)["seed"] for line in path.read_text().splitlines()] == [0, 1]


@pytest.mark.parametrize("broken", ["{", "[]", '{"answers": [{"key": "a"}]}', "\x00"])
def test_a_broken_line_in_the_middle_is_named(tmp_path: Path, broken: str) -> None:
    keep(CallRecord(tmp_path))
    path = tmp_path / "dialogue-00012.jsonl"
    path.write_text(path.read_text() + broken + "\n")
    with pytest.raises(ValueError, match=r"dialogue-00012\.jsonl: line 2: not a recorded call"):
        CallRecord(tmp_path).text(12, "k")
