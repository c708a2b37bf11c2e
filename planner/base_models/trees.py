"""Fitted decision trees as plain arrays: scikit-learn grows them, arrays are saved and evaluated; nothing is pickled.

:class:`TreeClassifier` is the mean of a forest of random splits and a boosted ensemble. Random splits with large leaves
(Geurts et al., "Extremely randomized trees", Machine Learning 2006) hardly overfit weak signals; boosting (Friedman,
Annals of Statistics 2001) gives better probabilities. Each errs elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax

if TYPE_CHECKING:
    from sklearn.tree import BaseDecisionTree

_LEAF = -1  # scikit-learn's mark in ``children_left``
_BATCH = 1024  # items walked down all trees at once
_UNSEEN = -20.0  # logit of an outcome that never occurred
_BOOSTING = {"n_estimators": 100, "learning_rate": 0.05, "max_leaf_nodes": 8, "min_samples_leaf": 60, "subsample": 0.5}
_FOREST = {"min_samples_leaf": 15}
_FEATURES = 0.3  # share of the features each split may choose from


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees whose leaves are vectors; what an item falls into is added up.

    Attributes:
        roots: First node of each tree. Shape: (T,), int32.
        feature: Which feature a node tests; -1 in a leaf. Shape: (N,), int32.
        threshold: Not above it leads left. Shape: (N,), float64.
        left: Next node; a leaf leads to itself. Shape: (N,), int32.
        right: As ``left``. Shape: (N,), int32.
        leaf: Row of ``values``; 0 where no leaf is. Shape: (N,), int32.
        values: What leaves add. Shape: (L, outputs), float32.
    """

    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    leaf: np.ndarray
    values: np.ndarray

    @classmethod
    def collect(cls, trees: Sequence["BaseDecisionTree"], values: Sequence[np.ndarray]) -> "Trees":
        """Takes fitted trees over.

        Args:
            trees: Fitted by scikit-learn on float32 features.
            values: For every tree what each of its nodes would add. Length: T. Shape of each: (nodes, outputs).
        """
        sizes = [tree.tree_.node_count for tree in trees]
        roots = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        left, right = (
            np.concatenate([getattr(tree.tree_, name) + root for tree, root in zip(trees, roots, strict=True)])
            for name in ("children_left", "children_right")
        )
        is_leaf = np.concatenate([tree.tree_.children_left == _LEAF for tree in trees])
        here = np.arange(len(left))
        return cls(
            roots=roots.astype(np.int32),
            feature=np.where(is_leaf, _LEAF, np.concatenate([tree.tree_.feature for tree in trees])).astype(np.int32),
            threshold=np.concatenate([tree.tree_.threshold for tree in trees]),
            left=np.where(is_leaf, here, left).astype(np.int32),
            right=np.where(is_leaf, here, right).astype(np.int32),
            leaf=(np.cumsum(is_leaf) - 1).clip(min=0).astype(np.int32) * is_leaf,
            values=np.concatenate(values)[is_leaf].astype(np.float32),
        )

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Sums over all trees. Shape: (N, F), float32 -> (N, outputs), float64."""
        total = np.zeros((len(features), self.values.shape[1]))
        for start in range(0, len(features), _BATCH):
            block = features[start : start + _BATCH]
            items = np.arange(len(block))[:, None]
            node = np.broadcast_to(self.roots, (len(block), len(self.roots)))
            while (asked := self.feature[node]).max() != _LEAF:  # in a leaf whatever is asked leads to itself
                node = np.where(block[items, asked] <= self.threshold[node], self.left[node], self.right[node])
            total[start : start + _BATCH] = self.values[self.leaf[node]].sum(axis=1, dtype=np.float64)
        return total


@dataclass(frozen=True, eq=False)
class TreeClassifier:
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
    def fit(cls, features: np.ndarray, outcomes: np.ndarray, *, number: int, trees: int, seed: int) -> "TreeClassifier":
        """Fits both to outcomes 0..n-1. Shapes: (N, F) float32, (N,).

        Raises:
            ValueError: All outcomes are the same.
        """
        if len(np.unique(outcomes)) < 2:
            raise ValueError("stacking: all outcomes are alike, nothing can be learned; leave out --stacking.trees")
        from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier  # a second that loading is spared

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
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> "TreeClassifier":
        """Takes :meth:`arrays` back.

        Raises:
            KeyError: One is missing.
        """
        forest, boosted = (
            Trees(**{field.name: arrays[f"{name}.{field.name}"] for field in fields(Trees)})
            for name in ("forest", "boosted")
        )
        return cls(forest, boosted, arrays["prior"])
