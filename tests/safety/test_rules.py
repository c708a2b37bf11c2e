"""The rules find danger in many spellings and let idioms pass; their figures do not fall; patterns are sound."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import safety.patterns
import safety.rules
from safety.lines import read_lines
from safety.normalization import FILLERS, REWRITES
from safety.patterns import PatternIndex, crisis_patterns
from safety.rules import CrisisKind, match_rules

INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
TEST_SET = Path(safety.rules.__file__).parent / "testset"
FOUND = [line.text for line in read_lines(TEST_SET / "development.jsonl") if line.dangerous and not line.history]


def kind_of(text: str, history: Sequence[str] = ()) -> CrisisKind | None:
    found = match_rules(text, history)
    return None if found is None else found.kind


@pytest.mark.parametrize(
    ("part", "recall", "false_alarms"), [("development", 99, 2), ("held_out", 93, 3), ("blind", 45, 10)]
)
def test_measured_figures_do_not_fall(part: str, recall: float, false_alarms: float) -> None:
    lines = read_lines(TEST_SET / f"{part}.jsonl")
    found = [match_rules(line.text, line.history) is not None for line in lines]
    dangerous = [one for line, one in zip(lines, found, strict=True) if line.dangerous]
    harmless = [one for line, one in zip(lines, found, strict=True) if not line.dangerous]
    assert 100 * sum(dangerous) / len(dangerous) >= recall
    assert 100 * sum(harmless) / len(harmless) <= false_alarms


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I want to kill myself", CrisisKind.SUICIDE),
        ("Everyone would be better off without me", CrisisKind.SUICIDE),
        ("I can't see a reason to go on", CrisisKind.SUICIDE),
        ("I won't be here next week, goodbye", CrisisKind.SUICIDE),
        ("I have the pills in front of me", CrisisKind.SUICIDE),
        ("my friend wants to end her life", CrisisKind.SUICIDE),
        ("my brother killed himself", CrisisKind.SUICIDE),
        ("I keep cutting myself", CrisisKind.SELF_HARM),
        ("my daughter is cutting herself", CrisisKind.SELF_HARM),
        ("I am going to hurt him tonight", CrisisKind.HARM_TO_OTHERS),
        ("he hits me", CrisisKind.ABUSE),
        ("my uncle touches me", CrisisKind.ABUSE),
        ("I am afraid to go home", CrisisKind.ABUSE),
        ("he said he will kill me if I leave", CrisisKind.ABUSE),
    ],
)
def test_plain_words(text: str, kind: CrisisKind) -> None:
    found = match_rules(text)
    assert found is not None and found.kind is kind
    assert found.matched


@pytest.mark.parametrize(
    "text",
    [
        "I WANT TO DIE", "i wanna dieeeee", "i want   to\n\tdie", "I want, to die", "I want... to die",
        "i’m going to kill myself", "i`m gonna kill my self", "su1cide", "5u1c1d3", "s*icide", "su!cide", "$uicide",
        "k*ll myself", "k1ll mys3lf", "k!ll myself", "s u i c i d e", "k.i.l.l m.y.s.e.l.f", "k-i-l-l myself",
        "s_u_i_c_i_d_e", "killmyself", "#killmyself", "iwanttodie #wanttodiemyself", "kіll mуsеlf",
        "ｓｕｉｃｉｄｅ", "𝓼𝓾𝓲𝓬𝓲𝓭𝓮", "ⓢⓤⓘⓒⓘⓓⓔ", "🅺🅸🅻🅻 🅼🆈🆂🅴🅻🅵", "s̶u̶i̶c̶i̶d̶e̶", "süïcídé", "ꜱᴜɪᴄɪᴅᴇ",
        "k\u200bill my\u200dself", "sui\u00adcide", "\u202ekill myself\u202c", "sucidal", "suicdal", "I'm suicidle",
        "kil myself", "killl myselff", "want to kill myslef", "kms", "i will unalive myself", "sewerslide",
    ],
)  # fmt: skip
def test_spelling_and_disguise_hide_nothing(text: str) -> None:
    assert match_rules(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "this job is killing me", "I could kill for a coffee", "dying to see it", "killing time", "my phone died",
        "kill two birds with one stone", "shoot me an email", "hang in there", "I'm cutting back on sugar",
        "my grandmother died", "the suicide squad movie", "he beats me at chess", "she hit on me", "I hit the gym",
        "my boss is going to kill me", "career suicide", "I don't want to die of boredom", "my therapist is great",
        "I would never hurt anyone", "He has never hit me.", "I studied all night", "indie music", "the diet worked",
        "I'll be there at 5", "1st of May, 2nd floor, gr8", "K1LL3R is on his plate", "a b a d day", "", " ", "\u200b",
        "?!", "❤️", "私は元気です",
    ],
)  # fmt: skip
def test_everyday_words_pass(text: str) -> None:
    assert match_rules(text) is None


@pytest.mark.parametrize("text", ["I am not suicidal", "I don't want to kill myself", "I'd never commit suicide"])
def test_the_rules_alone_take_a_denial_of_suicide_for_danger(text: str) -> None:
    # They find who brings it up; the learned detector tells a denial from danger.
    assert kind_of(text) is CrisisKind.SUICIDE


def test_an_idiom_does_not_cover_what_is_said_beside_it() -> None:
    assert match_rules("I could kill for a coffee and I want to kill myself") is not None
    assert match_rules("This job is killing me. I want to die.") is not None


@pytest.mark.parametrize(
    ("question", "answer", "kind"),
    [
        ("Are you thinking of ending your life?", "yes", CrisisKind.SUICIDE),
        ("Are you thinking of ending your life?", "Yeah, most nights.", CrisisKind.SUICIDE),
        ("Are you thinking of ending your life?", "no", None),
        ("Are you thinking of ending your life?", "So I went to the shop.", None),
        ("Does he hurt you?", "only when he drinks", CrisisKind.ABUSE),
        ("Do you feel safe at home?", "no", CrisisKind.ABUSE),
        ("Do you feel safe at home?", "yes", None),
        ("I am sorry that he hurt you.", "yes", None),
        ("Do you like tea?", "yes", None),
    ],
)
def test_a_short_answer_counts_with_its_question(question: str, answer: str, kind: CrisisKind | None) -> None:
    assert kind_of(answer, ["hello", question]) is kind
    assert match_rules(answer, [question, "And how was work?"]) is None


def _disguised(draw: st.DrawFn, text: str, letters: Sequence[str]) -> str:
    places = draw(st.lists(st.integers(0, len(text)), max_size=12))
    for place in sorted(places, reverse=True):
        text = text[:place] + draw(st.sampled_from(letters)) + text[place:]
    return text


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_invisible_characters_and_case_change_nothing(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(FOUND))
    changed = _disguised(data.draw, text, INVISIBLE)
    assert match_rules(changed) == match_rules(text)
    if text.isascii():
        mixed = "".join(c.upper() if data.draw(st.booleans()) else c.lower() for c in text)
        assert match_rules(mixed) == match_rules(text)


def _lengthened(text: str) -> list[int]:
    """Places where people lengthen a word: letters of words of three and more, without sign, digit or apostrophe."""
    words = [(match.start(), match[0].strip(".,?!")) for match in re.finditer(r"\S+", text)]
    return [
        start + place
        for start, word in words
        if text.startswith(word, start) and len(word) >= 3 and word.isascii() and word.isalpha()
        for place in range(len(word))
    ]


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_lengthening_a_letter_never_hides_a_crisis(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([text for text in FOUND if _lengthened(text)]))
    place = data.draw(st.sampled_from(_lengthened(text)))
    longer = text[:place] + text[place] * data.draw(st.integers(3, 30)) + text[place + 1 :]
    assert match_rules(longer) is not None, longer


@given(st.text(max_size=400), st.lists(st.text(max_size=80), max_size=2))
@example("'", []).via("marks without letters")
@example("'s", ["?"])
@example("*#%^", [])
@example("\ud800 half a character", [])
@settings(max_examples=200, deadline=None)
def test_any_text_is_taken_and_answered_alike(text: str, history: list[str]) -> None:
    assert match_rules(text, history) == match_rules(text, history)


def test_danger_in_a_long_text_is_found() -> None:
    filler = "We talked about the garden and the weather and the trains. " * 400
    assert match_rules(filler + "I want to kill myself. " + filler) is not None
    assert match_rules(filler) is None


def test_kinds_are_known() -> None:
    patterns = crisis_patterns()
    assert {topic.kind for topic in patterns.topics} == {*CrisisKind} - {CrisisKind.SOMEBODY_ELSE}
    assert {question.kind for question in patterns.questions} <= {kind.value for kind in CrisisKind}


def test_no_pattern_waits_for_a_word_that_the_plain_form_never_has() -> None:
    data = tomllib.loads(Path(safety.patterns.__file__).with_name("patterns.toml").read_text(encoding="utf-8"))
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
