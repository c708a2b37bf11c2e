"""Which conversations are good enough to learn from: the automatic approval of the 2021 paper.

Source: Liu et al., ACL 2021, Table 1 (criteria), appendix D (the thresholds chosen). A conversation is
approved if its supporter meets at least three of four criteria (the seeker's emotion improved, messages are long
enough, rated empathic, rated relevant) and its seeker meets both of two (gives detail, messages are long enough). Where
the seeker did not answer the survey after the chat, the last two ratings given during the chat take the place of the
supporter's four criteria; the seeker's criteria hold as before. "Above 4" is taken literally and holds for each of the
two.

What is missing is *unknown*, neither met nor failed: a conversation is approved or rejected only where no value of
what is missing could change that, and is ``UNKNOWN`` otherwise. Only ``APPROVE`` lets a conversation pass: material of
unknown quality is not learned from.

The survey counts as not answered where neither empathy nor relevance is given, *also if there is an intensity after the
chat*: in the released ESConv exactly those dialogues repeat the intensity before (131 of the 1,105 looked at), which
says that nobody was asked, not that nothing improved. A survey of which a part is given counts as answered, and the
rest as unknown.

``detail`` is a stand-in. In the paper the supporter rates how well the seeker described the problem; released files
hold one rating by the supporter (how relevant the seeker's messages were), and most of them not even that.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from corpus.analysis.statistics import mean_words
from corpus.dialogue import Dialogue, Role
from corpus.errors import CorpusError

SUPPORTER_CRITERIA = ("improvement", "supporter_words", "empathy", "relevance")
SEEKER_CRITERIA = ("seeker_words", "detail")
LAST_RATINGS = "last_ratings"


class CriterionOutcome(IntEnum):
    """Whether a criterion is met; the order is that of three-valued logic."""

    FAILED = -1
    UNKNOWN = 0
    MET = 1


class Approval(IntEnum):
    """What becomes of a conversation."""

    REJECT = -1
    UNKNOWN = 0
    APPROVE = 1

    @property
    def label(self) -> str:
        """``approved``, ``rejected`` or ``unknown``."""
        return ("rejected", "unknown", "approved")[self + 1]


@dataclass(frozen=True)
class Thresholds:
    """What a conversation must reach; the defaults are the paper's."""

    improvement: int = 1
    """Least fall of the emotion intensity, before minus after (-4 to 4)."""
    supporter_words: float = 8
    """Least mean length of the supporter's messages (words)."""
    empathy: int = 3
    """Least rating by the seeker of how well the supporter understood (1 to 5)."""
    relevance: int = 4
    """Least rating by the seeker of how relevant the supporter's messages were (1 to 5)."""
    seeker_words: float = 6
    """Least mean length of the seeker's messages (words)."""
    detail: int | None = None
    """Least rating of the seeker by the supporter (1 to 5); None: not required."""
    supporter_criteria: int = 3
    """How many of improvement, supporter-words, empathy and relevance must be met (1 to 4)."""
    last_ratings: int = 4
    """Without a survey after the chat: each of the seeker's last two ratings must be above this (0 to 4)."""

    def __post_init__(self) -> None:
        ranges = {
            "improvement": (-4, 4), "supporter_words": (0, np.inf), "empathy": (1, 5), "relevance": (1, 5),
            "seeker_words": (0, np.inf), "detail": (1, 5), "supporter_criteria": (1, 4), "last_ratings": (0, 4),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and low <= value <= high):
                raise ValueError(f"{name}: got {value}, expected {low} to {high}")


@dataclass(frozen=True)
class Measurements:
    """What the criteria look at, one number per conversation; NaN where it is not known.

    Attributes:
        number: (N,) the conversations' numbers.
        values: Name of the criterion -> (N,) value; ``last_ratings`` is the lower one of the last two ratings.
        ratings: (N,) how many ratings ``last_ratings`` rests on: 0, 1 or 2.
        survey: (N,) whether the seeker answered the survey after the chat.
    """

    number: np.ndarray
    values: dict[str, np.ndarray]
    ratings: np.ndarray
    survey: np.ndarray


@dataclass(frozen=True)
class Assessment:
    """What one conversation was found to be.

    Attributes:
        dialogue: Its number.
        approval: Approve, reject, or unknown.
        survey: Whether the seeker answered the survey after the chat; if not, the last two ratings decided.
        outcomes: Every criterion that was looked at, by name.
        values: The value of every criterion, looked at or not; ``None`` where it is missing.
        reasons: Criterion -> why it kept the conversation from being approved; empty where it was. A criterion that
            failed without consequence (the supporter met three others) is no reason.
    """

    dialogue: int
    approval: Approval
    survey: bool
    outcomes: dict[str, CriterionOutcome]
    values: dict[str, float | None]
    reasons: dict[str, str]

    @property
    def missing(self) -> tuple[str, ...]:
        """Criteria that were looked at and could not be decided."""
        return tuple(name for name, outcome in self.outcomes.items() if outcome is CriterionOutcome.UNKNOWN)


def measure(dialogues: Sequence[Dialogue]) -> Measurements:
    """Takes every measurement once, so that many thresholds can be tried.

    Raises:
        CorpusError: There are no dialogues.
    """
    if not dialogues:
        raise CorpusError("no dialogues, expected at least one")
    last = [
        [message.feedback for message in dialogue.messages if message.feedback is not None][-2:]
        for dialogue in dialogues
    ]
    surveys = [dialogue.survey for dialogue in dialogues]
    before = _column(survey.initial_intensity for survey in surveys)
    values = {
        "improvement": before - _column(survey.final_intensity for survey in surveys),
        "supporter_words": _column(mean_words([dialogue], Role.SUPPORTER) for dialogue in dialogues),
        "empathy": _column(survey.empathy for survey in surveys),
        "relevance": _column(survey.relevance for survey in surveys),
        "seeker_words": _column(mean_words([dialogue], Role.SEEKER) for dialogue in dialogues),
        "detail": _column(survey.supporter_relevance for survey in surveys),
        LAST_RATINGS: _column(min(ratings, default=None) for ratings in last),
    }
    return Measurements(
        number=np.array([dialogue.number for dialogue in dialogues]),
        values=values,
        ratings=np.array([len(ratings) for ratings in last]),
        survey=~(np.isnan(values["empathy"]) & np.isnan(values["relevance"])),
    )


def criterion_outcomes(measured: Measurements, thresholds: Thresholds) -> dict[str, np.ndarray]:
    """Every criterion of every conversation: (N,) int8 of :class:`CriterionOutcome`; ``detail`` where required."""
    required = [name for name in (*SUPPORTER_CRITERIA, *SEEKER_CRITERIA) if getattr(thresholds, name) is not None]
    outcomes = {name: _compare(measured.values[name], getattr(thresholds, name)) for name in required}
    lower = measured.values[LAST_RATINGS]
    # One rating too low is enough to fail; to be met, there must be two.
    met = np.where(measured.ratings == 2, CriterionOutcome.MET, CriterionOutcome.UNKNOWN)
    outcomes[LAST_RATINGS] = np.where(lower <= thresholds.last_ratings, CriterionOutcome.FAILED, met).astype(np.int8)
    return outcomes


def side_outcomes(measured: Measurements, thresholds: Thresholds) -> tuple[np.ndarray, np.ndarray]:
    """Whether the supporter's and the seeker's side are met: two (N,) int8 of :class:`CriterionOutcome`."""
    outcomes = criterion_outcomes(measured, thresholds)
    supporter = np.stack([outcomes[name] for name in SUPPORTER_CRITERIA])  # (4, N)
    met = (supporter == CriterionOutcome.MET).sum(axis=0)
    reachable = (supporter != CriterionOutcome.FAILED).sum(axis=0)
    needed = thresholds.supporter_criteria
    by_survey = np.where(
        met >= needed,
        CriterionOutcome.MET,
        np.where(reachable < needed, CriterionOutcome.FAILED, CriterionOutcome.UNKNOWN),
    )
    # "And" of three-valued logic is the minimum: one failure rejects, else one unknown leaves it open.
    seeker = np.minimum.reduce([outcomes[name] for name in SEEKER_CRITERIA if name in outcomes])
    return np.where(measured.survey, by_survey, outcomes[LAST_RATINGS]).astype(np.int8), seeker.astype(np.int8)


def approvals(measured: Measurements, thresholds: Thresholds) -> np.ndarray:
    """What becomes of every conversation: (N,) int8 of :class:`Approval`; both sides must be met."""
    return np.minimum(*side_outcomes(measured, thresholds))


def assess(measured: Measurements, thresholds: Thresholds) -> list[Assessment]:
    """What every conversation was found to be, in order."""
    outcomes = criterion_outcomes(measured, thresholds)
    supporter, seeker = side_outcomes(measured, thresholds)
    return [
        _assessment(
            row,
            measured,
            {name: CriterionOutcome(int(column[row])) for name, column in outcomes.items()},
            (CriterionOutcome(int(supporter[row])), CriterionOutcome(int(seeker[row]))),
            thresholds,
        )
        for row in range(len(measured.number))
    ]


def _assessment(
    row: int,
    measured: Measurements,
    outcomes: dict[str, CriterionOutcome],
    sides: tuple[CriterionOutcome, CriterionOutcome],
    thresholds: Thresholds,
) -> Assessment:
    approval = Approval(min(sides))
    answered = bool(measured.survey[row])
    numbers = {name: float(column[row]) for name, column in measured.values.items()}
    reasons: dict[str, str] = {}
    groups = (SUPPORTER_CRITERIA if answered else (LAST_RATINGS,), SEEKER_CRITERIA)
    for side, names in zip(sides, groups, strict=True):
        if side is CriterionOutcome.MET or side > approval:
            continue  # the other side alone decided
        for name in names:
            # A side that failed did so by what failed; one left open is so by what failed and what is missing.
            if name in outcomes and (outcomes[name] is CriterionOutcome.FAILED or outcomes[name] is side):
                reasons[name] = _reason(name, outcomes[name], numbers[name], thresholds)
    looked_at = [name for names in groups for name in names if name in outcomes]
    return Assessment(
        dialogue=int(measured.number[row]),
        approval=approval,
        survey=answered,
        outcomes={name: outcomes[name] for name in looked_at},
        values={name: None if math.isnan(number) else number for name, number in numbers.items()},
        reasons=reasons,
    )


def _reason(name: str, outcome: CriterionOutcome, value: float, thresholds: Thresholds) -> str:
    if outcome is CriterionOutcome.UNKNOWN:
        return f"{name} missing" if math.isnan(value) else f"{name}: only one given, {value:g}"
    return f"{name} {value:.4g} {'not above' if name == LAST_RATINGS else 'below'} {getattr(thresholds, name):g}"


def _compare(values: np.ndarray, threshold: float) -> np.ndarray:
    known = np.where(values >= threshold, CriterionOutcome.MET, CriterionOutcome.FAILED)
    return np.where(np.isnan(values), CriterionOutcome.UNKNOWN, known).astype(np.int8)


def _column(values: Iterable[float | None]) -> np.ndarray:
    """(N,) float64 of numbers, NaN for ``None``."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
