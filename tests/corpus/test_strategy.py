import json
import re
from pathlib import Path

import pytest

from corpus.errors import CorpusError
from corpus.strategy import ALIASES, ESCONV_COUNTS, LABELS, Strategy


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
