import numpy as np
import pytest

from metrics.strategy.classification import confusion_f1
from planner.policy.decoding import fit_offsets, with_offsets


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
