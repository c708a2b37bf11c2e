"""Plans and class offsets from probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoding.plan_codec import PlanCodec
from metrics.strategy.classification import confusion_f1
from metrics.strategy.edit_distance import levenshtein_ratio
from planner.config import PlanDecodingConfig
from planner.policy.decoding import PlanDecoder, fit_offsets, with_offsets

_CODEC = PlanCodec(2)
_DECODER = PlanDecoder(_CODEC, PlanDecodingConfig())
_MOST_PROBABLE = PlanDecoder(_CODEC, PlanDecodingConfig(rule="most-probable"))


def _distribution(weights: dict[tuple[int, ...], float]) -> np.ndarray:
    return np.array([[weights.get(plan, 0.0) for plan in _CODEC.plans]])


def test_expected_ratio_can_prefer_a_plan_that_is_never_most_probable() -> None:
    """(0): 0.4, (0, 1): 0.3, (2, 1): 0.3.

    Expected ratio of (0): 0.4 + 0.3 / 2 = 0.55; of (0, 1): 0.3 + 0.4 / 2 + 0.3 / 2 = 0.65: the near miss of both wins.
    """
    probabilities = _distribution({(0,): 0.4, (0, 1): 0.3, (2, 1): 0.3})
    assert _CODEC.plans[_MOST_PROBABLE.best(probabilities)[0]] == (0,)
    assert _CODEC.plans[_DECODER.best(probabilities)[0]] == (0, 1)


def test_never_the_empty_plan() -> None:
    probabilities = _distribution({(): 1.0})
    assert _CODEC.plans[_MOST_PROBABLE.best(probabilities)[0]] != ()
    assert _CODEC.plans[_DECODER.best(probabilities)[0]] != ()


def test_the_prefix_stays() -> None:
    probabilities = _distribution({(0,): 0.9, (3, 1): 0.06, (3,): 0.04})
    assert _CODEC.plans[_MOST_PROBABLE.best(probabilities, prefix=(3,))[0]] == (3, 1)
    assert _CODEC.plans[_DECODER.best(probabilities, prefix=(3, 5))[0]] == (3, 5)


def test_plans_that_contradict_the_prefix_do_not_count() -> None:
    """After (3): (3) has 0.2 and (3, 1) has 0.3; the improbable prefix must not be weighed by the 0.5 elsewhere."""
    probabilities = _distribution({(0,): 0.5, (3,): 0.2, (3, 1): 0.3})
    assert _CODEC.plans[_DECODER.best(probabilities, prefix=(3,))[0]] == (3, 1)


@given(st.integers(0, 2**32 - 1))
def test_chosen_plan_has_the_highest_expected_ratio(seed: int) -> None:
    probabilities = np.random.default_rng(seed).dirichlet(np.full(len(_CODEC.plans), 0.1))[None]
    expected = [
        sum(p * levenshtein_ratio(plan, gold) for p, gold in zip(probabilities[0], _CODEC.plans, strict=True))
        for plan in _CODEC.plans[1:]
    ]
    chosen = _DECODER.best(probabilities)[0] - 1
    assert expected[chosen] == pytest.approx(max(expected), abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.floats(0, 5), st.floats(0, 5))
def test_weights_are_added_for_an_exact_match(seed: int, weight: float, multi: float) -> None:
    probabilities = np.random.default_rng(seed).dirichlet(np.full(len(_CODEC.plans), 0.1))[None]
    expected = [
        (weight + multi * (len(plan) > 1)) * probabilities[0, number]
        + sum(p * levenshtein_ratio(plan, gold) for p, gold in zip(probabilities[0], _CODEC.plans, strict=True))
        for number, plan in enumerate(_CODEC.plans)
    ][1:]
    decoder = PlanDecoder(_CODEC, PlanDecodingConfig(exact_weight=weight, multi_strategy_weight=multi))
    chosen = decoder.best(probabilities)[0] - 1
    assert expected[chosen] == pytest.approx(max(expected), abs=1e-5)


@given(st.integers(0, 2**32 - 1))
def test_a_huge_exact_weight_makes_the_most_probable_plan(seed: int) -> None:
    probabilities = np.random.default_rng(seed).dirichlet(np.full(len(_CODEC.plans), 0.1), size=3)
    decoder = PlanDecoder(_CODEC, PlanDecodingConfig(exact_weight=1e6))
    for prefix in [(), (3,), (3, 1)]:
        np.testing.assert_array_equal(
            probabilities[np.arange(3), decoder.best(probabilities, prefix=prefix)],
            probabilities[np.arange(3), _MOST_PROBABLE.best(probabilities, prefix=prefix)],
        )


def test_more_exact_weight_means_shorter_plans_where_they_are_more_probable() -> None:
    """As above: the near miss (0, 1) is 0.1 ahead in expected ratio, (0) is 0.1 ahead in probability."""
    probabilities = _distribution({(0,): 0.4, (0, 1): 0.3, (2, 1): 0.3})
    for weight, plan in [(0.0, (0, 1)), (0.9, (0, 1)), (1.1, (0,))]:
        assert _CODEC.plans[PlanDecoder(_CODEC, PlanDecodingConfig(exact_weight=weight)).best(probabilities)[0]] == plan


def _macro_f1(gold: np.ndarray, predicted: np.ndarray) -> float:
    table = np.zeros((8, 8))
    np.add.at(table, (gold, predicted), 1)
    return float(confusion_f1(table).mean())


def test_a_rare_class_that_is_always_outvoted_gets_its_share() -> None:
    """Class 1 is right where its probability is 0.4 against 0.5: only an offset above ln(0.5 / 0.4) helps."""
    rare, frequent = np.full(8, 1e-3), np.full(8, 1e-3)
    rare[[0, 1]] = 0.5, 0.4
    frequent[[0, 1]] = 0.9, 0.09
    probabilities = np.stack([rare] * 20 + [frequent] * 80)
    gold = np.array([1] * 20 + [0] * 80)
    offsets = fit_offsets(np.log(probabilities), gold)
    assert np.log(5 / 4) < offsets[1] - offsets[0] < np.log(10)
    assert with_offsets(probabilities, offsets).argmax(axis=1).tolist() == gold.tolist()


def test_offsets_never_lower_the_objective_and_have_mean_zero() -> None:
    rng = np.random.default_rng(0)
    gold = rng.integers(8, size=400)
    probabilities = rng.dirichlet(np.full(8, 0.5), size=400)
    probabilities[np.arange(400), gold] += 0.3
    probabilities[:, 0] += 0.2
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    offsets = fit_offsets(np.log(probabilities), gold)
    assert offsets.mean() == pytest.approx(0.0)
    assert offsets[0] < 0  # the class that everything leans to is held back
    shifted = with_offsets(probabilities, offsets)
    assert _macro_f1(gold, shifted.argmax(axis=1)) > _macro_f1(gold, probabilities.argmax(axis=1))


def test_shifted_probabilities_by_hand() -> None:
    probabilities = np.array([[0.5, 0.5, 0, 0, 0, 0, 0, 0]])
    shifted = with_offsets(probabilities, np.array([np.log(3), 0, 0, 0, 0, 0, 0, 0]))
    assert shifted[0, :2] == pytest.approx([0.75, 0.25])
