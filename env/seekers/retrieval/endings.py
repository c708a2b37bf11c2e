"""How conversations ended (for fitting), and whether a seeker leaves after an exchange: a discrete-time hazard.

The hazard is fitted on failed conversations that broke off: their last exchange is the event, every other exchange of
every conversation a survived moment. A conversation broke off if it failed and either its survey is missing or it has
fewer supporter turns than nearly all (95 %) training dialogues: ESConv asked for a least length.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from corpus.dialogue import Dialogue
from env.seekers.retrieval.exchanges import Exchanges
from env.seekers.retrieval.intensity import RELIEVED
from env.seekers.retrieval.strategy_tracks import StrategyTracks

UNKNOWN = 0  # of an answer
SHORT_PERCENTILE = 5
_NEVER = -20.0  # logit where no conversation broke off


@dataclass(frozen=True, eq=False)
class Outcomes:
    """N conversations.

    Attributes:
        dialogue: Row among the exchanges' dialogues. Shape: (N,), int.
        tracks: All supporter turns.
        initial: Intensity before, 2..5. Shape: (N,), int.
        final: Intensity after, 1..5; ``UNKNOWN`` where only the failure is known. Shape: (N,), int.
        failed: Whether the conversation counts as a failure. Shape: (N,), bool.
    """

    dialogue: np.ndarray
    tracks: StrategyTracks
    initial: np.ndarray
    final: np.ndarray
    failed: np.ndarray

    @classmethod
    def of(cls, exchanges: Exchanges, failed: np.ndarray) -> "Outcomes":
        """Conversations of known outcome: an intensity before of at least 2, and an answer after or a failure.

        Args:
            failed: Whether each dialogue is known to have failed. Shape: (M,), bool.
        """
        answered = np.unique(exchanges.dialogue)
        final = np.array([answer_after(dialogue) for dialogue in exchanges.dialogues])
        initial = np.array([dialogue.survey.initial_intensity or UNKNOWN for dialogue in exchanges.dialogues])
        known = (initial >= RELIEVED) & ((final != UNKNOWN) | failed)
        rows = answered[known[answered]]
        tracks = StrategyTracks.of([[turn.plan for turn in exchanges.dialogues[row].turns()] for row in rows])
        return cls(rows, tracks, initial[rows], final[rows], failed[rows])

    def __len__(self) -> int:
        return len(self.dialogue)

    @property
    def success(self) -> np.ndarray:
        """Whether the answer after is at most 2, and below the one before. Shape: (N,), bool."""
        return (self.final != UNKNOWN) & (self.final <= np.minimum(RELIEVED, self.initial - 1))

    def means(self, exchanges: Exchanges, values: np.ndarray) -> np.ndarray:
        """Mean of a value over each conversation's exchanges; NaN values do not count. Shape: (N_exchanges,) -> (N,).

        A conversation without any gets NaN.
        """
        given = ~np.isnan(values)
        sums = np.bincount(exchanges.dialogue[given], values[given], minlength=len(exchanges.dialogues))
        counts = np.bincount(exchanges.dialogue[given], minlength=len(exchanges.dialogues))
        with np.errstate(invalid="ignore"):
            return (sums / counts)[self.dialogue]


def answer_after(dialogue: Dialogue) -> int:
    """The seeker's intensity after, 1..5, ``UNKNOWN`` where not given.

    In ESConv an intensity after that repeats the one before, with neither empathy nor relevance rated, is the mark of
    an unanswered survey (:mod:`corpus.analysis.quality`): it says nothing, and counts as unknown.
    """
    survey = dialogue.survey
    final = survey.final_intensity
    unanswered = survey.empathy is None and survey.relevance is None and final == survey.initial_intensity
    return UNKNOWN if final is None or unanswered else final


def small_fall(dialogue: Dialogue) -> bool:
    """Whether the seeker felt at most one step better and still bad (above 2): a failure where none are known."""
    initial, final = dialogue.survey.initial_intensity, answer_after(dialogue)
    return initial is not None and final != UNKNOWN and final > RELIEVED and initial - final <= 1


def running_means(values: np.ndarray, dialogue: np.ndarray) -> np.ndarray:
    """Mean of a value over the exchanges of the same dialogue so far, this one included; NaN before the first given.

    Args:
        values: NaN where not given. Shape: (N,).
        dialogue: Row of the dialogue; equal ones side by side. Shape: (N,).

    Returns:
        Shape: (N,).
    """
    given = ~np.isnan(values)
    sums, counts = np.cumsum(np.where(given, values, 0.0)), np.cumsum(given)
    first = np.concatenate([[True], dialogue[1:] != dialogue[:-1]])
    start = np.maximum.accumulate(np.where(first, np.arange(len(values)), 0))
    sums_before, counts_before = np.concatenate([[0.0], sums])[start], np.concatenate([[0], counts])[start]
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sums - sums_before) / (counts - counts_before)


@dataclass(frozen=True, eq=False)
class GiveUpModel:
    """A fitted model.

    Attributes:
        weight: Of the features below. Shape: (4,).
        bias: Logit at zero.
        least_turns: Supporter turns below which a failed conversation counts as broken off.
    """

    weight: np.ndarray
    bias: np.ndarray
    least_turns: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, events: np.ndarray, *, least_turns: float) -> "GiveUpModel":
        """Fits N exchanges; without any event nobody ever gives up.

        Args:
            features: Of :func:`give_up_features`. Shape: (N, 4).
            events: Whether the seeker left there. Shape: (N,), bool.
        """
        if not events.any():
            return cls(np.zeros(features.shape[1]), np.array(_NEVER), np.array(least_turns))
        model = LogisticRegression(C=1.0).fit(features, events)
        return cls(model.coef_[0], np.array(model.intercept_[0]), np.array(least_turns))

    def probability(self, features: np.ndarray) -> np.ndarray:
        """That the seeker leaves after each exchange. Shape: (N, 4) -> (N,)."""
        return 1 / (1 + np.exp(-(features @ self.weight + self.bias)))


def give_up_features(stars: np.ndarray, typicality: np.ndarray, wear: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """What the hazard sees.

    Args:
        stars: Mean stars so far, 1..5. Shape: (N,).
        typicality: Mean typicality so far. Shape: (N,).
        wear: How worn the strategies of the plan are, 0..1. Shape: (N,).
        turns: Supporter turns before this one. Shape: (N,).

    Returns:
        Shape: (N, 4).
    """
    return np.stack([stars - 4.0, typicality, wear, np.minimum(turns, 10) / 10], axis=1)


def broken_off(
    exchanges: Exchanges, *, failed: np.ndarray, least_turns: float, left: np.ndarray | bool = False
) -> np.ndarray:
    """After which exchanges seekers left: the last ones of conversations that failed and broke off.

    Args:
        failed: Shape: (M,), bool.
        least_turns: Supporter turns below which a failed conversation broke off.
        left: Failed conversations that count as broken off in any case. Shape: (M,), bool.

    Returns:
        Shape: (N,), bool.
    """
    missing = np.array([dialogue.survey.final_intensity is None for dialogue in exchanges.dialogues])
    broken = failed & (missing | (exchanges.turns < least_turns) | left)
    last = np.concatenate([exchanges.dialogue[1:] != exchanges.dialogue[:-1], [True]])
    return last & broken[exchanges.dialogue]
