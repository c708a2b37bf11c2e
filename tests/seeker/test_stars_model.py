import numpy as np
import pytest
from scipy.optimize import check_grad

from env.seekers.retrieval.stars import STARS, StarsModel, _loss


def test_gradient() -> None:
    rng = np.random.default_rng(0)
    features, stars = rng.normal(size=(40, 3)), rng.integers(1, 6, 40)
    start = np.array([0.2, -0.1, 0.3, -2.0, 0.1, 0.2, -0.1])
    loss = lambda x: _loss(x, features, stars)  # noqa: E731
    assert check_grad(lambda x: loss(x)[0], lambda x: loss(x)[1], start) < 1e-3


def test_what_generated_the_ratings_is_found_again() -> None:
    rng = np.random.default_rng(1)
    features = rng.normal(size=(4000, 3))
    dialogue = np.repeat(np.arange(500), 8)
    latent = 1.0 * features[:, 0] + rng.logistic(size=4000) + rng.normal(0, 1.5, 500)[dialogue]
    stars = 1 + np.searchsorted([-3.0, -1.5, 0.0, 1.5], latent)
    model = StarsModel.fit(features, stars, dialogue)
    assert model.weight == pytest.approx([1.0, 0, 0], abs=0.15)
    assert float(model.generosity) == pytest.approx(1.5, abs=0.25)
    shares = np.bincount(stars, minlength=6)[1:] / 4000
    assert model.marginal_probabilities(features).mean(axis=0) == pytest.approx(shares, abs=0.02)


def test_generous_seekers_give_more_stars() -> None:
    model = StarsModel(np.array([1.0]), np.array([-2.0, -1.0, 0.0, 1.0]), np.array(1.0))
    features = np.zeros((3, 1))
    expected = model.probabilities(features, np.array([-2.0, 0.0, 2.0])) @ STARS
    assert (np.diff(expected) > 0).all()
    probabilities = model.probabilities(features, 0.0)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert probabilities[0, 4] == pytest.approx(1 / (1 + np.e))


def test_ratings_that_are_all_alike_are_refused() -> None:
    with pytest.raises(ValueError, match="feedback model: fewer than two different ratings in training"):
        StarsModel.fit(np.zeros((4, 2)), np.full(4, 5), np.arange(4))
