"""Fitted decision trees as plain arrays: scikit-learn grows them, arrays are saved and asked; nothing is pickled."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.tree import BaseDecisionTree

_LEAF = -1  # scikit-learn's mark in ``children_left``
_BATCH = 1024  # items walked down all trees at once


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees whose leaves are vectors; what an item falls into is added up.

    Attributes:
        roots: First node of each tree. Shape: (T,), int32.
        feature: What a node asks about; -1 in a leaf. Shape: (N,), int32.
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
    def collect(cls, trees: Sequence[BaseDecisionTree], values: Sequence[np.ndarray]) -> "Trees":
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
