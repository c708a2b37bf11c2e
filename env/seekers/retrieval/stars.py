"""The seeker's rating of an exchange, 1 to 5 stars: ordinal regression with a generosity of each seeker.

P(stars <= j) = sigmoid(threshold_j - w.x - u) (proportional odds: McCullagh, J. R. Stat. Soc. B 42, 1980), with u
normal with standard deviation ``generosity`` between seekers: ESConv's seekers differ in what they call five stars.
Weights are fitted without u, then carried over: w.x and thresholds times sqrt(1 + 0.346 generosity^2) give, averaged
over seekers, the probabilities fitted (Zeger, Liang and Albert, Biometrics 44, 1988); ``generosity`` maximises the
likelihood of whole dialogues, by Gauss-Hermite quadrature.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit

STARS = np.arange(1, 6)
_LEVELS = len(STARS)
_PENALTY = 10.0  # L2 on weights of standardised features
_NODES = 15  # of the quadrature
_WIDEST = 3.0  # largest generosity that is tried, logits


@dataclass(frozen=True, eq=False)
class StarsModel:
    """A fitted model.

    Attributes:
        weight: Shape: (F,).
        thresholds: Ascending. Shape: (4,).
        generosity: Standard deviation of u between seekers, logits.
    """

    weight: np.ndarray
    thresholds: np.ndarray
    generosity: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, stars: np.ndarray, dialogue: np.ndarray) -> "StarsModel":
        """Fits rated exchanges.

        Args:
            features: Shape: (N, F).
            stars: 1..5. Shape: (N,).
            dialogue: Row of the dialogue of each. Shape: (N,).

        Raises:
            ValueError: Fewer than two different ratings.
        """
        if len(np.unique(stars)) < 2:
            raise ValueError("feedback model: fewer than two different ratings in training, nothing to fit")
        mean, scale = features.mean(axis=0), features.std(axis=0)
        scale = np.where(scale > 1e-9, scale, np.inf)  # a feature that never varies gets no weight
        standard = (features - mean) / scale
        # Shares with one rating of each kind added, so that a kind never given still has a threshold.
        below = np.cumsum(np.bincount(stars, minlength=_LEVELS + 1)[1:] + 1)[:-1] / (len(stars) + _LEVELS)
        logits = np.log(below / (1 - below))
        start = np.concatenate([np.zeros(features.shape[1]), logits[:1], np.log(np.diff(logits))])
        found = minimize(_loss, start, args=(standard, stars), jac=True, method="L-BFGS-B", options={"maxiter": 200})
        weight = found.x[: features.shape[1]] / scale
        thresholds = _thresholds(found.x[features.shape[1] :]) + mean @ weight
        location = features @ weight
        spread = minimize_scalar(
            lambda width: -_marginal_log_likelihood(width, location, thresholds, stars, dialogue),
            bounds=(0.0, _WIDEST), method="bounded", options={"xatol": 0.01},
        ).x  # fmt: skip
        factor = _marginal_scale(spread)
        return cls(weight * factor, thresholds * factor, np.array(spread))

    def probabilities(self, features: np.ndarray, generosity: np.ndarray | float) -> np.ndarray:
        """Of 1 to 5 stars, from a seeker of given generosity (in logits). Shape: (N, F), (N,) -> (N, 5)."""
        return _probabilities(features @ self.weight + generosity, self.thresholds)

    def marginal_probabilities(self, features: np.ndarray) -> np.ndarray:
        """Of 1 to 5 stars from a seeker of whom nothing is known. Shape: (N, 5)."""
        nodes, weights = _quadrature()
        location = features @ self.weight
        of_nodes = [_probabilities(location + node * self.generosity, self.thresholds) for node in nodes]
        return np.tensordot(weights, np.stack(of_nodes), axes=1)


def _thresholds(free: np.ndarray) -> np.ndarray:
    """Ascending numbers: the first as it is, then steps, given as logarithms. Shape: (4,)."""
    return free[0] + np.concatenate([[0.0], np.cumsum(np.exp(free[1:]))])


def _probabilities(location: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    below = expit(thresholds - location[:, None])  # (N, 4)
    edges = np.concatenate([np.zeros((len(below), 1)), below, np.ones((len(below), 1))], axis=1)
    return np.maximum(np.diff(edges, axis=1), 1e-12)


def _loss(parameters: np.ndarray, features: np.ndarray, stars: np.ndarray) -> tuple[float, np.ndarray]:
    """Penalised negative log-likelihood, and its gradient."""
    count = features.shape[1]
    weight, free = parameters[:count], parameters[count:]
    location = features @ weight
    padded = np.concatenate([[-np.inf], _thresholds(free), [np.inf]])
    upper, lower = expit(padded[stars] - location), expit(padded[stars - 1] - location)
    inside = np.maximum(upper - lower, 1e-12)
    slope_upper, slope_lower = upper * (1 - upper) / inside, lower * (1 - lower) / inside
    gradient = np.empty_like(parameters)
    gradient[:count] = features.T @ (slope_upper - slope_lower) + _PENALTY * weight
    by_threshold = (
        np.bincount(stars, slope_lower, minlength=_LEVELS + 1)[2:]
        - np.bincount(stars, slope_upper, minlength=_LEVELS + 1)[1:_LEVELS]
    )
    gradient[count] = by_threshold.sum()
    gradient[count + 1 :] = np.cumsum(by_threshold[::-1])[::-1][1:] * np.exp(free[1:])
    return float(-np.log(inside).sum() + _PENALTY / 2 * weight @ weight), gradient


def _marginal_log_likelihood(
    width: float, location: np.ndarray, thresholds: np.ndarray, stars: np.ndarray, dialogue: np.ndarray
) -> float:
    """Of whole dialogues, where generosity has a standard deviation of ``width`` between seekers."""
    nodes, weights = _quadrature()
    factor = _marginal_scale(width)
    _, rows = np.unique(dialogue, return_inverse=True)
    logarithms = np.stack(
        [
            np.bincount(
                rows,
                np.log(_probabilities(factor * location + width * node, factor * thresholds))[
                    np.arange(len(stars)), stars - 1
                ],
            )
            for node in nodes
        ]
    )  # (nodes, dialogues)
    highest = logarithms.max(axis=0)
    return float((highest + np.log(weights @ np.exp(logarithms - highest))).sum())


def _quadrature() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of the standard normal distribution."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    return nodes, weights / weights.sum()


def _marginal_scale(width: float) -> float:
    """By what weights and thresholds grow when seekers differ with a standard deviation (Zeger et al. 1988)."""
    return float(np.sqrt(1 + 0.346 * width**2))
