import dataclasses
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.analysis.quality import Approval, Assessment, CriterionOutcome, Thresholds, approvals, assess, measure
from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.errors import CorpusError
from corpus.strategy import Strategy
from tests.corpus.random_dialogues import corpora

PAPER = Thresholds()


def conversation(
    *,
    before: int | None = 4,
    after: int | None = 3,
    empathy: int | None = 3,
    relevance: int | None = 4,
    detail: int | None = None,
    supporter_words: int = 8,
    seeker_words: int = 6,
    ratings: tuple[int, ...] = (),
) -> Dialogue:
    """Exactly at every threshold of the paper unless told otherwise; two messages of each side, means as given."""
    messages = [
        Message(Role.SEEKER, "word " * (seeker_words - 1) + "word"),
        Message(Role.SUPPORTER, "word " * (supporter_words + 1) + "word", strategy=Strategy.QUESTION),
        Message(Role.SUPPORTER, "word " * (supporter_words - 3) + "word", strategy=Strategy.OTHERS),
        *(Message(Role.SEEKER, "word " * (seeker_words - 1) + "word", feedback=rating) for rating in ratings),
    ]
    survey = Survey(before, after, empathy, relevance, supporter_relevance=detail)
    return Dialogue(1, tuple(messages), survey=survey)


def assessed(thresholds: Thresholds = PAPER, **changes: Any) -> Assessment:
    (found,) = assess(measure([conversation(**changes)]), thresholds)
    return found


def test_the_defaults_are_the_papers() -> None:
    assert dataclasses.asdict(PAPER) == {
        "improvement": 1, "supporter_words": 8, "empathy": 3, "relevance": 4, "seeker_words": 6, "detail": None,
        "supporter_criteria": 3, "last_ratings": 4,
    }  # fmt: skip


def test_at_every_threshold_everything_is_met() -> None:
    found = assessed()
    assert found.approval is Approval.APPROVE
    assert found.approval.label == "approved"
    assert set(found.outcomes.values()) == {CriterionOutcome.MET}
    assert list(found.outcomes) == ["improvement", "supporter_words", "empathy", "relevance", "seeker_words"]
    assert found.values == {
        "improvement": 1, "supporter_words": 8, "empathy": 3, "relevance": 4, "seeker_words": 6, "detail": None,
        "last_ratings": None,
    }  # fmt: skip
    assert found.reasons == {}
    assert found.missing == ()


BELOW: dict[str, dict[str, Any]] = {
    "improvement": {"after": 4},
    "supporter_words": {"supporter_words": 7},
    "empathy": {"empathy": 2},
    "relevance": {"relevance": 3},
}


@pytest.mark.parametrize("criterion", BELOW)
def test_one_supporter_criterion_below_is_forgiven(criterion: str) -> None:
    found = assessed(**BELOW[criterion])
    assert found.outcomes[criterion] is CriterionOutcome.FAILED
    assert found.approval is Approval.APPROVE
    assert assessed(Thresholds(supporter_criteria=4), **BELOW[criterion]).approval is Approval.REJECT


@pytest.mark.parametrize(("one", "other"), [(a, b) for a, b in product(BELOW, BELOW) if a < b])
def test_two_supporter_criteria_below_reject(one: str, other: str) -> None:
    found = assessed(**BELOW[one], **BELOW[other])
    assert found.approval is Approval.REJECT
    assert found.approval.label == "rejected"
    assert set(found.reasons) == {one, other}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seeker_words": 5}, "seeker_words 5 below 6"),
        ({"after": 4, "empathy": 2}, "improvement 0 below 1"),
        ({"after": 5, "empathy": 2}, "improvement -1 below 1"),
        ({"supporter_words": 7, "empathy": 2}, "supporter_words 7 below 8"),
        ({"relevance": 1, "empathy": 2}, "relevance 1 below 4"),
    ],
)
def test_reasons_say_value_and_threshold(changes: dict[str, Any], reason: str) -> None:
    assert reason in assessed(**changes).reasons.values()


def test_the_seeker_must_meet_all_and_a_forgiven_criterion_is_no_reason() -> None:
    found = assessed(seeker_words=5, empathy=1)
    assert found.approval is Approval.REJECT
    assert found.reasons == {"seeker_words": "seeker_words 5 below 6"}


def test_detail_counts_only_where_required() -> None:
    assert assessed(detail=1).approval is Approval.APPROVE
    required = Thresholds(detail=3)
    assert [assessed(required, detail=value).approval for value in (2, 3, 4)] == [
        Approval.REJECT,
        Approval.APPROVE,
        Approval.APPROVE,
    ]
    unknown = assessed(required)
    assert (unknown.approval, unknown.approval.label) == (Approval.UNKNOWN, "unknown")
    assert unknown.reasons == {"detail": "detail missing"}


@pytest.mark.parametrize(
    ("ratings", "approval", "reason"),
    [
        ((5, 5), Approval.APPROVE, None),
        ((1, 5, 5), Approval.APPROVE, None),
        ((5, 5, 4, 5), Approval.REJECT, "last_ratings 4 not above 4"),
        ((5, 4), Approval.REJECT, "last_ratings 4 not above 4"),
        ((3,), Approval.REJECT, "last_ratings 3 not above 4"),  # whatever the other one would be
        ((5,), Approval.UNKNOWN, "last_ratings: only one given, 5"),
        ((), Approval.UNKNOWN, "last_ratings missing"),
    ],
)
def test_without_a_survey_the_last_two_ratings_decide(
    ratings: tuple[int, ...], approval: Approval, reason: str | None
) -> None:
    for after in (None, 4):  # 4: the intensity before, repeated, as the released corpus has it
        found = assessed(after=after, empathy=None, relevance=None, ratings=ratings)
        assert found.approval is approval
        assert not found.survey
        assert found.reasons == ({"last_ratings": reason} if reason else {})


def test_without_a_survey_the_seekers_side_still_counts() -> None:
    found = assessed(empathy=None, relevance=None, ratings=(5, 5), seeker_words=5)
    assert (found.approval, list(found.reasons)) == (Approval.REJECT, ["seeker_words"])
    found = assessed(empathy=None, relevance=None, ratings=(5,), seeker_words=5)  # the open side did not decide
    assert (found.approval, list(found.reasons)) == (Approval.REJECT, ["seeker_words"])
    short = assessed(empathy=None, relevance=None, ratings=(5, 5), supporter_words=3)  # its length is not looked at
    assert short.approval is Approval.APPROVE


def test_with_a_survey_the_ratings_are_not_looked_at() -> None:
    found = assessed(ratings=(1, 1))
    assert found.approval is Approval.APPROVE
    assert "last_ratings" not in found.outcomes


def test_a_part_of_the_survey_missing_is_unknown_only_where_it_matters() -> None:
    met_without = assessed(empathy=None)  # three others are met
    assert (met_without.approval, met_without.missing) == (Approval.APPROVE, ("empathy",))
    open_case = assessed(empathy=None, relevance=1)
    assert open_case.approval is Approval.UNKNOWN
    assert open_case.reasons == {"empathy": "empathy missing", "relevance": "relevance 1 below 4"}
    hopeless = assessed(empathy=None, relevance=1, supporter_words=7)
    assert hopeless.approval is Approval.REJECT
    assert set(hopeless.reasons) == {"relevance", "supporter_words"}
    assert assessed(before=None, relevance=1).approval is Approval.UNKNOWN
    assert assessed(after=None).missing == ("improvement",)


def test_a_side_that_never_spoke_is_unknown() -> None:
    survey = Survey(4, 3, 3, 4)
    silent = Dialogue(1, (Message(Role.SUPPORTER, "word", strategy=Strategy.OTHERS),), survey=survey)
    (found,) = assess(measure([silent]), PAPER)
    assert (found.approval, found.reasons) == (Approval.UNKNOWN, {"seeker_words": "seeker_words missing"})


LADDERS: dict[str, tuple[float | None, ...]] = {
    "improvement": (-4, 0, 1, 4),
    "supporter_words": (0, 1, 2, 8),
    "empathy": (1, 3, 5),
    "relevance": (1, 4, 5),
    "seeker_words": (0, 1, 2, 6),
    "detail": (None, 1, 3, 5),
    "supporter_criteria": (1, 2, 3, 4),
    "last_ratings": (0, 1, 3, 4),
}
all_thresholds = st.builds(Thresholds, **{name: st.sampled_from(ladder) for name, ladder in LADDERS.items()})


@settings(max_examples=60, deadline=None)
@given(corpora(all_fields=True), all_thresholds, st.sampled_from(sorted(LADDERS)))
def test_raising_a_threshold_never_approves_more(
    dialogues: tuple[Dialogue, ...], thresholds: Thresholds, name: str
) -> None:
    measured = measure(dialogues)
    steps: list[Any] = [dataclasses.replace(thresholds, **{name: value}) for value in LADDERS[name]]
    approved = [approvals(measured, one) == Approval.APPROVE for one in steps]
    for lower, higher in pairwise(approved):
        assert (lower >= higher).all()


answered = st.builds(
    conversation,
    before=st.none() | st.integers(1, 5),
    after=st.none() | st.integers(1, 5),
    empathy=st.integers(1, 5),
    relevance=st.none() | st.integers(1, 5),
    detail=st.none() | st.integers(1, 5),
    supporter_words=st.sampled_from([5, 12]),
    seeker_words=st.sampled_from([3, 9]),
)


@settings(max_examples=60, deadline=None)
@given(answered, all_thresholds)
def test_an_approval_holds_whatever_the_missing_answers_would_have_been(
    dialogue: Dialogue, thresholds: Thresholds
) -> None:
    (found,) = assess(measure([dialogue]), thresholds)
    given_answers = dataclasses.asdict(dialogue.survey)
    missing = [name for name, value in given_answers.items() if value is None]
    if found.approval is not Approval.UNKNOWN:
        for values in product((1, 3, 5), repeat=len(missing)):
            survey = Survey(**{**given_answers, **dict(zip(missing, values, strict=True))})
            (filled,) = assess(measure([dataclasses.replace(dialogue, survey=survey)]), thresholds)
            assert filled.approval is found.approval
    assert bool(found.reasons) is (found.approval is not Approval.APPROVE)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"empathy": 6}, "empathy: got 6, expected 1 to 5"),
        ({"improvement": 5}, "improvement: got 5, expected -4 to 4"),
        ({"supporter_words": -1}, "supporter_words: got -1, expected 0 to inf"),
        ({"seeker_words": float("inf")}, "seeker_words: got inf, expected 0 to inf"),
        ({"seeker_words": float("nan")}, "seeker_words: got nan, expected 0 to inf"),
        ({"supporter_criteria": 0}, "supporter_criteria: got 0, expected 1 to 4"),
    ],
)
def test_impossible_thresholds(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Thresholds(**wrong)


def test_nothing_to_assess() -> None:
    with pytest.raises(CorpusError, match="no dialogues, expected at least one"):
        measure([])
