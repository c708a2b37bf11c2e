"""Scores of a confusion matrix: F1, stages, preference bias, entropy, by hand, independently and as published."""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import f1_score

from corpus.strategy import Stage, Strategy, stage_of
from metrics.strategy.classification import (
    METRICS,
    STAGE_F1,
    STRATEGY_F1,
    confusion_f1,
    entropy,
    preference_bias,
    stage_f1,
    strategy_labels,
)

DATA = Path(__file__).resolve().parents[1] / "data"

matrices = hnp.arrays(np.int64, (8, 8), elements=st.integers(0, 30))
SETTINGS = settings(max_examples=40, deadline=None)


def _matrix(cells: dict[tuple[int, int], int]) -> np.ndarray:
    matrix = np.zeros((8, 8))
    for (gold, predicted), count in cells.items():
        matrix[gold, predicted] = count
    return matrix


def _bias_word_for_word(matrix: np.ndarray) -> float:
    """The formula of EmoDynamiX in plain loops; gold classes must all occur."""
    p = [1.0] * 8
    for _ in range(20):
        for i in range(8):
            above = sum(matrix[j][i] * p[j] / (p[i] + p[j] + 1e-6) for j in range(8))
            below = sum(matrix[i][j] / (p[i] + p[j] + 1e-6) for j in range(8))
            p[i] = above / below
        p = [value * 8 / sum(p) for value in p]
    return math.sqrt(sum((value - 1.0) ** 2 for value in p) / 8)


def test_bias_of_two_classes_by_hand() -> None:
    # One 0 was called 1 and two 1s were called 0; classes 2..7 are absent and stay at p = 1.
    # Sweep 1: p_0 = (2 * 1/2) / (1 * 1/2) = 2, then p_1 = (1 * 2/3) / (2 * 1/3) = 1: a fixed point already.
    # Mean of (2, 1 x 7) is 9/8, so p = (16/9, 8/9 x 7), variance (7/9^2 * 7 + 7 * 1/9^2) / 8 = 7/81.
    assert preference_bias(_matrix({(0, 1): 1, (1, 0): 2})) == pytest.approx(math.sqrt(7) / 9, abs=1e-5)


def test_bias_turned_round_differs() -> None:
    # The mirror image: p_0 = 1/2, p_1 = 1, mean 15/16, p = (8/15, 16/15 x 7), standard deviation sqrt(7)/15.
    assert preference_bias(_matrix({(0, 1): 2, (1, 0): 1})) == pytest.approx(math.sqrt(7) / 15, abs=1e-5)


def test_bias_of_always_the_same_answer_is_the_maximum() -> None:
    # All p but one fall to 0: (8, 0 x 7) has variance (49 + 7)/8 = 7. Needs eps: p_i + p_j is 0 for two of the others.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert preference_bias(_matrix({(gold, 3): 5 for gold in range(8)})) == pytest.approx(math.sqrt(7))


@SETTINGS
@given(matrices)
def test_bias_equals_the_formula_word_for_word(matrix: np.ndarray) -> None:
    full = matrix + np.eye(8, dtype=np.int64)  # every class occurs
    assert preference_bias(full) == pytest.approx(_bias_word_for_word(full), rel=1e-9, abs=1e-12)


def test_bias_takes_20_sweeps() -> None:
    # A heavy diagonal makes the iteration slow, so that one sweep more or less shows.
    matrix = np.diag([500] * 8) + np.triu(np.full((8, 8), 9), 1)
    assert preference_bias(matrix) == pytest.approx(_bias_word_for_word(matrix), rel=1e-9)


@SETTINGS
@given(matrices)
def test_bias_of_symmetric_confusion_is_zero(matrix: np.ndarray) -> None:
    assert preference_bias(matrix + matrix.T) == pytest.approx(0.0, abs=1e-4)


@SETTINGS
@given(matrices, st.sets(st.integers(0, 7)))
def test_bias_is_finite_and_bounded_when_classes_are_absent(matrix: np.ndarray, absent: set[int]) -> None:
    matrix[list(absent)] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert 0.0 <= preference_bias(matrix) <= math.sqrt(7) + 1e-9


@pytest.mark.parametrize(
    ("counts", "bits"),
    [
        ([5, 0, 0, 0, 0, 0, 0, 0], 0.0),
        ([1, 1, 0, 0, 0, 0, 0, 0], 1.0),
        ([2, 1, 1, 0, 0, 0, 0, 0], 1.5),  # 1/2 * 1 + 2 * 1/4 * 2
        ([3] * 8, 3.0),
        ([0] * 8, 0.0),
    ],
)
def test_entropy_in_bits_by_hand(counts: list[int], bits: float) -> None:
    result = entropy(np.array(counts))
    assert result == pytest.approx(bits)
    assert math.copysign(1.0, float(result)) == 1.0


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([0, 8], "gold label 8 of item 1 is not in 0..7"),
        ([-1], "gold label -1 of item 0 is not in 0..7"),
        ([0.0, 1.0], "expected whole numbers"),
        ([[0], [1]], "expected one number for each item"),
    ],
)
def test_wrong_labels_are_refused(labels: list, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        strategy_labels(labels, name="gold")


Q, RS, RF, AF, SU, OT = (
    Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.REFLECTION, Strategy.AFFIRMATION, Strategy.SUGGESTIONS,
    Strategy.OTHERS,
)  # fmt: skip
NONE = 8  # no message here


def confusion(pairs: list[tuple[int, int]], size: int = 8) -> np.ndarray:
    counts = np.zeros((size, size))
    for gold, predicted in pairs:
        counts[gold, predicted] += 1
    return counts


def class_scores(counts: np.ndarray) -> dict[str, float]:
    """All metrics of one confusion matrix, by name."""
    cells = np.zeros((1, 9, 9))
    cells[0, : len(counts), : len(counts)] = counts
    sums, items = cells.reshape(1, -1), cells.sum(axis=(1, 2))
    return {metric.name: float(metric.formula(sums, items)[0]) for metric in METRICS}


def test_strategies_and_stages_by_hand() -> None:
    # Question: 1 right of 2 gold, 3 predicted -> 2/5. Exploration: Q-Q and RS-Q are both right; gold Q Q RS, predicted
    # Q (for Q), Q (for RS), AF; the Q for gold Others is left out -> 2*2 / (3 + 2). Comforting: gold RF, predicted
    # AF (for Q), Others (for RF) -> 0. Action: SU-SU -> 1.
    scores = class_scores(confusion([(Q, Q), (Q, AF), (RS, Q), (RF, OT), (SU, SU), (OT, Q), (OT, OT)]))
    assert scores["f1_question"] == pytest.approx(40.0)
    assert scores["f1_others"] == pytest.approx(50.0)
    assert scores["f1_exploration"] == pytest.approx(80.0)
    assert scores["f1_comforting"] == 0.0
    assert scores["f1_action"] == pytest.approx(100.0)


def test_slots_without_a_partner_are_errors_of_strategy_and_stage() -> None:
    paired = confusion([(SU, SU)], size=9)
    assert class_scores(paired)["f1_action"] == pytest.approx(100.0)
    for unpaired in ((SU, NONE), (NONE, SU)):
        scores = class_scores(paired + confusion([unpaired], size=9))
        assert scores["f1_suggestions"] == pytest.approx(200 / 3)
        assert scores["f1_action"] == pytest.approx(200 / 3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=40))
def test_strategies_and_stages_equal_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    scores = class_scores(confusion(pairs))
    gold, predicted = zip(*pairs, strict=True)
    expected = 100 * f1_score(gold, predicted, labels=range(8), average=None, zero_division=0)
    assert [scores[name] for name in STRATEGY_F1] == pytest.approx(expected)
    staged = [(stage_of(Strategy(a)), stage_of(Strategy(b))) for a, b in pairs if stage_of(Strategy(a)) is not None]
    if staged:
        gold, predicted = ([3 if stage is None else int(stage) for stage in side] for side in zip(*staged, strict=True))
        expected = 100 * f1_score(
            gold, predicted, labels=[int(stage) for stage in Stage], average=None, zero_division=0
        )
        assert [scores[name] for name in STAGE_F1] == pytest.approx(expected)


def test_many_matrices_at_once_are_each_matrix() -> None:
    nine = np.random.default_rng(0).integers(0, 5, size=(3, 9, 9)).astype(float)
    for score, tables in ((confusion_f1, nine), (stage_f1, nine), (preference_bias, nine[:, :8, :8])):
        np.testing.assert_allclose(score(tables), [score(table) for table in tables])


def test_the_published_bias_of_kang_et_al() -> None:
    """Counts of a published confusion matrix (Kang et al. 2024) and the scores printed for it."""
    published = json.loads((DATA / "kang_confusion.json").read_text(encoding="utf-8"))
    scores = class_scores(np.array(published["counts"]))
    assert {name: round(scores[name], 4) for name in published["scores"]} == published["scores"]
