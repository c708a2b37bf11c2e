"""A conversation written down: as ESConv JSON, as text, and as HTML in which no text becomes markup."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.conversation import ChatSession, Exchange
from chat.transcript import official_json, readable_text, save
from chat.web.bubbles import conversation_html, plan_html, safe
from corpus.dialogue import Message, Role
from corpus.formats.detection import read_dialogues
from corpus.strategy import Strategy
from safety.helplines import read_helplines
from safety.rules import CrisisKind
from tests.chat.fake_system import ALARM, WORRY, fake_system

HELPLINES = read_helplines()
ATTACK = "<script>alert(1)</script><img src=x onerror='a()'>${1+1}{{7*7}}`x`&quot;\\u003cb"


def test_json_is_read_back_as_a_corpus(tmp_path: Path) -> None:
    conversation = ChatSession(fake_system("mine"))
    conversation.say("My dog is ill.")
    conversation.say(ALARM)
    save(conversation, tmp_path / "talk.json")
    (dialogue,) = read_dialogues(tmp_path / "talk.json")
    assert list(dialogue.messages) == conversation.history
    (record,) = json.loads((tmp_path / "talk.json").read_text())
    assert (record["system"], record["crisis"]) == ("mine", CrisisKind.SUICIDE.value)
    assert record["screening"] == [None, {"level": "urgent", "kind": "suicide"}]


def test_worried_messages_and_replaced_texts_are_recorded() -> None:
    conversation = ChatSession(fake_system(words="unsafe"))
    conversation.say(WORRY)
    conversation.say("no")
    (record,) = json.loads(official_json(conversation))
    assert "crisis" not in record
    assert (record["screening"], record["replaced"]) == ([{"level": "worried", "kind": "suicide"}, None], 2)


def test_text_holds_plans_and_choices(tmp_path: Path) -> None:
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


def test_refused(tmp_path: Path) -> None:
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


@given(st.text())
def test_no_text_becomes_markup_or_template(text: str) -> None:
    assert not re.search(r"[<>\"'${}`\\]", safe(text))


def test_seeker_and_model_are_both_escaped() -> None:
    exchange = Exchange(Message(Role.SEEKER, ATTACK), (Message(Role.SUPPORTER, ATTACK, Strategy.OTHERS),))
    for html in (
        conversation_html([exchange], helplines=HELPLINES),
        conversation_html([], helplines=HELPLINES, pending=ATTACK),
    ):
        assert "<script" not in html
        assert "<img" not in html
        assert "${" not in html
        assert "{{" not in html
    assert conversation_html([exchange], helplines=HELPLINES).count("&lt;script&gt;") == 2


def test_strategies_are_hidden_in_a_study() -> None:
    conversation = ChatSession(fake_system())
    conversation.say("hello")
    assert ">Question</span>" in conversation_html(conversation.exchanges, helplines=HELPLINES)
    hidden = conversation_html(conversation.exchanges, helplines=HELPLINES, strategies=False)
    assert "chip" not in hidden


def test_plan_shows_every_probability() -> None:
    conversation = ChatSession(fake_system())
    html = plan_html(conversation.say("hello"))
    assert html.count('class="bar') == len(Strategy)
    assert 'bar chosen"><span class="name">Question</span>' in html
    assert "65%" in html
    assert "Emotion: They feel anxiety (50%), at intensity 4 of 5" in html
    assert "chosen by you" in plan_html(conversation.say("hello", strategies=[Strategy.OTHERS]))
    assert "fixed message" in plan_html(conversation.say(ALARM))


def test_after_an_urgent_message_the_helplines_are_links_above_the_conversation() -> None:
    conversation = ChatSession(fake_system())
    conversation.say("hello")
    conversation.say(ALARM)
    html = conversation_html(conversation.exchanges, helplines=HELPLINES)
    assert html.startswith('<section class="help new"')
    assert html.count('class="bubble') == 4, "what was said before stays"
    assert 'class="talk whole"' in html
    for line in HELPLINES.all():
        assert html.count(f'href="{line.link}"') >= 2, "above the conversation and in the message"
    conversation.say("and now?")
    later = conversation_html(conversation.exchanges, helplines=HELPLINES)
    assert '<section class="help"' in later, "the page scrolls there once"
    conversation.undo(), conversation.undo()
    assert 'class="talk"' in conversation_html(conversation.exchanges, helplines=HELPLINES)


def test_a_worried_reply_holds_links() -> None:
    conversation = ChatSession(fake_system())
    conversation.say(WORRY)
    html = conversation_html(conversation.exchanges, helplines=HELPLINES)
    assert 'class="help' not in html
    assert 'class="bubble supporter worried"' in html
    assert '<a href="tel:988">988</a> (US and Canada)' in html
    assert 'href="https://findahelpline.com" target="_blank"' in html
