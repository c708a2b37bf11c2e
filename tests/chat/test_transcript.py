import json
from pathlib import Path

import pytest

from chat.conversation import ChatSession
from chat.transcript import readable_text, save
from corpus.formats.official import read
from corpus.strategy import Strategy
from safety.screening import CrisisKind
from tests.chat.fake_system import fake_system


def test_json_is_read_back_as_a_corpus(tmp_path: Path, easy_screening: CrisisKind) -> None:
    conversation = ChatSession(fake_system("mine"))
    conversation.say("My dog is ill.")
    conversation.say("ALARM")
    save(conversation, tmp_path / "talk.json")
    (dialogue,) = read(tmp_path / "talk.json")
    assert list(dialogue.messages) == conversation.history
    (record,) = json.loads((tmp_path / "talk.json").read_text())
    assert (record["system"], record["crisis"]) == ("mine", easy_screening.value)


def test_text_holds_plans_and_choices(tmp_path: Path, easy_screening: CrisisKind) -> None:
    conversation = ChatSession(fake_system("mine"))
    conversation.say("My dog is ill.")
    conversation.say("Why?", strategies=[Strategy.INFORMATION])
    save(conversation, tmp_path / "talk.txt")
    text = (tmp_path / "talk.txt").read_text()
    assert text == readable_text(conversation)
    assert "you: My dog is ill." in text
    assert "plan (one-by-one): Question (65%)" in text
    assert "1. Question 65%, Restatement or Paraphrasing 5%" in text
    assert "plan, chosen by hand: Information" in text
    assert "supporter [Information]: text INFORMATION" in text


def test_refused(tmp_path: Path, easy_screening: CrisisKind) -> None:
    conversation = ChatSession(fake_system(variant="vanilla", planned=False))
    with pytest.raises(ValueError, match="nothing to save"):
        save(conversation, tmp_path / "a.txt")
    conversation.say("hello")
    with pytest.raises(ValueError, match="expected a strategy on every supporter message"):
        save(conversation, tmp_path / "a.json")
    with pytest.raises(ValueError, match=r"ends in \.json or \.txt"):
        save(conversation, tmp_path / "a.py")
    (tmp_path / "a.txt").write_text("mine")
    with pytest.raises(ValueError, match="exists already"):
        save(conversation, tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "mine"
