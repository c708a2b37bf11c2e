"""The pattern file is sound: every pattern can be found by its words, and mistakes in it are one line."""

import re
import tomllib

import pytest

from safety.normalization import FILLERS, REWRITES
from safety.patterns import PatternIndex, crisis_patterns
from safety.screening import RULES, CrisisKind


def test_kinds_are_known() -> None:
    patterns = crisis_patterns()
    assert {topic.kind for topic in patterns.topics} == {kind.value for kind in CrisisKind}
    assert {question.kind for question in patterns.questions} <= {kind.value for kind in CrisisKind}


def test_no_pattern_waits_for_a_word_that_the_plain_form_never_has() -> None:
    data = tomllib.loads(RULES[0].read_text(encoding="utf-8"))
    never = (FILLERS | REWRITES.keys()) - {word for text in REWRITES.values() for word in text.split()}
    for topic in data["topic"]:
        for pattern in topic["patterns"]:
            bare = re.sub(r"\(.*?\)|\{.*?\}", " ", pattern)
            assert not set(re.findall("[a-z]+", bare)) & never, pattern


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("i want to vanish", {"vanish"}),
        ("(?:kill|killing) (?:myself|him)", {"kill", "killing"}),
        ("(?:end|stop) it ~3 tonight", {"tonight"}),
        ("(?:my )?cat", {"cat"}),
        ("home(?! (?:for|with))", {"home"}),
        ("(?:red (?:car|bus)|train)", {"red", "train"}),
    ],
)
def test_the_words_that_every_match_holds(pattern: str, words: set[str]) -> None:
    assert set(PatternIndex.of([pattern], {}).by_word) == words


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("want to die", "i want to die", True),
        ("want to die", "i want , to die", True),
        ("want to die", "i want to diet", False),
        ("want ~2 die", "want die", True),
        ("want ~2 die", "want to just die", True),
        ("want ~2 die", "want a b c die", False),
        ("want ~2 die", "want . die", False),
        ("want ~12 die", "want" + " x" * 12 + " die", True),
        ("go on{end}", "i can not go on .", True),
        ("go on{end}", "i go on holiday", False),
    ],
)
def test_how_patterns_read(pattern: str, text: str, found: bool) -> None:
    index = PatternIndex.of([pattern], {"end": "(?= [.,?]|$)"})
    assert (index.search(text, text.split()) is not None) is found


@pytest.mark.parametrize(
    ("pattern", "error"),
    [("~3", "without a word"), ("{nobody} here", "unknown group 'nobody'"), ("(?:a|b", "open bracket")],
)
def test_a_wrong_pattern_is_one_line(pattern: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        PatternIndex.of([pattern], {})
