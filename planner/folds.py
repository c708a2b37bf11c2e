"""Cross-fitting: which part of the training dialogues each of them belongs to."""

import numpy as np


def fold_of_dialogues(dialogues: int, *, folds: int, seed: int) -> np.ndarray:
    """Draws folds of equal size, up to one.

    Args:
        dialogues: Number of dialogues.
        folds: Number of parts.
        seed: Of the draw.

    Returns:
        Fold of each dialogue, 0..folds - 1. Shape: (dialogues,).

    Raises:
        ValueError: There are fewer dialogues than folds.
    """
    if dialogues < folds:
        raise ValueError(f"{dialogues} training dialogues for {folds} folds, expected at least one each")
    return np.random.default_rng(seed).permutation(dialogues) % folds
