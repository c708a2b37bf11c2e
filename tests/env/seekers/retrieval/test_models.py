"""The fitted models of a seeker: each one finds what invented data hide, and all of them travel through files."""

from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import check_grad

from corpus.strategy import Strategy
from env.seekers.retrieval import intensity
from env.seekers.retrieval import stars as stars_module
from env.seekers.retrieval.config import SeekerConfig, divide_failed
from env.seekers.retrieval.fit_quality import fit_quality, fit_quality_lines
from env.seekers.retrieval.intensity import IntensityModel, bounds_of_answers, fit_intensity_model, offers
from env.seekers.retrieval.models import SeekerModels, fit_seeker
from env.seekers.retrieval.stars import STARS, StarsModel
from env.seekers.retrieval.strategy_tracks import StrategyTracks
from env.seekers.retrieval.typicality import Typicality, cross_fitted
from tests.env.seekers.retrieval.supporter_corpus import corpus
from tests.hash_encoder import HashEncoder

Q, A, S = Strategy.QUESTION, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


def data(rng: np.random.Generator) -> tuple[np.ndarray, list[tuple[Strategy, ...]]]:
    state = rng.normal(size=(400, 2))
    return state, [(Q,) if row[0] + 0.3 * rng.normal() > 0 else (S,) for row in state]


def test_what_supporters_did_in_such_states_is_typical() -> None:
    model = Typicality.fit(*data(np.random.default_rng(0)))
    here = np.array([[2.0, 0.0]])
    assert model(here, [(Q,)])[0] > 0 > model(here, [(S,)])[0]
    assert model(here, [(Strategy.OTHERS,)])[0] == -6  # never seen, and bounded


def test_plans_sampled_from_the_model_score_zero_on_average() -> None:
    rng = np.random.default_rng(1)
    model = Typicality.fit(*data(rng))
    state = rng.normal(size=(1, 2)) * 0.1
    scores = {plan: float(model(state, [plan])[0]) for plan in ((Q,), (S,))}
    # log p + H: from the two scores follow p and H; their mean under p is 0.
    odds = np.exp(scores[(Q,)] - scores[(S,)])
    p = odds / (1 + odds)
    assert p * scores[(Q,)] + (1 - p) * scores[(S,)] == pytest.approx(0, abs=1e-6)


def test_cross_fitting_never_asks_a_model_about_its_own_dialogues() -> None:
    state, plans = data(np.random.default_rng(2))
    dialogue = np.arange(400) // 4
    values = cross_fitted(state, plans, dialogue, folds=5)
    training = dialogue % 5 != 3
    held = np.flatnonzero(~training)
    other = Typicality.fit(state[training], [plans[row] for row in np.flatnonzero(training)])
    assert values[held] == pytest.approx(other(state[held], [plans[row] for row in held]))


def test_one_strategy_only_is_refused() -> None:
    with pytest.raises(ValueError, match="all training messages have one strategy"):
        Typicality.fit(np.zeros((3, 2)), [(Q,)] * 3)


def test_gradient_of_the_stars_model() -> None:
    rng = np.random.default_rng(0)
    features, stars = rng.normal(size=(40, 3)), rng.integers(1, 6, 40)
    start = np.array([0.2, -0.1, 0.3, -2.0, 0.1, 0.2, -0.1])
    loss = lambda x: stars_module._loss(x, features, stars)  # noqa: E731
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


def test_gradient_of_the_intensity_model() -> None:
    rng = np.random.default_rng(1)
    offered, quality = rng.random((30, 16)), rng.normal(size=(30, 2))
    bounds = bounds_of_answers(rng.integers(2, 6, 30), rng.integers(0, 6, 30))
    start = 0.3 * rng.normal(size=27)
    loss = lambda x: intensity._loss(x, offered, quality, bounds)  # noqa: E731
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


CONFIG = SeekerConfig(components=6, folds=2)


@pytest.fixture(scope="module")
def models() -> SeekerModels:
    good, failed = corpus(good=60, failed=20)
    return fit_seeker(good, failed, text_encoder=HashEncoder(), config=CONFIG)


def test_failures_are_told_from_successes_on_unseen_conversations(models: SeekerModels) -> None:
    good, _ = corpus(good=60, failed=20)
    valid, held_out = corpus(good=30, failed=30, seed=9)
    rng = np.random.default_rng(0)
    figures = fit_quality(models, good, valid, held_out, text_encoder=HashEncoder(), rng=rng, samples=20)
    for label in (" (ratings known)", "", " (strategies alone)"):
        assert figures[f"failed or successful{label} AUC"].value > 0.9
    error = figures["feedback mean absolute error"]
    assert error.low <= error.value <= error.high
    lines = fit_quality_lines({name: estimate.as_json() for name, estimate in figures.items()})
    assert len(lines) == len(figures)


def test_saved_and_loaded_models_are_the_same(models: SeekerModels, tmp_path: Path) -> None:
    models.save(tmp_path)
    loaded = SeekerModels.load(tmp_path)
    assert loaded.fitted_on == models.fitted_on
    assert (loaded.intensity.worth == models.intensity.worth).all()
    assert float(loaded.intensity.decay) == float(models.intensity.decay)
    assert (loaded.stars.weight == models.stars.weight).all()
    assert (loaded.cadence == models.cadence).all()


def test_a_missing_or_damaged_seeker_is_one_line(models: SeekerModels, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no fitted seeker there"):
        SeekerModels.load(tmp_path)
    models.save(tmp_path)
    (tmp_path / "seeker.safetensors").write_bytes(b"no")
    with pytest.raises(ValueError, match="damaged seeker"):
        SeekerModels.load(tmp_path)


def test_ratings_come_every_second_turn_as_in_training(models: SeekerModels) -> None:
    assert models.cadence[0] < models.cadence[1]


def test_without_failures_small_falls_stand_in(caplog: pytest.LogCaptureFixture) -> None:
    good, _ = corpus(good=40, failed=0)
    fitted = fit_seeker(good, [], text_encoder=HashEncoder(), config=CONFIG)
    assert fitted.fitted_on.failed == 0
    assert "no failed conversations" in caplog.text


def test_failed_conversations_are_dealt_once() -> None:
    _, failed = corpus(good=0, failed=21)
    fitted, held_out = divide_failed(failed, share=0.5, rng=np.random.default_rng(3))
    assert len(fitted) == 10
    assert sorted(d.number for d in [*fitted, *held_out]) == [d.number for d in failed]
    assert [d.number for d in fitted] == sorted(d.number for d in fitted)


@pytest.mark.parametrize("wrong", [{"components": 0}, {"folds": 1}, {"failed_share": 1.0}])
def test_settings_check_themselves(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SeekerConfig(**wrong)  # type: ignore[arg-type]
