from pathlib import Path

import numpy as np
import pytest

from env.seekers.retrieval.config import SeekerConfig, divide_failed
from env.seekers.retrieval.fit_quality import fit_quality, fit_quality_lines
from env.seekers.retrieval.models import SeekerModels, fit_seeker
from tests.seeker.supporter_corpus import HashTextEncoder, corpus

CONFIG = SeekerConfig(components=6, folds=2)


@pytest.fixture(scope="module")
def models() -> SeekerModels:
    good, failed = corpus(good=60, failed=20)
    return fit_seeker(good, failed, text_encoder=HashTextEncoder(), config=CONFIG)


def test_failures_are_told_from_successes_on_unseen_conversations(models: SeekerModels) -> None:
    good, _ = corpus(good=60, failed=20)
    valid, held_out = corpus(good=30, failed=30, seed=9)
    rng = np.random.default_rng(0)
    figures = fit_quality(models, good, valid, held_out, text_encoder=HashTextEncoder(), rng=rng, samples=20)
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
    fitted = fit_seeker(good, [], text_encoder=HashTextEncoder(), config=CONFIG)
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
