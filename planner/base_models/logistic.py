"""Logistic regression over the nine decisions: the two linear rungs of the ladder, and the planner's linear members."""

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from encoding.plan_codec import STOP

# Inverse strength of the L2 penalty, one for both: of 0.1, 0.3 and 1 the best macro- and weighted-F1 of embeddings on
# ESConv's valid. Features are not standardised: in their natural scale (vectors of length 1 beside one-hots and shares)
# the few position and strategy features are penalised least; at unit variance no penalty tried reached either F1.
_PENALTY_INVERSE = 0.1
_TOLERANCE = 1e-3  # largest entry of the gradient at which fitting ends
_ITERATIONS = 500  # ESConv takes about 60: reaching this many is a failure, of which scikit-learn warns
# A sparse matrix multiplies faster than a dense one below about this share of entries that are not zero.
_SPARSE_BELOW = 0.2
_NEVER = -20.0  # logit, beside others of about 0, of a decision never seen in training


class DecisionRegression:
    """Nine logits, linear in the features.

    Args:
        features: Shape: (N, F), float32.
        decisions: Gold decisions, 0..8. Shape: (N,).
        name: Whose it is, for the error.

    Raises:
        ValueError: All decisions are alike.

    Attributes:
        weight: Shape: (9, F), float32.
        bias: Shape: (9,), float32.
    """

    def __init__(self, features: np.ndarray, decisions: np.ndarray, *, name: str) -> None:
        if len(np.unique(decisions)) < 2:
            raise ValueError(f"{name}: all training decisions are alike, expected at least two kinds")
        sparse = np.count_nonzero(features) < _SPARSE_BELOW * features.size
        classifier = LogisticRegression(C=_PENALTY_INVERSE, tol=_TOLERANCE, max_iter=_ITERATIONS)
        classifier.fit(csr_matrix(features) if sparse else features, decisions)
        weight, bias = classifier.coef_, classifier.intercept_
        if len(weight) == 1:  # scikit-learn writes two classes as one logit, of the second against the first
            weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        self.weight = np.zeros((STOP + 1, features.shape[1]), np.float32)
        self.bias = np.full(STOP + 1, _NEVER, np.float32)
        self.weight[classifier.classes_], self.bias[classifier.classes_] = weight, bias

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Of the nine decisions. Shape: (N, F) -> (N, 9)."""
        logits = (features @ self.weight.T + self.bias).astype(np.float64)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)
