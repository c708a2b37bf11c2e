"""Two base models: logistic regression over the nine decisions, on sentence embeddings and on words (TF-IDF).

The same regression makes the baselines ``embedding`` and ``tfidf``.
"""

import numpy as np
import torch
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from encoding.plan_codec import STOP
from planner.base_models.ensemble import SMALLEST, BaseModel, EnsembleShape, TrainingData
from planner.config import EnsembleConfig

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


class _LinearModels(BaseModel):
    """One regression for each fold. A convex problem is better left to its own solver than to gradient steps."""

    on_words: bool

    def __init__(self, shape: EnsembleShape, config: EnsembleConfig) -> None:
        super().__init__(shape, config)
        self.folds = shape.folds
        self.columns: Tensor
        self.weight: Tensor
        columns = shape.columns(words=self.on_words)
        self.register_buffer("columns", columns, persistent=False)
        # Rows: history features, plan features, constant.
        self.register_buffer("weight", torch.zeros(shape.folds, len(columns) + shape.plan + 1, STOP + 1))

    def forward(
        self, history: Tensor, plans: Tensor, allowed: Tensor, *, fold: int | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """See :meth:`BaseModel.forward`.

        History and prefix add up in the logits, so they multiply in the probabilities: exponentials are taken of each
        alone, not of every pair.
        """
        chosen = self.weight if fold is None else self.weight[fold : fold + 1]
        features = len(self.columns)
        of_history = torch.einsum("bc,kcd->kbd", history[:, self.columns], chosen[:, :features]) + chosen[:, -1:]
        of_plans = torch.einsum("...rp,kpd->k...rd", plans, chosen[:, features:-1])
        histories = (of_history - of_history.amax(-1, keepdim=True)).exp()
        prefixes = (of_plans - of_plans.amax(-1, keepdim=True)).exp() * allowed
        total = history.new_zeros(len(history), plans.shape[-2], STOP + 1)
        for one, plan in zip(histories, prefixes, strict=True):
            size = (plan @ one[..., None])[..., 0] if plan.dim() == 3 else one @ plan.T  # (B, R)
            total = total + one[:, None] * plan / size.clamp(min=SMALLEST)[..., None]
        return total / len(histories), None

    def fit(self, data: TrainingData) -> None:
        """Puts in the maximum-likelihood weights under an L2 penalty.

        Raises:
            ValueError: All decisions outside a fold are alike.
        """
        train, seen = data.train, data.train.history[:, self.columns.cpu().numpy()]
        for part in range(self.folds):
            rows = np.flatnonzero(data.fold[train.row] != part)
            features = np.concatenate([seen[train.row[rows]], train.plan[rows]], axis=1)
            regression = DecisionRegression(features, train.decision[rows], name=self.name)
            self.weight[part] = torch.from_numpy(np.concatenate([regression.weight.T, regression.bias[None]]))


class LinearOnEmbeddings(_LinearModels):
    """Sees sentence embeddings."""

    name = "linear-embedding"
    on_words = False


class LinearOnWords(_LinearModels):
    """Sees TF-IDF vectors."""

    name = "linear-words"
    on_words = True


BASE_MODELS = (LinearOnEmbeddings, LinearOnWords)
