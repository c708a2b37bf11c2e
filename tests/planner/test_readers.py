"""The encoders of all folds: who predicts what, and back from a file."""

from pathlib import Path

import numpy as np
import pytest
import torch

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from encoding.plan_codec import STOP
from planner.base_models.fine_tuned_encoder import (
    MULTI_STRATEGY,
    FineTunedEncoder,
    FineTunedEncoders,
    FrozenLayers,
    HistoryTokens,
)
from tests.planner.toy_encoder import ToyEncoder, ToyTokenizer, toy_transformer

_SEEKER = Message(Role.SEEKER, "i feel low")
_HISTORIES: list[list[Message]] = [
    [_SEEKER],
    [_SEEKER, Message(Role.SUPPORTER, "why is that ?", Strategy.QUESTION)],
    [],
    [Message(Role.SUPPORTER, "hello", Strategy.OTHERS), Message(Role.SEEKER, "hi , my boss yelled at me again")],
]


def _encoder(*, seed: int) -> FineTunedEncoder:
    """Trained somehow, each otherwise."""
    encoder = FineTunedEncoder(FrozenLayers(toy_transformer(), frozen_layers=1), dropout=0.0).eval()
    generator = torch.Generator().manual_seed(seed)
    for value in encoder.tuned().values():
        value.add_(0.3 * torch.randn(value.shape, generator=generator))
    return encoder


def _encoders(count: int = 3) -> FineTunedEncoders:
    return FineTunedEncoders([_encoder(seed=seed) for seed in range(count)], HistoryTokens(ToyTokenizer(), tokens=32))


def test_of_new_dialogues_all_answer_of_training_dialogues_only_those_trained_without_them() -> None:
    encoders = _encoders()
    alone = [
        FineTunedEncoders([_encoder(seed=seed)], HistoryTokens(ToyTokenizer(), tokens=32)).predict(_HISTORIES)
        for seed in range(3)
    ]
    new = encoders.predict(_HISTORIES)
    np.testing.assert_allclose(
        np.exp(new[:, :MULTI_STRATEGY]), np.mean(np.exp(alone), axis=0)[:, :MULTI_STRATEGY], atol=1e-5
    )
    np.testing.assert_allclose(new[:, MULTI_STRATEGY], np.mean(alone, axis=0)[:, MULTI_STRATEGY], atol=1e-5)
    fold = np.array([2, 0, 2, 1])
    out_of_fold = encoders.predict(_HISTORIES, fold=fold)
    for number, part in enumerate(fold):
        # Rows that are filled up otherwise differ in bf16's rounding.
        np.testing.assert_allclose(out_of_fold[number], alone[part][number], atol=2e-2)
        for other in set(range(3)) - {part}:
            assert np.abs(out_of_fold[number] - alone[other][number]).max() > 0.1


@pytest.mark.parametrize("fold", [None, np.array([1, 0, 0, 1])])
def test_probabilities_are_normalised_and_stop_needs_something_said(fold: np.ndarray | None) -> None:
    predictions = _encoders().predict(_HISTORIES, fold=fold)
    assert predictions.shape == (4, 10)
    assert predictions.dtype == np.float32
    np.testing.assert_allclose(np.exp(predictions[:, :MULTI_STRATEGY]).sum(1), 1.0, atol=1e-5)
    assert (predictions[:, STOP] > -19).tolist() == [False, True, False, False]
    assert predictions[:, :MULTI_STRATEGY].min() == pytest.approx(-20.0)


def test_answers_are_in_the_order_of_the_questions() -> None:
    encoders, histories = _encoders(2), _HISTORIES * 40  # more than a batch, sorted by length within
    predictions = encoders.predict(histories)
    np.testing.assert_allclose(predictions, np.tile(encoders.predict(_HISTORIES), (40, 1)), atol=2e-2)


def test_nothing_asked_nothing_answered() -> None:
    assert _encoders().predict([]).shape == (0, 10)


def test_saved_encoders_answer_alike(tmp_path: Path) -> None:
    encoders = _encoders()
    encoders.save(tmp_path / "readers.safetensors")
    loaded = FineTunedEncoders.load(tmp_path / "readers.safetensors", ToyEncoder(), folds=3, tokens=32, frozen_layers=1)  # type: ignore[arg-type]
    np.testing.assert_array_equal(loaded.predict(_HISTORIES), encoders.predict(_HISTORIES))


def test_other_encoders_are_refused(tmp_path: Path) -> None:
    _encoders().save(tmp_path / "readers.safetensors")
    with pytest.raises(ValueError, match="fine-tuned encoder: got"):
        FineTunedEncoders.load(tmp_path / "readers.safetensors", ToyEncoder(), folds=3, tokens=32, frozen_layers=0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fine-tuned encoder: got 0 weights"):
        FineTunedEncoders.load(tmp_path / "readers.safetensors", ToyEncoder(), folds=4, tokens=32, frozen_layers=1)  # type: ignore[arg-type]
