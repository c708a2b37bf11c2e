"""Whether a seeker leaves after an exchange: a discrete-time hazard.

Fitted on failed conversations that broke off: their last exchange is the event, every other exchange of every
conversation a survived moment. A conversation broke off if it failed and either its survey is missing or it has fewer
supporter turns than nearly all (95 %) training dialogues: ESConv asked for a least length.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

SHORT_PERCENTILE = 5
_NEVER = -20.0  # logit where no conversation broke off


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
            least_turns: See the class.
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
    dialogue: np.ndarray, turns: np.ndarray, *, failed: np.ndarray, survey_missing: np.ndarray, least_turns: float
) -> np.ndarray:
    """The exchanges after which seekers left.

    Args:
        dialogue: Row of the dialogue of each exchange, equal ones side by side. Shape: (N,).
        turns: Supporter turns of each dialogue. Shape: (M,).
        failed: Shape: (M,), bool.
        survey_missing: Shape: (M,), bool.
        least_turns: As of :class:`GiveUpModel`.

    Returns:
        Shape: (N,), bool.
    """
    left = failed & (survey_missing | (turns < least_turns))
    last = np.concatenate([dialogue[1:] != dialogue[:-1], [True]])
    return last & left[dialogue]
