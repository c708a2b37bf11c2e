"""How far two plans are apart: Levenshtein and indel distance, as ratios, for one pair or for a whole table.

Sources: Levenshtein 1966 (insertion, deletion and substitution cost 1). The ratio 1 - d / max(len a, len b) is LR of
the turn protocol and the reward of Zhu et al. 2026 (arXiv 2604.17972). The indel variant knows no substitution (it
costs a deletion and an insertion, 2) and is scaled by len a + len b: ``ratio`` of the libraries Levenshtein, rapidfuzz.
"""

from collections.abc import Hashable, Sequence

import numpy as np


def _distance(a: Sequence[Hashable], b: Sequence[Hashable], *, substitution: int) -> int:
    """Wagner-Fischer with two rows; ``substitution`` is what it costs to replace one element by another."""
    previous = list(range(len(b) + 1))
    for i, left in enumerate(a, start=1):
        current = [i]
        for j, right in enumerate(b, start=1):
            replaced = previous[j - 1] + (0 if left == right else substitution)
            current.append(min(previous[j] + 1, current[j - 1] + 1, replaced))
        previous = current
    return previous[-1]


def levenshtein(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """Least number of insertions, deletions and substitutions that turn ``a`` into ``b``: 0..max(len a, len b)."""
    return _distance(a, b, substitution=1)


def levenshtein_ratio(a: Sequence[Hashable], b: Sequence[Hashable]) -> float:
    """1 - levenshtein(a, b) / max(len a, len b): 0 (nothing kept) .. 1 (equal). Two empty sequences give 1."""
    longest = max(len(a), len(b))
    return 1.0 if longest == 0 else 1.0 - levenshtein(a, b) / longest


def indel_ratio(a: Sequence[Hashable], b: Sequence[Hashable]) -> float:
    """1 - indel distance / (len a + len b): 0 (nothing shared) .. 1 (equal). Two empty sequences give 1.

    Equals 2 LCS(a, b) / (len a + len b), because the indel distance is len a + len b - 2 LCS(a, b).
    """
    together = len(a) + len(b)
    return 1.0 if together == 0 else 1.0 - _distance(a, b, substitution=2) / together


def _padded(plans: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Plans as a matrix (plans, longest) filled up with -1, and their lengths (plans,)."""
    lengths = np.array([len(plan) for plan in plans], dtype=np.int64)
    matrix = np.full((len(plans), int(lengths.max(initial=0))), -1, dtype=np.int64)
    matrix[np.arange(matrix.shape[1]) < lengths[:, None]] = [label for plan in plans for label in plan]
    return matrix, lengths


def levenshtein_ratio_table(plans_a: Sequence[Sequence[int]], plans_b: Sequence[Sequence[int]]) -> np.ndarray:
    """:func:`levenshtein_ratio` of every plan of A with every plan of B.

    The rows of Wagner-Fischer, each cell computed for all pairs at once: 600 x 600 plans of up to 7 labels take 0.05 s.

    Args:
        plans_a: A plans of whole numbers; may be empty, as may be the plans.
        plans_b: B plans.

    Returns:
        (A, B) float32, 0..1.
    """
    a, lengths_a = _padded(plans_a)  # (A, I)
    b, lengths_b = _padded(plans_b)  # (B, J)
    shape = (len(plans_a), len(plans_b))
    previous = np.empty((b.shape[1] + 1, *shape), dtype=np.int16)  # row i - 1 of every pair's table: (J + 1, A, B)
    previous[:] = np.arange(b.shape[1] + 1, dtype=np.int16)[:, None, None]
    current = np.empty_like(previous)
    distances = np.empty(shape, dtype=np.int16)
    columns = np.arange(shape[1])
    for i in range(a.shape[1] + 1):
        if i > 0:
            current[0] = i
            for j in range(1, b.shape[1] + 1):
                differs = a[:, i - 1, None] != b[None, :, j - 1]  # (A, B)
                cell = current[j]
                np.add(previous[j - 1], differs, out=cell)
                np.minimum(cell, np.minimum(previous[j], current[j - 1]) + np.int16(1), out=cell)
            previous, current = current, previous
        # A pair's distance stands in the cell (its own length a, its own length b), which no padding has touched.
        (ending,) = np.nonzero(lengths_a == i)
        distances[ending] = previous[lengths_b[None, :], ending[:, None], columns[None, :]]
    longest = np.maximum(np.maximum(lengths_a[:, None], lengths_b[None, :]), 1)  # two empty plans: distance 0, ratio 1
    return (1.0 - distances / longest).astype(np.float32)
