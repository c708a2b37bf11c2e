"""Per-strategy and per-stage F1: a hand-worked table, scikit-learn on the stages, agreement with macro-F1."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from corpus.strategy import Stage, Strategy, stage_of
from metrics.strategy.classification import STAGE_F1, STRATEGY_F1, class_scores

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


def test_names() -> None:
    assert STRATEGY_F1 == (
        "f1_question", "f1_restatement", "f1_reflection", "f1_self_disclosure", "f1_affirmation", "f1_suggestions",
        "f1_information", "f1_others",
    )  # fmt: skip
    assert STAGE_F1 == ("f1_exploration", "f1_comforting", "f1_action")
    assert list(class_scores(np.zeros((8, 8)))) == [*STRATEGY_F1, *STAGE_F1]


def test_hand_worked_table() -> None:
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
def test_equals_scikit_learn(pairs: list[tuple[int, int]]) -> None:
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


def test_leading_axes() -> None:
    tables = np.random.default_rng(0).integers(0, 5, size=(3, 9, 9)).astype(float)
    together = class_scores(tables)
    for name in (*STRATEGY_F1, *STAGE_F1):
        assert together[name].tolist() == pytest.approx([float(class_scores(table)[name]) for table in tables])
