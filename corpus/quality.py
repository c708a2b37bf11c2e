"""Which conversations are good enough to learn from: the automatic approval of the 2021 paper.

Source: Liu et al., ACL 2021, section 4.3 and Table 1 (criteria), appendix D (the thresholds chosen). A conversation is
approved if its supporter meets at least three of four criteria (the seeker's emotion improved, messages are long enough,
rated empathic, rated relevant) and its seeker meets both of two (gives detail, messages are long enough). Where the
seeker did not answer the survey after the chat, the last two ratings given during the chat decide for the supporter.

What is missing is *unknown*, neither met nor failed: a verdict is given only where no value of what is missing could
change it, and is ``UNKNOWN`` otherwise, which counts as rejected where a yes or no is needed: material of unknown
quality is not learned from.

The survey counts as not answered where neither empathy nor relevance is given, *also if there is an intensity after the
chat*: in the released ESConv exactly those dialogues repeat the intensity before (131 of the 1,105 looked at), which
says that nobody was asked, not that nothing improved.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from corpus.dialogue import Dialogue, Role
from corpus.errors import CorpusError
from corpus.statistics import mean_words

SUPPORTER_CRITERIA = ("improvement", "supporter_words", "empathy", "relevance")
SEEKER_CRITERIA = ("seeker_words", "detail")
LAST_RATINGS = "last_ratings"


class Outcome(IntEnum):
    """Whether a criterion is met; the order is that of three-valued logic."""

    FAILED = -1
    UNKNOWN = 0
    MET = 1


class Verdict(IntEnum):
    """What becomes of a conversation."""

    REJECT = -1
    UNKNOWN = 0
    APPROVE = 1


@dataclass(frozen=True)
class Thresholds:
    """What a conversation must reach; the defaults are the paper's."""

    improvement: int = 1
    """Emotion intensity before minus after, at least (-4 to 4)."""
    supporter_words: float = 8
    """Mean length of the supporter's messages, at least, words."""
    empathy: int = 3
    """The seeker's rating of how well the supporter understood, at least (1 to 5)."""
    relevance: int = 4
    """The seeker's rating of how relevant the supporter's messages were, at least (1 to 5)."""
    seeker_words: float = 6
    """Mean length of the seeker's messages, at least, words."""
    detail: int | None = None
    """The supporter's rating of the seeker, at least (1 to 5); None: not required."""
    supporter_criteria: int = 3
    """How many of the supporter's four criteria must be met (1 to 4)."""
    last_ratings: int = 4
    """Without a survey after the chat, each of the seeker's last two ratings must be above this (0 to 4)."""

    def __post_init__(self) -> None:
        ranges = {
            "improvement": (-4, 4), "supporter_words": (0, np.inf), "empathy": (1, 5), "relevance": (1, 5),
            "seeker_words": (0, np.inf), "detail": (1, 5), "supporter_criteria": (1, 4), "last_ratings": (0, 4),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
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
class Judgement:
    """What one conversation was found to be.

    Attributes:
        dialogue: Its number.
        verdict: Approve, reject, or unknown.
        outcomes: Every criterion that was looked at, by name.
        values: The value of each; ``None`` where it is missing.
        reasons: Why it was not approved, one short text each; empty where it was.
    """

    dialogue: int
    verdict: Verdict
    outcomes: dict[str, Outcome]
    values: dict[str, float | None]
    reasons: tuple[str, ...]

    @property
    def label(self) -> str:
        """``approve`` or ``reject``; what is unknown is rejected."""
        return "approve" if self.verdict is Verdict.APPROVE else "reject"


def measure(dialogues: Sequence[Dialogue]) -> Measurements:
    """Takes every measurement once, so that many thresholds can be tried.

    Raises:
        CorpusError: There are no dialogues.
    """
    if not dialogues:
        raise CorpusError("no dialogues, expected at least one")
    last = [[message.feedback for message in dialogue.messages if message.feedback is not None][-2:] for dialogue in dialogues]
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
    """Every criterion of every conversation: (N,) int8 of :class:`Outcome`; ``detail`` only where it is required."""
    required = [name for name in (*SUPPORTER_CRITERIA, *SEEKER_CRITERIA) if getattr(thresholds, name) is not None]
    outcomes = {name: _compare(measured.values[name], getattr(thresholds, name)) for name in required}
    lower = measured.values[LAST_RATINGS]
    # One rating too low is enough to fail; to be met, there must be two.
    met = np.where(measured.ratings == 2, Outcome.MET, Outcome.UNKNOWN)
    outcomes[LAST_RATINGS] = np.where(lower <= thresholds.last_ratings, Outcome.FAILED, met).astype(np.int8)
    return outcomes


def verdicts(measured: Measurements, thresholds: Thresholds) -> np.ndarray:
    """What becomes of every conversation: (N,) int8 of :class:`Verdict`."""
    outcomes = criterion_outcomes(measured, thresholds)
    supporter = np.stack([outcomes[name] for name in SUPPORTER_CRITERIA])  # (4, N)
    met = (supporter == Outcome.MET).sum(axis=0)
    reachable = (supporter != Outcome.FAILED).sum(axis=0)
    needed = thresholds.supporter_criteria
    by_survey = np.where(met >= needed, Outcome.MET, np.where(reachable < needed, Outcome.FAILED, Outcome.UNKNOWN))
    side = np.where(measured.survey, by_survey, outcomes[LAST_RATINGS])
    # "And" of three-valued logic is the minimum: one failure rejects, else one unknown leaves it open.
    seeker = [outcomes[name] for name in SEEKER_CRITERIA if name in outcomes]
    return np.minimum.reduce([side, *seeker]).astype(np.int8)


def judge(dialogues: Sequence[Dialogue], thresholds: Thresholds) -> list[Judgement]:
    """Judges every conversation, in order.

    Raises:
        CorpusError: There are no dialogues.
    """
    measured = measure(dialogues)
    outcomes = criterion_outcomes(measured, thresholds)
    found = verdicts(measured, thresholds)
    return [_judgement(row, measured, outcomes, Verdict(int(found[row])), thresholds) for row in range(len(dialogues))]


def _judgement(
    row: int, measured: Measurements, all_outcomes: dict[str, np.ndarray], verdict: Verdict, thresholds: Thresholds
) -> Judgement:
    side = SUPPORTER_CRITERIA if measured.survey[row] else (LAST_RATINGS,)
    looked_at = [name for name in (*side, *SEEKER_CRITERIA) if name in all_outcomes]
    outcomes = {name: Outcome(int(all_outcomes[name][row])) for name in looked_at}
    numbers = {name: float(measured.values[name][row]) for name in looked_at}
    values = {name: None if np.isnan(number) else number for name, number in numbers.items()}
    reasons = [] if measured.survey[row] else ["no survey after the chat: the last two ratings decide"]
    for name in looked_at:
        sign = "not above" if name == LAST_RATINGS else "below"
        if outcomes[name] is Outcome.FAILED:
            reasons.append(f"{name} {values[name]:.4g} {sign} {getattr(thresholds, name):g}")
        elif outcomes[name] is Outcome.UNKNOWN:
            reasons.append(f"{name} unknown")
    kept = () if verdict is Verdict.APPROVE else tuple(reasons)
    return Judgement(int(measured.number[row]), verdict, outcomes, values, kept)


def _compare(values: np.ndarray, threshold: float) -> np.ndarray:
    known = np.where(values >= threshold, Outcome.MET, Outcome.FAILED)
    return np.where(np.isnan(values), Outcome.UNKNOWN, known).astype(np.int8)


def _column(values: Iterable[float | None]) -> np.ndarray:
    """(N,) float64 of numbers, NaN for ``None``."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
