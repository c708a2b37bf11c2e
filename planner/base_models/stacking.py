"""Stacking: trees on top of the predictions of ensemble and fine-tuned encoders (Wolpert 1992).

Ensemble and fine-tuned encoders are averaged with fixed weights. Trees find what weights cannot say, for example which
prediction to trust how early in a dialogue, or after how many messages of a turn. Every fold has trees that were fitted
without it, as every fold has its base models: the predictions for training dialogues stay out-of-fold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from scipy.special import expit, logit
from tqdm import tqdm

from corpus.dialogue import Message
from corpus.files import replace_whole
from encoding.plan_codec import STOP
from planner.base_models.predictions import LOWEST, PredictionLayout
from planner.base_models.trees import TreeClassifier
from planner.decisions import Decisions

_DECISION_SHARE = 0.7  # of the probability of the next decision; the rest is that of the stacked predictions
_OUTCOMES = ("following", "several")  # in the names of tensors
_SMALLEST = 1e-4  # odds are not followed further
_SINGLE = slice(1, 1 + STOP)  # rows of the plans of one strategy


@dataclass(frozen=True, eq=False)
class _FoldModel:
    """Trees of one fold: what comes next (8 strategies, STOP), and whether a turn not begun will be multi-strategy."""

    following: TreeClassifier
    multi_strategy: TreeClassifier


class Stacking:
    """The trees of all folds.

    Args:
        models: Model f was fitted without fold f.
    """

    def __init__(self, models: Sequence[_FoldModel], layout: PredictionLayout) -> None:
        self._models = list(models)
        self._layout = layout

    @classmethod
    def fit(
        cls,
        predictions: np.ndarray,
        decisions: Decisions,
        *,
        fold: np.ndarray,
        layout: PredictionLayout,
        trees: int,
        seed: int,
    ) -> "Stacking":
        """Fits trees for each fold on all others.

        Args:
            predictions: Out-of-fold, of the decisions' histories. Shape: (U, S), float32.
            fold: Fold of the training dialogue of each history. Shape: (U,).
        """
        features = _features(predictions, decisions.messages, layout)
        openings = np.zeros(len(predictions), bool)
        openings[decisions.openings] = True
        following, multi, options = decisions.following, decisions.multi_strategy, {"trees": trees, "seed": seed}
        models = []
        for part in tqdm(range(int(fold.max()) + 1), desc="stacking", unit="fold"):
            seen, opened = fold != part, (fold != part) & openings
            models.append(
                _FoldModel(
                    TreeClassifier.fit(features[seen], following[seen], number=STOP + 1, **options),
                    TreeClassifier.fit(features[opened], multi[opened], number=2, **options),
                )
            )
        return cls(models, layout)

    def stack(
        self, predictions: np.ndarray, messages: Sequence[Sequence[Message]], *, fold: np.ndarray | None = None
    ) -> np.ndarray:
        """Predictions corrected by the trees.

        The next decision after the prefix in the history gets most of its probability from the trees. Where the turn
        has not begun, the odds of stopping after one strategy are shifted alike for all eight, by what the trees' odds
        of a multi-strategy turn differ from the predicted ones.

        Args:
            predictions: Of ensemble and fine-tuned encoders. Shape: (N, S), float32; not changed.
            messages: The histories. Length: N.
            fold: Fold of the training dialogue of each history: only the trees fitted without it predict. Shape: (N,).
                ``None``: new dialogues, the mean of all.

        Returns:
            Shape: (N, S), float32.
        """
        stacked = predictions.copy()
        rows, can_grow = self._layout.prefix_rows(messages)
        if not can_grow.any():
            return stacked
        following, multi_strategy = self._outcomes(_features(predictions, messages, self._layout), fold)
        table = self._layout.table(stacked)
        here = np.flatnonzero(can_grow)
        predicted = np.exp(table[here, rows[here]])  # (n, 9)
        by_trees = following[here] * self._layout.space.allowed.numpy()[rows[here]]
        pooled = (1 - _DECISION_SHARE) * predicted + _DECISION_SHARE * by_trees / by_trees.sum(axis=1, keepdims=True)
        table[here, rows[here]] = np.log(np.maximum(pooled, np.exp(LOWEST)))
        if self._layout.rows > 1:
            _shift_stops(table, np.flatnonzero(can_grow & (rows == 0)), multi_strategy[:, 1])
        return stacked

    def _outcomes(self, features: np.ndarray, fold: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Shapes: (N, 9), (N, 2)."""
        following, multi_strategy = np.zeros((len(features), STOP + 1)), np.zeros((len(features), 2))
        for part, model in enumerate(self._models):
            asked = np.arange(len(features)) if fold is None else np.flatnonzero(fold == part)
            weight = 1 / len(self._models) if fold is None else 1.0
            following[asked] += weight * model.following(features[asked])
            multi_strategy[asked] += weight * model.multi_strategy(features[asked])
        return following, multi_strategy

    def save(self, path: Path) -> None:
        """Writes all trees."""
        tensors = {
            f"{number}.{outcome}.{name}": array
            for number, model in enumerate(self._models)
            for outcome, trees in zip(_OUTCOMES, (model.following, model.multi_strategy), strict=True)
            for name, array in trees.arrays().items()
        }
        with replace_whole(path) as temporary:
            save_file(tensors, temporary)

    @classmethod
    def load(cls, path: Path, layout: PredictionLayout, *, folds: int) -> "Stacking":
        """Loads what :meth:`save` wrote.

        Raises:
            ValueError: The file is missing or damaged, or holds the trees of other folds.
        """
        try:
            tensors = load_file(path)
            models = [
                _FoldModel(*(_classifier(f"{number}.{name}.", tensors) for name in _OUTCOMES))
                for number in range(folds)
            ]
            if any(name.startswith(f"{folds}.") for name in tensors):
                raise KeyError(folds)
        except (OSError, SafetensorError, KeyError) as error:
            raise ValueError(f"{path}: missing or damaged trees ({type(error).__name__})") from error
        return cls(models, layout)


def _features(predictions: np.ndarray, messages: Sequence[Sequence[Message]], layout: PredictionLayout) -> np.ndarray:
    """What trees see: the decision after the prefix, and the summary of all predictions. Shape: (N, F), float32."""
    rows, _ = layout.prefix_rows(messages)
    table = layout.table(predictions)
    summary = layout.summary(torch.from_numpy(predictions)).numpy()
    return np.concatenate([table[np.arange(len(table)), rows], summary], axis=1).astype(np.float32)


def _shift_stops(table: np.ndarray, opened: np.ndarray, multi_strategy: np.ndarray) -> None:
    """Shifts the odds of stopping after one strategy, in place. Shapes: (N, rows, 9), (n,), (N,)."""
    first = np.exp(table[opened, 0, :STOP])
    first /= first.sum(axis=1, keepdims=True)
    stops = np.exp(table[opened, _SINGLE, STOP]).clip(_SMALLEST, 1 - _SMALLEST)  # (n, 8)
    predicted = (first * stops).sum(axis=1)
    by_trees = (1 - multi_strategy[opened]).clip(_SMALLEST, 1 - _SMALLEST)
    moved = expit(logit(stops) + (logit(by_trees) - logit(predicted))[:, None])
    rows = table[opened, _SINGLE]
    rows[..., :STOP] += np.log((1 - moved) / (1 - stops))[..., None]
    rows[..., STOP] = np.log(moved)
    table[opened, _SINGLE] = np.maximum(rows, LOWEST)


def _classifier(start: str, tensors: dict[str, np.ndarray]) -> TreeClassifier:
    return TreeClassifier.of_arrays(
        {name.removeprefix(start): array for name, array in tensors.items() if name.startswith(start)}
    )
