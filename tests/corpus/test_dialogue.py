"""Types that check themselves, strategies and stages, and errors that name their place."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from corpus.dialogue import Dialogue, Message, Role, Survey, message_view, turn_view
from corpus.errors import CorpusError, located
from corpus.strategy import ALIASES, ESCONV_COUNTS, LABELS, Stage, Strategy, stage_of
from tests.messages import seeker, supporter

DIALOGUE = Dialogue(
    1,
    (
        supporter("welcome", Strategy.OTHERS),
        seeker("my week was bad"),
        seeker("very bad"),
        supporter("what happened", Strategy.QUESTION),
        supporter("take your time", Strategy.AFFIRMATION),
        supporter("tell me", Strategy.QUESTION),
        seeker("I failed a test"),
        supporter("that hurts", Strategy.REFLECTION),
    ),
)


def test_turns_are_maximal_runs_with_the_history_before_them() -> None:
    turns = turn_view([DIALOGUE])
    assert [(turn.start, turn.stop) for turn in turns] == [(0, 1), (3, 6), (7, 8)]
    assert [turn.plan for turn in turns] == [
        (Strategy.OTHERS,),
        (Strategy.QUESTION, Strategy.AFFIRMATION, Strategy.QUESTION),
        (Strategy.REFLECTION,),
    ]
    assert [len(turn.history) for turn in turns] == [0, 3, 7]
    assert [message.text for message in turns[1].messages] == ["what happened", "take your time", "tell me"]


def test_a_repeated_strategy_inside_a_turn_is_kept() -> None:
    dialogue = Dialogue(1, (seeker("hm"), supporter("a", Strategy.OTHERS), supporter("b", Strategy.OTHERS)))
    assert [turn.plan for turn in dialogue.turns()] == [(Strategy.OTHERS, Strategy.OTHERS)]


def test_message_view_counts_earlier_messages_of_the_turn_as_history() -> None:
    items = message_view([DIALOGUE])
    assert [item.index for item in items] == [0, 3, 4, 5, 7]
    assert items[2].history[-1] == supporter("what happened", Strategy.QUESTION)
    assert [item.strategy for item in items][-1] is Strategy.REFLECTION
    assert [item.progress for item in items] == [0, 3 / 8, 4 / 8, 5 / 8, 7 / 8]


def test_a_dialogue_without_a_supporter_has_no_turns() -> None:
    dialogue = Dialogue(1, (seeker("anybody there"),))
    assert turn_view([dialogue]) == []
    assert message_view([dialogue]) == []


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Dialogue(4, ()), "dialogue 4: field 'dialog': empty dialogue, expected at least one message"),
        (lambda: seeker(""), "field 'text': got '', expected text without surrounding blanks that is not empty"),
        (lambda: seeker("a "), "field 'text': got 'a ', expected text without surrounding blanks that is not empty"),
        (
            lambda: Message(Role.SEEKER, "a", strategy=Strategy.OTHERS),
            "field 'strategy': a seeker's message has no strategy",
        ),
        (
            lambda: Message(Role.SUPPORTER, "a", strategy=Strategy.OTHERS, feedback=3),
            "field 'feedback': a supporter's message has no feedback",
        ),
        (
            lambda: Message(Role.SEEKER, "a", feedback=6),
            "field 'feedback': got 6, expected a whole number from 1 to 5",
        ),
        (lambda: Survey(empathy=0), "field 'empathy': got 0, expected a whole number from 1 to 5"),
        (
            lambda: message_view([Dialogue(2, (seeker("a"), Message(Role.SUPPORTER, "b")))])[0].strategy,
            "dialogue 2: message 2: field 'strategy': missing, expected a strategy on every supporter message",
        ),
    ],
)
def test_types_refuse_what_cannot_be(build, message: str) -> None:
    with pytest.raises(CorpusError) as caught:
        build()
    assert str(caught.value) == message


def test_types_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DIALOGUE.number = 2  # type: ignore[misc]


def test_labels_are_the_official_ones_in_class_order() -> None:
    assert [strategy.label for strategy in Strategy] == [
        "Question",
        "Restatement or Paraphrasing",
        "Reflection of feelings",
        "Self-disclosure",
        "Affirmation and Reassurance",
        "Providing Suggestions",
        "Information",
        "Others",
    ]
    assert sum(ESCONV_COUNTS.values()) == 18376  # supporter messages of the 1,300 dialogues


@pytest.mark.parametrize("strategy", Strategy)
def test_label_spellings(strategy: Strategy) -> None:
    for text in (
        strategy.label,
        f"[{strategy.label}]",
        f"  {strategy.label.upper()} ",
        f"[ {strategy.label.lower()} ]",
    ):
        assert Strategy.parse(text) is strategy


@pytest.mark.parametrize(
    ("alias", "strategy"),
    [
        ("Questions", Strategy.QUESTION),
        ("Other", Strategy.OTHERS),
        ("Restatement", Strategy.RESTATEMENT),
        ("Approval and Reassurance", Strategy.AFFIRMATION),
        ("Direct Guidance", Strategy.SUGGESTIONS),
    ],
)
def test_alias_spellings(alias: str, strategy: Strategy) -> None:
    assert Strategy.parse(alias) is strategy


@pytest.mark.parametrize("wrong", ["", "Quest", "Question?", "none", None, 3, ["Question"]])
def test_unknown_label_is_an_error_and_never_others(wrong: object) -> None:
    with pytest.raises(CorpusError) as caught:
        Strategy.parse(wrong)
    assert str(caught.value) == f"field 'strategy': unknown strategy {wrong!r}, expected one of {', '.join(LABELS)}"


@pytest.mark.real_data
def test_every_spelling_in_the_released_files_is_known_and_every_alias_occurs(shared: Path) -> None:
    spellings: set[str] = set()
    for name in ("esconv/ESConv-trainvalid.json", "esconv/FailedESConv.json"):
        for dialogue in json.loads((shared / "data" / name).read_text(encoding="utf-8")):
            spellings |= {m["annotation"]["strategy"] for m in dialogue["dialog"] if "strategy" in m["annotation"]}
    for name in ("train.txt", "valid.txt"):
        text = (shared / "data" / "esconv" / name).read_text(encoding="utf-8")
        spellings |= set(re.findall(r'"strategy": "([^"]*)"', text))
    windows = (shared / "data" / "esconv2021" / "devWithStrategy_short.tsv").read_text(encoding="utf-8")
    spellings |= set(re.findall(r"[01]\.0 1 \d+ \[([^\]]*)\]", windows))
    assert {Strategy.parse(spelling) for spelling in spellings} == set(Strategy)
    assert spellings == set(LABELS) | set(ALIASES)


def test_every_strategy_but_others_has_its_stage():
    strategies = {stage: {one.name for one in Strategy if stage_of(one) is stage} for stage in Stage}
    assert strategies == {
        Stage.EXPLORATION: {"QUESTION", "RESTATEMENT"},
        Stage.COMFORTING: {"REFLECTION", "SELF_DISCLOSURE", "AFFIRMATION"},
        Stage.ACTION: {"SUGGESTIONS", "INFORMATION"},
    }
    assert stage_of(Strategy.OTHERS) is None


def test_stages_are_indices_in_the_order_of_a_conversation():
    assert [(int(stage), stage.label) for stage in Stage] == [(0, "Exploration"), (1, "Comforting"), (2, "Action")]


def test_names_every_place_that_is_known_in_order() -> None:
    error = CorpusError("got 6, expected 5", path="a.json", line=9, dialogue=3, message=7, field="speaker")
    assert str(error) == "a.json: line 9: dialogue 3: message 7: field 'speaker': got 6, expected 5"
    assert str(CorpusError("got 6, expected 5")) == "got 6, expected 5"


def test_places_are_added_outward_and_never_overwritten() -> None:
    with (
        pytest.raises(CorpusError) as caught,
        located(path="outer.json", dialogue=9),
        located(dialogue=2),
        located(message=4, line=8),
    ):
        raise CorpusError("wrong", field="text", message=1)
    assert str(caught.value) == "outer.json: line 8: dialogue 2: message 1: field 'text': wrong"


def test_other_errors_pass_untouched() -> None:
    with pytest.raises(ZeroDivisionError), located(path="a.json"):
        _ = 1 // 0
