"""Judges: trees that look at everything believed of a history at once, where members and readers each see their part.

What members and readers believe is pooled with fixed weights. Trees find what weights cannot say, e.g. whose belief to
trust how early in a conversation, or after how many messages of a turn. Every fold has a judge that never saw it, as
every fold has its members: the training dialogues are judged as new ones would be.
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
from encoding.observation import turn_prefix
from encoding.plan_codec import STOP
from planner.base_models.decisions import Decisions
from planner.base_models.predictions import PredictionLayout
from planner.base_models.trees import TreeClassifier

_DECISION_SHARE = 0.7  # of the probability of what comes next; the rest stays with members and readers
_LOWEST = -20.0
_VERDICTS = ("following", "several")
_SMALLEST = 1e-4  # odds are not followed further
_SINGLE = slice(1, 1 + STOP)  # rows of the plans of one strategy


@dataclass(frozen=True, eq=False)
class _Judge:
    """One fold's: what comes next (8 strategies, STOP), and whether a turn of which nothing stands gets several."""

    following: TreeClassifier
    several: TreeClassifier


class Stacking:
    """The judges of all folds.

    Args:
        judges: Judge f never saw fold f.
        layout: Of the beliefs they judge.
    """

    def __init__(self, judges: Sequence[_Judge], layout: PredictionLayout) -> None:
        self._judges = list(judges)
        self._layout = layout

    @classmethod
    def fit(
        cls,
        beliefs: np.ndarray,
        decisions: Decisions,
        *,
        fold: np.ndarray,
        layout: PredictionLayout,
        trees: int,
        seed: int,
    ) -> "Stacking":
        """Fits one judge for each fold on all others.

        Args:
            beliefs: Cross-fitted, of the decisions' histories. Shape: (U, S), float32.
            decisions: What followed.
            fold: Part of the training dialogues each history belongs to. Shape: (U,).
            layout: Of the beliefs.
            trees: In each forest.
            seed: Seeds all trees.
        """
        features = _features(beliefs, decisions.messages, layout)
        openings = np.zeros(len(beliefs), bool)
        openings[decisions.openings] = True
        judges = []
        for part in tqdm(range(int(fold.max()) + 1), desc="judges", unit="fold"):
            seen, opened = fold != part, (fold != part) & openings
            judges.append(
                _Judge(
                    TreeClassifier.fit(
                        features[seen], decisions.following[seen], number=STOP + 1, trees=trees, seed=seed
                    ),
                    TreeClassifier.fit(features[opened], decisions.several[opened], number=2, trees=trees, seed=seed),
                )
            )
        return cls(judges, layout)

    def judged(
        self, beliefs: np.ndarray, messages: Sequence[Sequence[Message]], *, fold: np.ndarray | None = None
    ) -> np.ndarray:
        """Beliefs with the judges' verdicts in them.

        The next decision after what stands gets most of its probability from the judges. Where nothing of the turn
        stands, the odds of stopping after one strategy are shifted alike for all eight, by what the judges' odds of
        several messages differ from the believed ones.

        Args:
            beliefs: Of members and readers. Shape: (N, S), float32; not changed.
            messages: The histories. Length: N.
            fold: Part of the training dialogues of each history: only the judge that never saw it is asked.
                Shape: (N,). ``None``: new dialogues, the mean of all.

        Returns:
            Shape: (N, S), float32.
        """
        judged = beliefs.copy()
        rows, growing = _standing(messages, self._layout)
        if not growing.any():
            return judged
        features = _features(beliefs, messages, self._layout)
        following, several = self._verdicts(features, fold)
        table = judged[:, : self._layout.rows * (STOP + 1)].reshape(-1, self._layout.rows, STOP + 1)
        here = np.flatnonzero(growing)
        believed = np.exp(table[here, rows[here]])  # (n, 9)
        verdict = following[here] * self._layout.space.allowed.numpy()[rows[here]]
        pooled = (1 - _DECISION_SHARE) * believed + _DECISION_SHARE * verdict / verdict.sum(axis=1, keepdims=True)
        table[here, rows[here]] = np.log(np.maximum(pooled, np.exp(_LOWEST)))
        if self._layout.rows > 1:
            _shift_stops(table, np.flatnonzero(growing & (rows == 0)), several[:, 1])
        return judged

    def _verdicts(self, features: np.ndarray, fold: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Shapes: (N, 9), (N, 2)."""
        following, several = np.zeros((len(features), STOP + 1)), np.zeros((len(features), 2))
        for part, judge in enumerate(self._judges):
            asked = np.arange(len(features)) if fold is None else np.flatnonzero(fold == part)
            weight = 1 / len(self._judges) if fold is None else 1.0
            following[asked] += weight * judge.following(features[asked])
            several[asked] += weight * judge.several(features[asked])
        return following, several

    def save(self, path: Path) -> None:
        """Writes all trees."""
        tensors = {
            f"{number}.{verdict}.{name}": array
            for number, judge in enumerate(self._judges)
            for verdict in _VERDICTS
            for name, array in getattr(judge, verdict).arrays().items()
        }
        with replace_whole(path) as temporary:
            save_file(tensors, temporary)

    @classmethod
    def load(cls, path: Path, layout: PredictionLayout, *, folds: int) -> "Stacking":
        """Reads what :meth:`save` wrote.

        Raises:
            ValueError: The file is missing or damaged, or holds the judges of other folds.
        """
        try:
            tensors = load_file(path)
            judges = [
                _Judge(*(_verdict(f"{number}.{name}.", tensors) for name in _VERDICTS)) for number in range(folds)
            ]
            if any(name.startswith(f"{folds}.") for name in tensors):
                raise KeyError(folds)
        except (OSError, SafetensorError, KeyError) as error:
            raise ValueError(f"{path}: missing or damaged judges ({type(error).__name__})") from error
        return cls(judges, layout)


def _standing(messages: Sequence[Sequence[Message]], layout: PredictionLayout) -> tuple[np.ndarray, np.ndarray]:
    """Row of the plan that stands, and whether it can still grow. Shapes: (N,), (N,) bool."""
    codec = layout.space.codec
    plans = [turn_prefix(history) for history in messages]
    slots = np.array([codec.prefix_slots(plan) for plan in plans]).reshape(-1, codec.max_strategies)
    return layout.space.row_of_code[codec.code(slots)], np.array([len(plan) < codec.max_strategies for plan in plans])


def _features(beliefs: np.ndarray, messages: Sequence[Sequence[Message]], layout: PredictionLayout) -> np.ndarray:
    """What trees ask about: the decision after what stands, and the summary of all beliefs. Shape: (N, F), float32."""
    rows, _ = _standing(messages, layout)
    table = beliefs[:, : layout.rows * (STOP + 1)].reshape(-1, layout.rows, STOP + 1)
    summary = layout.summary(torch.from_numpy(beliefs)).numpy()
    return np.concatenate([table[np.arange(len(table)), rows], summary], axis=1).astype(np.float32)


def _shift_stops(table: np.ndarray, opened: np.ndarray, several: np.ndarray) -> None:
    """Shifts the odds of stopping after one strategy, in place. Shapes: (N, rows, 9), (n,), (N,)."""
    first = np.exp(table[opened, 0, :STOP])
    first /= first.sum(axis=1, keepdims=True)
    stops = np.exp(table[opened, _SINGLE, STOP]).clip(_SMALLEST, 1 - _SMALLEST)  # (n, 8)
    believed = (first * stops).sum(axis=1)
    judged = (1 - several[opened]).clip(_SMALLEST, 1 - _SMALLEST)
    moved = expit(logit(stops) + (logit(judged) - logit(believed))[:, None])
    rows = table[opened, _SINGLE]
    rows[..., :STOP] += np.log((1 - moved) / (1 - stops))[..., None]
    rows[..., STOP] = np.log(moved)
    table[opened, _SINGLE] = np.maximum(rows, _LOWEST)


def _verdict(start: str, tensors: dict[str, np.ndarray]) -> TreeClassifier:
    return TreeClassifier.of_arrays(
        {name.removeprefix(start): array for name, array in tensors.items() if name.startswith(start)}
    )
