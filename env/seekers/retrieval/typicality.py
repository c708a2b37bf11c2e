"""How typical a plan is of what supporters did in such a state: a learned likelihood, measured against itself.

A multinomial logistic regression gives each message's strategy from the state and from the strategy before it in the
turn. The typicality of a plan is the mean over its messages of log p + H(p), H the entropy: 0 is what a plan sampled
from the model scores on average, so that states in which supporters agree and states in which anything goes compare.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from corpus.strategy import Strategy

_PENALTY_INVERSE = 0.3
_LEAST, _MOST = -6.0, 2.0  # nats: one message must not decide a conversation
_NEVER = -20.0  # logit of a strategy never seen in training


@dataclass(frozen=True, eq=False)
class Typicality:
    """A fitted model.

    Attributes:
        weight: Shape: (8, S + 9): the state; whether the message opens the turn; the message's predecessor in it.
        bias: Shape: (8,).
    """

    weight: np.ndarray
    bias: np.ndarray

    @classmethod
    def fit(cls, state: np.ndarray, plans: Sequence[Sequence[Strategy]]) -> "Typicality":
        """Fits on (N, S) states and the plans that supporters made in them.

        Raises:
            ValueError: All messages have the same strategy.
        """
        owner, slots, strategies = _messages(plans)
        if len(np.unique(strategies)) < 2:
            raise ValueError("typicality of plans: all training messages have one strategy, expected at least two")
        model = LogisticRegression(C=_PENALTY_INVERSE, max_iter=300, tol=1e-3)
        model.fit(np.concatenate([state[owner], slots], axis=1), strategies)
        coefficients, intercept = model.coef_, model.intercept_
        if len(coefficients) == 1:  # scikit-learn writes two classes as one logit
            coefficients, intercept = np.concatenate([-coefficients, coefficients]) / 2, np.repeat(intercept, 2) / 2
            intercept[0] *= -1
        weight, bias = np.zeros((len(Strategy), coefficients.shape[1])), np.full(len(Strategy), _NEVER)
        weight[model.classes_], bias[model.classes_] = coefficients, intercept
        return cls(weight, bias)

    def __call__(self, state: np.ndarray, plans: Sequence[Sequence[Strategy]]) -> np.ndarray:
        """Typicality of plans in states. Shape: (N,), from -6 to 2."""
        owner, slots, strategies = _messages(plans)
        states = state.shape[1]
        logits = (state @ self.weight[:, :states].T + self.bias)[owner] + slots @ self.weight[:, states:].T
        logits -= logits.max(axis=1, keepdims=True)
        logarithms = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        entropy = -(np.exp(logarithms) * logarithms).sum(axis=1)
        surplus = logarithms[np.arange(len(owner)), strategies] + entropy
        lengths = np.bincount(owner, minlength=len(plans))
        return np.clip(np.bincount(owner, surplus, minlength=len(plans)) / lengths, _LEAST, _MOST)


def cross_fitted(
    state: np.ndarray, plans: Sequence[Sequence[Strategy]], dialogue: np.ndarray, *, folds: int
) -> np.ndarray:
    """Typicality of training plans by models that never saw their dialogue: as good as on new dialogues.

    Args:
        state: Shape: (N, S).
        plans: Length: N.
        dialogue: Row of the dialogue of each. Shape: (N,).
        folds: Dialogues are dealt to these in turn.

    Returns:
        Shape: (N,).
    """
    values = np.zeros(len(plans))
    for fold in range(folds):
        held_out = dialogue % folds == fold
        model = Typicality.fit(state[~held_out], [plans[row] for row in np.flatnonzero(~held_out).tolist()])
        values[held_out] = model(state[held_out], [plans[row] for row in np.flatnonzero(held_out).tolist()])
    return values


def _messages(plans: Sequence[Sequence[Strategy]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the T messages of all plans: row of the plan (T,), slot features (T, 9), strategy (T,)."""
    owner = np.repeat(np.arange(len(plans)), [len(plan) for plan in plans])
    strategies = np.array([int(strategy) for plan in plans for strategy in plan], np.int64)
    slots = np.zeros((len(owner), 1 + len(Strategy)))
    first = np.concatenate([[True], owner[1:] != owner[:-1]])
    slots[first, 0] = 1
    follows = np.flatnonzero(~first)
    slots[follows, 1 + strategies[follows - 1]] = 1
    return owner, slots, strategies
