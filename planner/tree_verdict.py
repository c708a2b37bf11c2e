"""A distribution over outcomes fitted by trees: a forest of random splits and a boosted ensemble, half each.

Random splits with large leaves (Geurts et al., "Extremely randomized trees", Machine Learning 2006) hardly overfit weak
signals; boosting (Friedman, Annals of Statistics 2001) claims better probabilities. Each errs elsewhere.
"""

from dataclasses import dataclass, fields

import numpy as np
from scipy.special import softmax
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier

from planner.trees import Trees

_UNSEEN = -20.0  # logit of an outcome that never occurred
_BOOSTING = {"n_estimators": 100, "learning_rate": 0.05, "max_leaf_nodes": 8, "min_samples_leaf": 60, "subsample": 0.5}
_FOREST = {"min_samples_leaf": 15}
_FEATURES = 0.3  # share of the features each split may choose from


@dataclass(frozen=True, eq=False)
class TreeVerdict:
    """A distribution over n outcomes: the mean of a forest's and a boosted ensemble's.

    Attributes:
        forest: Adds up to probabilities.
        boosted: Adds up to what ``prior`` is shifted by.
        prior: Logits without any tree. Shape: (n,).
    """

    forest: Trees
    boosted: Trees
    prior: np.ndarray

    @classmethod
    def fit(cls, features: np.ndarray, outcomes: np.ndarray, *, number: int, trees: int, seed: int) -> "TreeVerdict":
        """Fits both to outcomes 0..n-1. Shapes: (N, F) float32, (N,).

        Raises:
            ValueError: All outcomes are the same.
        """
        if len(np.unique(outcomes)) < 2:
            raise ValueError("judges: always the same happened, there is nothing to learn; use --judge-trees 0")
        forest = ExtraTreesClassifier(trees, max_features=_FEATURES, random_state=seed, n_jobs=-1, **_FOREST)
        forest.fit(features, outcomes)
        boosted = GradientBoostingClassifier(max_features=_FEATURES, random_state=seed, **_BOOSTING)
        boosted.fit(features, outcomes)
        seen = np.array([int(outcome) for outcome in forest.classes_])  # fewer than n in tiny corpora
        shares = np.full(number, np.exp(_UNSEEN))
        shares[seen] = np.bincount(outcomes, minlength=number)[seen] / len(outcomes)
        places = np.eye(number, dtype=np.float32)[seen]  # (classes seen, n)
        leaves = [tree.tree_.value[:, 0] @ places / trees for tree in forest.estimators_]
        rounds = boosted.estimators_  # (rounds, classes seen), or (rounds, 1) of two
        steps = places if rounds.shape[1] > 1 else places[1:]
        shifts = [
            boosted.learning_rate * tree.tree_.value[:, 0] @ steps[[column]]
            for stage in rounds
            for column, tree in enumerate(stage)
        ]
        return cls(
            Trees.collect(forest.estimators_, leaves),
            Trees.collect(list(rounds.flat), shifts),
            np.log(shares).astype(np.float32),
        )

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Probabilities. Shape: (N, F) -> (N, n)."""
        return (self.forest(features) + softmax(self.prior + self.boosted(features), axis=1)) / 2

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything, by name."""
        parts = {
            f"{name}.{field.name}": getattr(getattr(self, name), field.name)
            for name in ("forest", "boosted")
            for field in fields(Trees)
        }
        return {**parts, "prior": self.prior}

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> "TreeVerdict":
        """Takes :meth:`arrays` back.

        Raises:
            KeyError: One is missing.
        """
        forest, boosted = (
            Trees(**{field.name: arrays[f"{name}.{field.name}"] for field in fields(Trees)})
            for name in ("forest", "boosted")
        )
        return cls(forest, boosted, arrays["prior"])
