"""Protocols message and turn: hand-worked tables, scikit-learn, resamples against repeated dialogues, real counts."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score

from corpus.strategy import Strategy
from metrics.statistics.bootstrap import estimates, resample_weights
from metrics.strategy.classification import STAGE_F1, STRATEGY_F1
from metrics.strategy.edit_distance import indel_ratio, levenshtein_ratio, levenshtein_ratio_table
from metrics.strategy.scores import message_tally, plan_tally

SETTINGS = settings(max_examples=25, deadline=None)
labels = st.integers(0, 7)
items = st.lists(st.tuples(labels, labels, st.integers(0, 3)), min_size=1, max_size=40)


def _message_scores(gold: list[int], predicted: list[int], dialogue: list[int], samples: int = 20) -> dict[str, float]:
    scores = estimates(message_tally(gold, predicted, dialogue), rng=np.random.default_rng(0), samples=samples)
    return {metric: estimate.value for metric, estimate in scores.items()}


def test_hand_worked_table() -> None:
    # gold 0 0 0 1 1 2 / predicted 0 0 1 1 2 2: four of six right.
    # F1: class 0 2*2/(3+2) = 0.8, class 1 2*1/(2+2) = 0.5, class 2 2*1/(1+2) = 2/3, classes 3..7 0.
    # macro (0.8 + 0.5 + 2/3) / 8; weighted (3*0.8 + 2*0.5 + 1*2/3) / 6; each class predicted twice: log2(3) bits.
    scores = _message_scores([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 2, 2], [1, 1, 1, 2, 2, 2])
    shown = ("accuracy", "macro_f1", "weighted_f1", "preference_bias", "entropy")
    assert set(scores) == {*shown, *STRATEGY_F1, *STAGE_F1}
    assert [scores[name] for name in STRATEGY_F1] == pytest.approx([80, 50, 200 / 3, 0, 0, 0, 0, 0])
    assert scores["accuracy"] == pytest.approx(66.6667, abs=1e-4)
    assert scores["macro_f1"] == pytest.approx(24.5833, abs=1e-4)
    assert scores["weighted_f1"] == pytest.approx(67.7778, abs=1e-4)
    assert scores["entropy"] == pytest.approx(math.log2(3))


@SETTINGS
@given(items)
def test_equals_scikit_learn(rows: list[tuple[int, int, int]]) -> None:
    gold, predicted, dialogue = (list(column) for column in zip(*rows, strict=True))
    scores = _message_scores(gold, predicted, dialogue, samples=2)
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
    perfect = _message_scores(gold, gold, dialogue, samples=2)
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
        expected = _message_scores(gold[repeated], predicted[repeated], dialogue[repeated], samples=1)
        for metric, value in expected.items():
            assert resampled[metric][sample] == pytest.approx(value)


@pytest.mark.parametrize(
    ("gold", "predicted", "dialogue", "complaint"),
    [
        ([0, 1], [0], [1, 1], "got 2 gold labels but 1 predicted"),
        ([0, 8], [0, 1], [1, 1], "gold label 8 of item 1"),
        ([0, 1], [0, -1], [1, 1], "predicted label -1 of item 1"),
    ],
)
def test_wrong_messages_are_refused_in_one_line(gold: list, predicted: list, dialogue: list, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        estimates(message_tally(gold, predicted, dialogue), rng=np.random.default_rng(0))
    assert "\n" not in str(caught.value)


gold_plans = st.lists(st.integers(0, 7), min_size=1, max_size=4).map(tuple)
any_plans = st.lists(st.integers(0, 7), max_size=4).map(tuple)
turns = st.lists(st.tuples(gold_plans, any_plans, st.integers(0, 3)), min_size=1, max_size=25)


def _plan_scores(gold: list, predicted: list, dialogue: list[int], samples: int = 5) -> dict[str, float]:
    scores = estimates(plan_tally(gold, predicted, dialogue), rng=np.random.default_rng(0), samples=samples)
    return {metric: estimate.value for metric, estimate in scores.items()}


GOLD = [(0,), (0, 4), (0, 4), (2,), (1,)]
PREDICTED = [(0,), (0,), (4, 0), (2, 2, 5), (1, 3)]
DIALOGUE = [1, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        # turn:                  1      2      3      4      5
        ("emr", 20.0),  #        1      0      0      0      0
        ("lr", 46.6667),  #      1      1/2    0      1/3    1/2
        ("lr_indel", 66.6667),  # 1     2/3    1/2    1/2    2/3
        ("ald", 0.8),  #         0      1      0      2      1
        ("set_f1", 80.0),  #     1      2/3    1      2/3    2/3
        ("emr_single", 33.3333),  # yes               no     no    (gold plans of one)
        ("emr_multi", 0.0),  #          no     no                  (gold plans of two or more)
        ("multi_rate", 60.0),  #               yes    yes    yes   (predicted plans of two or more)
        # Slots gold/predicted: 0/0 | 0/0, 4/- | 0/4, 4/0 | 2/2, -/2, -/5 | 1/1, -/3.
        # Gold counts 0:3, 4:2, 2:1, 1:1; predicted counts 0:3, 4:1, 2:2, 5:1, 1:1, 3:1.
        # F1: class 0 2*2/(3+3), class 2 2*1/(1+2), class 1 2*1/(1+1), all others 0: (2/3 + 2/3 + 1) / 8.
        ("macro_f1", 29.1667),
        # Slots of both plans are symmetric (0/4 and 4/0 once each).
        ("preference_bias", 0.0),
        # Predicted 3, 2 and four times 1 of 9.
        ("entropy", -(3 / 9 * math.log2(3 / 9) + 2 / 9 * math.log2(2 / 9) + 4 / 9 * math.log2(1 / 9))),
    ],
)
def test_hand_worked_table_of_plans(metric: str, value: float) -> None:
    assert _plan_scores(GOLD, PREDICTED, DIALOGUE)[metric] == pytest.approx(value, abs=1e-4)


def test_names_of_the_metrics() -> None:
    expected = "emr lr lr_indel ald set_f1 emr_single emr_multi multi_rate macro_f1 preference_bias entropy"
    scores = _plan_scores(GOLD, PREDICTED, DIALOGUE)
    assert set(scores) == {*expected.split(), *STRATEGY_F1, *STAGE_F1}
    assert sum(scores[name] for name in STRATEGY_F1) / 8 == pytest.approx(scores["macro_f1"])


def test_bias_has_gold_in_rows_and_sees_shared_slots_only() -> None:
    # 0/1 once and 1/0 twice: sqrt(7)/9 (see test_classification); the unpaired slots 1 and 0 change nothing.
    scores = _plan_scores([(0,), (1, 1), (1,)], [(1, 0, 0), (0,), (0,)], [1, 1, 1])
    assert scores["preference_bias"] == pytest.approx(math.sqrt(7) / 9, abs=1e-5)


def test_an_empty_prediction_matches_nothing() -> None:
    scores = _plan_scores([(3,)], [()], [1])
    assert math.isnan(scores.pop("emr_multi"))  # no gold plan of two or more: undefined
    assert scores == dict.fromkeys(scores, 0.0) | {"ald": 1.0}


@SETTINGS
@given(turns)
def test_equals_plain_means_and_scikit_learn_on_slots(rows: list) -> None:
    gold, predicted, dialogue = (list(column) for column in zip(*rows, strict=True))
    scores = _plan_scores(gold, predicted, dialogue, samples=1)
    pairs = list(zip(gold, predicted, strict=True))
    assert scores["emr"] == pytest.approx(100.0 * np.mean([a == b for a, b in pairs]))
    assert scores["lr"] == pytest.approx(100.0 * np.mean([levenshtein_ratio(a, b) for a, b in pairs]))
    assert scores["lr_indel"] == pytest.approx(100.0 * np.mean([indel_ratio(a, b) for a, b in pairs]))
    slots = [[plan[k] if k < len(plan) else 8 for plan in pair] for pair in pairs for k in range(max(map(len, pair)))]
    left, right = zip(*slots, strict=True)
    expected = f1_score(left, right, labels=range(8), average="macro", zero_division=0)
    assert scores["macro_f1"] == pytest.approx(100.0 * expected)


@SETTINGS
@given(turns)
def test_gold_against_itself_is_perfect(rows: list) -> None:
    gold, _, dialogue = (list(column) for column in zip(*rows, strict=True))
    scores = _plan_scores(gold, gold, dialogue, samples=1)
    for metric in ("emr", "lr", "lr_indel", "set_f1"):
        assert scores[metric] == pytest.approx(100.0)
    assert scores["ald"] == 0.0
    assert scores["multi_rate"] == pytest.approx(100.0 * np.mean([len(plan) > 1 for plan in gold]))
    assert scores["preference_bias"] == pytest.approx(0.0, abs=1e-4)


@SETTINGS
@given(turns)
def test_exact_match_splits_into_single_and_multi_and_never_beats_the_ratio(rows: list) -> None:
    gold, predicted, dialogue = (list(column) for column in zip(*rows, strict=True))
    scores = {
        metric: 0.0 if math.isnan(x) else x for metric, x in _plan_scores(gold, predicted, dialogue, samples=1).items()
    }
    single = np.mean([len(plan) == 1 for plan in gold])
    assert scores["emr"] == pytest.approx(single * scores["emr_single"] + (1 - single) * scores["emr_multi"])
    assert scores["emr"] <= scores["lr"] + 1e-9
    assert scores["lr"] <= scores["lr_indel"] + 1e-9  # LR <= LCS/max <= 2 LCS/sum


def test_a_resample_scores_like_its_dialogues_repeated_of_plans() -> None:
    rng = np.random.default_rng(5)
    gold, predicted = ([tuple(rng.integers(0, 8, size=rng.integers(1, 4))) for _ in range(40)] for _ in range(2))
    dialogue = np.arange(40) % 5
    tally = plan_tally(gold, predicted, dialogue)
    weights = resample_weights(5, rng=rng, samples=8)
    resampled = tally.formula(weights @ tally.totals)
    for sample, row in enumerate(weights.astype(int)):
        repeated = np.repeat(np.arange(40), row[dialogue])
        expected = _plan_scores(
            [gold[k] for k in repeated], [predicted[k] for k in repeated], dialogue[repeated], samples=1
        )
        for metric, value in expected.items():
            assert resampled[metric][sample] == pytest.approx(value)


@pytest.mark.parametrize(
    ("gold", "predicted", "dialogue", "complaint"),
    [
        ([(0,), (1,)], [(0,)], [1, 1], "got 2 gold plans but 1 predicted"),
        ([(0,), ()], [(0,), (1,)], [1, 1], "gold plan of item 1 is empty"),
        ([(0, 9)], [(0,)], [1], "gold label 9"),
        ([(0,)], [(0, 8)], [1], "predicted label 8"),
    ],
)
def test_wrong_input_is_refused_in_one_line_of_plans(
    gold: list, predicted: list, dialogue: list, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        estimates(plan_tally(gold, predicted, dialogue), rng=np.random.default_rng(0))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("a", "b", "ratio", "indel"),
    [
        ((), (), 1.0, 1.0),
        ((3,), (), 0.0, 0.0),  # 1 - 1/1; indel 1 - 1/1
        ((3,), (3,), 1.0, 1.0),
        ((3,), (4,), 0.0, 0.0),  # one substitution of 1; indel: delete + insert = 2 of 2
        ((0, 4), (0,), 1 / 2, 2 / 3),  # one deletion; 1 - 1/2; indel 1 - 1/3
        ((0, 4), (4, 0), 0.0, 1 / 2),  # two substitutions of 2; indel: delete 0, append 0 = 2 of 4
        ((2,), (2, 2, 5), 1 / 3, 1 / 2),  # two insertions; 1 - 2/3; 1 - 2/4
        ((0, 1, 2), (0, 5, 2), 2 / 3, 2 / 3),  # one substitution of 3; indel 2 of 6
        (tuple("kitten"), tuple("sitting"), 4 / 7, 8 / 13),  # textbook; LCS "ittn" = 4, 2*4/(6+7)
    ],
)
def test_hand_worked_edit_distances(a: tuple, b: tuple, ratio: float, indel: float) -> None:
    assert levenshtein_ratio(a, b) == pytest.approx(ratio)
    assert indel_ratio(a, b) == pytest.approx(indel)


@SETTINGS
@given(st.lists(any_plans, max_size=6), st.lists(any_plans, max_size=6))
def test_a_table_of_ratios_holds_the_ratio_of_each_pair(
    side_a: list[tuple[int, ...]], side_b: list[tuple[int, ...]]
) -> None:
    table = levenshtein_ratio_table(side_a, side_b)
    assert table.dtype == np.float32
    assert table.shape == (len(side_a), len(side_b))
    for row, a in enumerate(side_a):
        for column, b in enumerate(side_b):
            assert table[row, column] == np.float32(levenshtein_ratio(a, b))


@pytest.mark.real_data
def test_always_question_on_the_real_valid_split(esconv: Path) -> None:
    gold, dialogue = [], []
    for number, line in enumerate((esconv / "valid.txt").read_text(encoding="utf-8").splitlines()):
        plan: list[int] = []
        for message in [*json.loads(line)["dialog"], {"speaker": "usr"}]:
            if message["speaker"] == "sys":
                plan.append(Strategy.parse(message["strategy"]))
            elif plan:
                gold.append(tuple(plan))
                dialogue.append(number)
                plan = []
    scores = _plan_scores(gold, [(0,)] * len(gold), dialogue, samples=1)
    singles = [plan for plan in gold if len(plan) == 1]
    assert (len(gold), len(singles)) == (2257, 2257 - 423)
    assert scores["emr"] == pytest.approx(100.0 * singles.count((0,)) / 2257)
    assert scores["lr"] == pytest.approx(100.0 * sum((0 in plan) / len(plan) for plan in gold) / 2257)
    assert scores["multi_rate"] == scores["emr_multi"] == scores["entropy"] == 0.0
    assert _plan_scores(gold, gold, dialogue, samples=1)["multi_rate"] == pytest.approx(100.0 * 423 / 2257)
