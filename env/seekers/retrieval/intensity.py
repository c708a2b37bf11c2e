"""The seeker's emotion intensity during a conversation: how much support was offered, how well, how much is taken in.

ESConv asks for the intensity before and after only. What is fitted is therefore the answer *after* a conversation as a
function of all that happened in it; conversations end after 1 to 44 supporter turns, so the same function, applied
to the first t turns, says what the seeker would have answered had it ended there. That is the hidden intensity:

    intensity_t = initial * exp(-receptiveness * relief_t)
    relief_t    = (sum over strategies s, phases f: worth[f, s] * offered_t[f, s])
                  * support * exp(fit * typicality + liking * stars)

* ``offered``: every turn with s adds (1 - decay) * decay^c, c = earlier turns with s, divided by the square root of the
  number of strategies in the turn: repeating a strategy adds less and less. ``decay`` is chosen by likelihood from a
  grid that holds 1 (no wearing off). Phase: the first four supporter turns, or later.
* ``support``: how far training conversations were as one-sided (``strategy_tracks``); 1 for nearly all of them. Not a
  finding but a caution: it is 1 in fitting, since the few one-sided conversations that there are do not tell.
* ``typicality``, ``stars``: means over the conversation's exchanges so far, stars minus 4.
* ``receptiveness``: gamma distributed with mean 1 between seekers (frailty, as in survival analysis: Vaupel, Manton
  and Stallard, Demography 16, 1979).

An answer of j means an intensity above j - 1, up to j, so "an answer of at most 2" is "intensity at most 2". The
likelihood is interval-censored: an answer bounds receptiveness * relief. An answer not below the initial one says: less
than one step down. A conversation known to have failed whose survey is missing says only: no success.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.stats import gamma

from corpus.strategy import Strategy
from env.seekers.retrieval.exchanges import EARLY_TURNS
from env.seekers.retrieval.strategy_tracks import StrategyTracks

DECAYS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0)  # 1: each turn adds as much as the first
STARS_CENTRE = 4.0
RELIEVED = 2  # highest answer of a success
_PHASES = 2
_LEAST_RELIEF = 1e-4
_WORTH_SPREAD, _PHASE_SPREAD = 1.0, 0.4  # priors: standard deviation of the logarithms of worth, and of its two phases
_SLOPE_SPREAD = 1.0


@dataclass(frozen=True, eq=False)
class IntensityModel:
    """A fitted model.

    Attributes:
        worth: Of each strategy in the early and in the late phase. Shape: (2, 8), positive.
        decay: What a strategy's next use adds, relative to the one before, above 0, at most 1.
        fit: Slope of mean typicality.
        liking: Slope of mean stars.
        shape: Of the gamma distribution of receptiveness; variance 1 / shape.
    """

    worth: np.ndarray
    decay: np.ndarray
    fit: np.ndarray
    liking: np.ndarray
    shape: np.ndarray

    def relief(
        self, tracks: StrategyTracks, support: np.ndarray, typicality: np.ndarray, stars: np.ndarray
    ) -> np.ndarray:
        """What N conversations have offered a seeker of mean receptiveness.

        Args:
            tracks: All supporter turns so far.
            support: Of the conversations, 0..1. Shape: (N,).
            typicality: Mean over the exchanges so far. Shape: (N,).
            stars: Mean over the exchanges so far, 1..5. Shape: (N,).

        Returns:
            Shape: (N,), positive.
        """
        offered = offers(tracks, decay=float(self.decay))
        quality = np.exp(self.fit * typicality + self.liking * (stars - STARS_CENTRE))
        return np.maximum(offered @ self.worth.ravel() * support * quality, _LEAST_RELIEF)

    def answer_probabilities(self, initial: np.ndarray, relief: np.ndarray) -> np.ndarray:
        """Of the answers 1 to 5 after conversations; what is not below ``initial`` counts as ``initial``.

        Args:
            initial: 1..5. Shape: (N,).
            relief: Shape: (N,).

        Returns:
            Shape: (N, 5), rows sum to 1.
        """
        answers = np.arange(1, 6)
        with np.errstate(divide="ignore"):
            least = np.log(initial[:, None] / np.minimum(answers, initial[:, None]))  # of receptiveness * relief
        reached = gamma.sf(least * self.shape / relief[:, None], self.shape)  # P(answer <= j)
        return np.diff(np.concatenate([np.zeros((len(initial), 1)), reached], axis=1), axis=1)

    def success_probability(self, initial: np.ndarray, relief: np.ndarray) -> np.ndarray:
        """That the answer is at most 2 and below the one before. Shape: (N,)."""
        goal = np.minimum(RELIEVED, initial - 1)
        return (self.answer_probabilities(initial, relief) * (np.arange(1, 6) <= goal[:, None])).sum(axis=1)


def offers(tracks: StrategyTracks, *, decay: float) -> np.ndarray:
    """What was offered, by phase and strategy; see the module. Shape: (N, 16), early first."""
    used = tracks.used.astype(np.float64)
    earlier = np.cumsum(used, axis=1) - used
    added = used * (decay**earlier if decay < 1 else 1.0) * (1 - decay if decay < 1 else 1.0)
    added /= np.sqrt(np.maximum(1, used.sum(axis=2, keepdims=True)))
    return np.concatenate([added[:, :EARLY_TURNS].sum(axis=1), added[:, EARLY_TURNS:].sum(axis=1)], axis=1)


def bounds_of_answers(initial: np.ndarray, final: np.ndarray) -> np.ndarray:
    """Between what receptiveness * relief must have lain.

    Args:
        initial: Intensity before, 2..5. Shape: (N,), int.
        final: After, 1..5; 0 where only the failure is known. Shape: (N,), int.

    Returns:
        Lower and upper bound, 0 to infinity. Shape: (N, 2).
    """
    unknown = final == 0
    # Unknown: anything down to just above the goal.
    lower_answer = np.where(unknown, np.minimum(RELIEVED, initial - 1) + 1, np.minimum(final, initial))
    low = np.where(unknown, 0.0, np.log(initial / lower_answer))
    with np.errstate(divide="ignore"):
        high = np.log(initial / (lower_answer - 1.0))
    return np.stack([low, high], axis=1)


def fit_intensity_model(
    tracks: StrategyTracks,
    typicality: np.ndarray,
    stars: np.ndarray,
    *,
    initial: np.ndarray,
    final: np.ndarray,
) -> tuple[IntensityModel, dict[float, float]]:
    """Maximum a posteriori over whole conversations.

    Args:
        tracks: All their supporter turns.
        typicality: Means. Shape: (N,).
        stars: Means, 1..5. Shape: (N,).
        initial: 2..5. Shape: (N,), int.
        final: 1..5, 0 where only the failure is known. Shape: (N,), int.

    Returns:
        The model, and the log-posterior of every decay that was tried.
    """
    bounds = bounds_of_answers(initial, final)
    quality = np.stack([typicality, stars - STARS_CENTRE], axis=1)
    strategies = len(Strategy)
    posterior: dict[float, float] = {}
    best: IntensityModel | None = None
    for decay in DECAYS:
        offered = offers(tracks, decay=decay)
        start = np.zeros(strategies * (1 + _PHASES) + 3)
        start[:strategies] = np.log(1.0 / np.maximum(offered.sum(axis=1).mean(), 1e-3))  # mean relief of about 1
        start[-1] = np.log(2.0)
        found = minimize(_loss, start, args=(offered, quality, bounds), jac=True, method="L-BFGS-B")
        posterior[decay] = float(-found.fun)
        if best is None or posterior[decay] >= max(posterior.values()):
            base, shift = found.x[:strategies], found.x[strategies:-3].reshape(_PHASES, strategies)
            best = IntensityModel(
                np.exp(base + shift), np.array(decay), np.array(found.x[-3]), np.array(found.x[-2]),
                shape=np.exp(np.array(found.x[-1])),
            )  # fmt: skip
    assert best is not None
    return best, posterior


def _loss(
    parameters: np.ndarray, offered: np.ndarray, quality: np.ndarray, bounds: np.ndarray
) -> tuple[float, np.ndarray]:
    """Negative log-posterior and its gradient; the shape's by central differences (SciPy has no derivative for it)."""
    strategies = len(Strategy)
    base, shift = parameters[:strategies], parameters[strategies:-3].reshape(_PHASES, strategies)
    slopes, shape = parameters[-3:-1], parameters[-1]
    parts = offered.reshape(-1, _PHASES, strategies) * np.exp(base + shift)  # (N, 2, 8)
    relief = np.maximum(parts.sum(axis=(1, 2)) * np.exp(quality @ slopes), _LEAST_RELIEF)

    def likelihood(logarithm: float) -> np.ndarray:
        k = np.exp(logarithm)
        return np.maximum(np.diff(gamma.cdf(bounds * k / relief[:, None], k), axis=1)[:, 0], 1e-9)

    k = np.exp(shape)
    probability = likelihood(shape)
    scaled = np.where(np.isfinite(bounds), bounds, 0.0) * k / relief[:, None]
    positive = np.maximum(scaled, 1e-300)
    density = np.where(
        scaled > 0, positive * gamma.pdf(positive, k), 0.0
    )  # of each bound, times d(scaled) / d(log relief)
    by_log_relief = (density[:, 0] - density[:, 1]) / probability  # d log-likelihood / d log relief
    share = parts / np.maximum(parts.sum(axis=(1, 2), keepdims=True), 1e-12)  # d log relief / d log worth
    by_worth = np.einsum("n,nfs->fs", by_log_relief, share)
    gradient = np.empty_like(parameters)
    mean = base.mean()
    gradient[:strategies] = -by_worth.sum(axis=0) + (base - mean) / _WORTH_SPREAD**2
    gradient[strategies:-3] = (-by_worth + shift / _PHASE_SPREAD**2).ravel()
    gradient[-3:-1] = -(by_log_relief @ quality) + slopes / _SLOPE_SPREAD**2
    step = 1e-4
    slope_of_shape = (np.log(likelihood(shape + step)).sum() - np.log(likelihood(shape - step)).sum()) / (2 * step)
    gradient[-1] = -slope_of_shape + (shape - np.log(2.0))
    prior = (
        ((base - mean) ** 2).sum() / _WORTH_SPREAD**2
        + (shift**2).sum() / _PHASE_SPREAD**2
        + (slopes**2).sum() / _SLOPE_SPREAD**2
        + (shape - np.log(2.0)) ** 2
    )
    return float(-np.log(probability).sum() + prior / 2), gradient
