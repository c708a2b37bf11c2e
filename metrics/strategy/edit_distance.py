"""How far two plans are apart: Levenshtein and indel distance as ratios, for one pair or for a whole table.

rapidfuzz computes them, on strategies instead of characters. Levenshtein 1966: insertion, deletion and substitution
cost 1; the ratio 1 - d / max(len a, len b) is LR of the turn protocol and the reward of Zhu et al. 2026 (arXiv
2604.17972). The indel variant knows no substitution (a deletion and an insertion cost 2) and is scaled by
len a + len b, which makes it 2 LCS(a, b) / (len a + len b).
"""

from collections.abc import Hashable, Sequence

import numpy as np
from rapidfuzz.distance import Indel, Levenshtein
from rapidfuzz.process import cdist


def levenshtein_ratio(a: Sequence[Hashable], b: Sequence[Hashable]) -> float:
    """1 - d(a, b) / max(len a, len b): 0 (nothing in common) .. 1 (equal). Two empty sequences give 1."""
    return Levenshtein.normalized_similarity(a, b)


def indel_ratio(a: Sequence[Hashable], b: Sequence[Hashable]) -> float:
    """1 - indel distance / (len a + len b): 0 (nothing shared) .. 1 (equal). Two empty sequences give 1."""
    return Indel.normalized_similarity(a, b)


def levenshtein_ratio_table(plans_a: Sequence[Sequence[int]], plans_b: Sequence[Sequence[int]]) -> np.ndarray:
    """:func:`levenshtein_ratio` of each of A plans with each of B plans. Shape: (A, B), float32, 0..1."""
    return cdist(plans_a, plans_b, scorer=Levenshtein.normalized_similarity, dtype=np.float32)
