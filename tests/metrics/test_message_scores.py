"""Protocol message: a hand-worked table, scikit-learn, and resamples against literally repeated dialogues."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from metrics.statistics.bootstrap import estimates, resample_weights
from metrics.strategy.classification import STAGE_F1, STRATEGY_F1
from metrics.strategy.scores import message_tally

SETTINGS = settings(max_examples=25, deadline=None)
labels = st.integers(0, 7)
items = st.lists(st.tuples(labels, labels, st.integers(0, 3)), min_size=1, max_size=40)


def _score(gold: list[int], predicted: list[int], dialogue: list[int], samples: int = 20) -> dict[str, float]:
    scores = estimates(message_tally(gold, predicted, dialogue), rng=np.random.default_rng(0), samples=samples)
    return {metric: estimate.value for metric, estimate in scores.items()}


def test_hand_worked_table() -> None:
    # gold 0 0 0 1 1 2 / predicted 0 0 1 1 2 2: four of six right.
    # F1: class 0 2*2/(3+2) = 0.8, class 1 2*1/(2+2) = 0.5, class 2 2*1/(1+2) = 2/3, classes 3..7 0.
    # macro (0.8 + 0.5 + 2/3) / 8; weighted (3*0.8 + 2*0.5 + 1*2/3) / 6; each class predicted twice: log2(3) bits.
    scores = _score([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 2], [1, 1, 1, 2, 2, 2])
    shown = ("accuracy", "macro_f1", "weighted_f1", "preference_bias", "entropy")
    assert set(scores) == {*shown, *STRATEGY_F1, *STAGE_F1}
    assert [scores[name] for name in STRATEGY_F1] == pytest.approx([80, 50, 200 / 3, 0, 0, 0, 0, 0])
    assert scores["accuracy"] == pytest.approx(66.6667, abs=1e-4)
    assert scores["macro_f1"] == pytest.approx(24.5833, abs=1e-4)
    assert scores["weighted_f1"] == pytest.approx(67.7778, abs=1e-4)
    assert scores["entropy"] == pytest.approx(math.log2(3))


def test_bias_has_gold_in_rows() -> None:
    # One 0 called 1, two 1s called 0 (see test_confusion): sqrt(7)/9; with gold and predicted swapped sqrt(7)/15.
    assert _score([0, 1, 1], [1, 0, 0], [1, 1, 1])["preference_bias"] == pytest.approx(math.sqrt(7) / 9, abs=1e-5)


def test_one_message() -> None:
    scores = _score([5], [5], [1])
    expected = {"accuracy": 100.0, "macro_f1": 12.5, "weighted_f1": 100.0, "preference_bias": 0.0, "entropy": 0.0}
    assert {metric: scores[metric] for metric in expected} == pytest.approx(expected)
    assert _score([5], [4], [1])["accuracy"] == 0.0


@SETTINGS
@given(items)
def test_equals_scikit_learn(rows: list[tuple[int, int, int]]) -> None:
    gold, predicted, dialogue = (list(column) for column in zip(*rows, strict=True))
    scores = _score(gold, predicted, dialogue, samples=2)
    f1 = {
        average: 100.0 * f1_score(gold, predicted, labels=range(8), average=average, zero_division=0)
        for average in ("macro", "weighted")
    }
    assert scores["accuracy"] == pytest.approx(100.0 * accuracy_score(gold, predicted))
    assert scores["macro_f1"] == pytest.approx(f1["macro"])
    assert scores["weighted_f1"] == pytest.approx(f1["weighted"])


@SETTINGS
@given(items, st.randoms(use_true_random=False))
def test_order_of_messages_and_names_of_dialogues_do_not_matter(rows: list, random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    renamed = [(gold, predicted, 100 + dialogue) for gold, predicted, dialogue in shuffled]
    first, second = (
        estimates(message_tally(*zip(*order, strict=True)), rng=np.random.default_rng(3), samples=30)
        for order in (rows, renamed)
    )
    assert first == second


@SETTINGS
@given(items)
def test_perfect_predictions_and_bounds(rows: list[tuple[int, int, int]]) -> None:
    gold, predicted, dialogue = (list(column) for column in zip(*rows, strict=True))
    perfect = _score(gold, gold, dialogue, samples=2)
    assert perfect["accuracy"] == perfect["weighted_f1"] == pytest.approx(100.0)
    assert perfect["macro_f1"] == pytest.approx(100.0 * len(set(gold)) / 8)
    assert perfect["preference_bias"] == pytest.approx(0.0, abs=1e-4)
    for estimate in estimates(
        message_tally(gold, predicted, dialogue), rng=np.random.default_rng(0), samples=10
    ).values():
        assert 0.0 <= estimate.low <= estimate.high <= 100.0 + 1e-9


def test_a_resample_scores_like_its_dialogues_repeated() -> None:
    rng = np.random.default_rng(5)
    gold, predicted, dialogue = (rng.integers(0, high, size=50) for high in (8, 8, 6))
    tally = message_tally(gold, predicted, dialogue)
    weights = resample_weights(6, rng=rng, samples=10)
    resampled = tally.formula(weights @ tally.totals)
    for sample, row in enumerate(weights.astype(int)):
        repeated = np.repeat(np.arange(50), row[dialogue])
        expected = _score(gold[repeated], predicted[repeated], dialogue[repeated], samples=1)
        for metric, value in expected.items():
            assert resampled[metric][sample] == pytest.approx(value)


def test_interval_contains_the_value_on_an_ordinary_corpus() -> None:
    rng = np.random.default_rng(2)
    gold, noise, dialogue = (rng.integers(0, high, size=1500) for high in (8, 3, 100))
    predicted = np.where(rng.random(1500) < 0.4, gold, noise)  # prefers classes 0..2
    for estimate in estimates(message_tally(gold, predicted, dialogue), rng=rng, samples=300).values():
        assert estimate.low < estimate.value < estimate.high


@pytest.mark.parametrize(
    ("gold", "predicted", "dialogue", "complaint"),
    [
        ([], [], [], "the corpus is empty"),
        ([0, 1], [0], [1, 1], "got 2 gold labels but 1 predicted"),
        ([0, 1], [0, 1], [1], "expected one for each of 2 items"),
        ([0, 8], [0, 1], [1, 1], "gold label 8 of item 1"),
        ([0, 1], [0, -1], [1, 1], "predicted label -1 of item 1"),
    ],
)
def test_wrong_input_is_refused_in_one_line(gold: list, predicted: list, dialogue: list, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        estimates(message_tally(gold, predicted, dialogue), rng=np.random.default_rng(0))
    assert "\n" not in str(caught.value)
