import numpy as np
import pytest
from scipy.optimize import check_grad

from corpus.strategy import Strategy
from env.seekers.retrieval.intensity import IntensityModel, _loss, bounds_of_answers, fit_intensity_model, offers
from env.seekers.retrieval.strategy_tracks import StrategyTracks

Q, A = Strategy.QUESTION, Strategy.AFFIRMATION


def model(*, decay: float = 0.5) -> IntensityModel:
    return IntensityModel(np.ones((2, 8)), np.array(decay), np.array(0.0), np.array(0.5), np.array(2.0))


def test_offers_by_hand() -> None:
    row = offers(StrategyTracks.of([[(Q,), (Q,), (Q, A), (Q,), (Q,)]]), decay=0.5)[0]
    assert row[Q] == pytest.approx(0.5 + 0.25 + 0.125 / np.sqrt(2) + 0.0625)
    assert row[A] == pytest.approx(0.5 / np.sqrt(2))
    assert row[8 + Q] == pytest.approx(0.03125)  # the fifth turn is late
    assert offers(StrategyTracks.of([[(Q,)] * 3]), decay=1.0)[0, Q] == 3


def test_bounds_by_hand() -> None:
    bounds = bounds_of_answers(np.array([4, 4, 4, 4, 2]), np.array([2, 4, 5, 0, 0]))
    assert bounds[0] == pytest.approx([np.log(2), np.log(4)])
    assert bounds[1] == pytest.approx([0, np.log(4 / 3)])
    assert bounds[2] == pytest.approx(bounds[1])  # worse counts as no step down
    assert bounds[3] == pytest.approx([0, np.log(2)])  # anything but a success
    assert bounds[4] == pytest.approx([0, np.log(2)])


def test_probabilities_of_answers_agree_with_simulated_seekers() -> None:
    rng = np.random.default_rng(0)
    relief = 0.9
    intensity = 4 * np.exp(-rng.gamma(2.0, 0.5, 200_000) * relief)
    answers = np.bincount(np.maximum(1, np.ceil(intensity)).astype(int), minlength=6)[1:] / 200_000
    claimed = model().answer_probabilities(np.array([4]), np.array([relief]))
    assert claimed[0] == pytest.approx(answers, abs=0.005)
    assert claimed.sum() == pytest.approx(1)
    success = model().success_probability(np.array([4, 2]), np.array([relief, relief]))
    assert success[0] == pytest.approx(answers[:2].sum(), abs=0.005)
    assert success[1] == pytest.approx(model().answer_probabilities(np.array([2]), np.array([relief]))[0, 0])


def test_repeating_adds_less_and_less_and_stars_help() -> None:
    tracks = StrategyTracks.of([[(Q,)] * n for n in range(1, 9)])
    ones, zeros = np.ones(8), np.zeros(8)
    relief = model().relief(tracks, ones, zeros, 4 * ones)
    gains = np.diff(relief)
    assert (gains > 0).all() and (np.diff(gains) < 0).all()
    assert (model().relief(tracks, ones, zeros, 5 * ones) > relief).all()
    assert (model().relief(tracks, 0.5 * ones, zeros, 4 * ones) < relief).all()


def test_gradient() -> None:
    rng = np.random.default_rng(1)
    offered, quality = rng.random((30, 16)), rng.normal(size=(30, 2))
    bounds = bounds_of_answers(rng.integers(2, 6, 30), rng.integers(0, 6, 30))
    start = 0.3 * rng.normal(size=27)
    loss = lambda x: _loss(x, offered, quality, bounds)  # noqa: E731
    assert check_grad(lambda x: loss(x)[0], lambda x: loss(x)[1], start) < 1e-2


def test_the_truth_is_found_again() -> None:
    rng = np.random.default_rng(2)
    tracks = StrategyTracks.of(
        [[(Strategy(int(s)),) for s in rng.choice(rng.choice(8, rng.integers(1, 6)), 8)] for _ in range(600)]
    )
    stars, ones = rng.uniform(2, 5, 600), np.ones(600)
    initial = rng.integers(3, 6, 600)
    relief = model().relief(tracks, ones, 0 * ones, stars)
    intensity = initial * np.exp(-rng.gamma(2.0, 0.5, 600) * relief)
    final = np.maximum(1, np.ceil(intensity)).astype(int)
    found, posterior = fit_intensity_model(tracks, 0 * ones, stars, initial=initial, final=final)
    assert float(found.decay) < 1 and posterior[1.0] < max(posterior.values()) - 5  # wearing off is found
    assert float(found.liking) == pytest.approx(0.5, abs=0.2)
    assert float(found.shape) == pytest.approx(2.0, abs=0.8)
