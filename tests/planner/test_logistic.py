import numpy as np
import pytest

from planner.base_models.linear import DecisionRegression


def test_probabilities_are_scikit_learns_and_unseen_decisions_get_none() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 5)).astype(np.float32)
    decisions = np.array([0, 3, 8])[features[:, :3].argmax(axis=1)]
    fitted = DecisionRegression(features, decisions, name="toy")
    probabilities = fitted.probabilities(features)
    reference = LogisticRegression(C=0.1, tol=1e-3, max_iter=500).fit(features, decisions).predict_proba(features)
    assert probabilities[:, [0, 3, 8]] == pytest.approx(reference, abs=1e-4)
    assert probabilities[:, [1, 2, 4, 5, 6, 7]].max() < 1e-6
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(200))


def test_two_decisions() -> None:
    features = np.array([[-1.0], [1.0]] * 20, np.float32)
    fitted = DecisionRegression(features, np.array([2, 5] * 20), name="toy")
    probabilities = fitted.probabilities(features[:2])
    assert probabilities[0, 2] > 0.7 > 0.5 > probabilities[0, 5]
    assert probabilities[1, 5] == pytest.approx(probabilities[0, 2], abs=1e-4)


def test_one_decision_is_refused() -> None:
    with pytest.raises(ValueError, match="toy: all training decisions are alike"):
        DecisionRegression(np.ones((3, 1), np.float32), np.zeros(3, int), name="toy")
