"""Fine-tuning: encoders learn, each from the other folds, and a killed run ends alike."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from corpus.dialogue import Dialogue, Message
from corpus.strategy import Strategy
from planner.base_models.ensemble import fold_of_dialogues
from planner.base_models.fine_tuned_encoder import FineTunedEncoder
from planner.base_models.fine_tuning import fine_tune_encoders
from planner.checkpoint import Checkpoint
from planner.config import PlannerConfig
from planner.decisions import Decisions
from planner.training_log import TrainingLog
from tests.planner.toy_encoder import ToyEncoder
from tests.planner.toy_task import SMALL, changed, observer, toy_dialogues

_TRAIN, _VALID = toy_dialogues(12, seed=0), toy_dialogues(3, seed=1)
_FOLD = fold_of_dialogues(len(_TRAIN), folds=2, seed=0)
_CONFIG = changed(
    SMALL,
    fine_tuning__epochs=2,
    fine_tuning__tokens=32,
    fine_tuning__frozen_layers=1,
    fine_tuning__rate=3e-3,
    fine_tuning__dropout=0.1,
)


def _train(
    folder: Path, train: tuple[Dialogue, ...] = _TRAIN, *, config: PlannerConfig = _CONFIG, seed: int = 0
) -> tuple[list[FineTunedEncoder], TrainingLog]:
    data, held_out = (Decisions.collect(split, observer=observer()) for split in (train, _VALID))
    log = TrainingLog(folder)
    encoder: Any = ToyEncoder()
    encoders = fine_tune_encoders(
        encoder,
        data,
        held_out,
        fold=_FOLD[data.dialogue],
        config=config.fine_tuning,
        seed=seed,
        folder=folder / "encoders",
        log=log,
    )
    log.close()
    return encoders, log


def _alike(first: FineTunedEncoder, second: FineTunedEncoder) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first.tuned().values(), second.tuned().values(), strict=True))


def test_encoders_learn_the_toy_world(tmp_path: Path) -> None:
    config = changed(_CONFIG, fine_tuning__epochs=15, fine_tuning__rate=1e-2)
    encoders, log = _train(tmp_path, config=config)
    assert len(encoders) == 2
    assert not any(encoder.training for encoder in encoders)
    curve = log.curves["reader/valid_loss"]
    assert sorted(curve) == list(range(1, 31))  # counted through both folds
    assert max(curve[15], curve[30]) < 0.6 * min(curve[1], curve[16])
    assert log.curves["reader/train_loss"][30] < 0.6 * log.curves["reader/train_loss"][16]


def test_a_part_does_not_teach_an_encoder_trained_without_it(tmp_path: Path) -> None:
    def changed(dialogue: Dialogue) -> Dialogue:
        messages = [
            Message(m.role, f"{m.text} again", None if m.strategy is None else Strategy((m.strategy + 3) % 8))
            for m in dialogue.messages
        ]
        return dataclasses.replace(dialogue, messages=tuple(messages))

    other = tuple(changed(dialogue) if part == 1 else dialogue for dialogue, part in zip(_TRAIN, _FOLD, strict=True))
    before, _ = _train(tmp_path / "before")
    after, _ = _train(tmp_path / "after", other)
    assert _alike(before[1], after[1])
    assert not _alike(before[0], after[0])


@pytest.mark.parametrize("kills", [(1,), (2, 1), (3,)])
def test_killed_encoders_end_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: tuple[int, ...]) -> None:
    """Two folds of two epochs: a state is saved after each of the four."""
    whole, log = _train(tmp_path / "whole")
    save = Checkpoint.save
    for kill in kills:
        left = [kill]

        def save_and_die(self: Checkpoint, values, *, tensors, left=left) -> None:  # type: ignore[no-untyped-def]
            save(self, values, tensors=tensors)
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Checkpoint, "save", save_and_die)
            _train(tmp_path / "killed")
    resumed, again = _train(tmp_path / "killed")
    assert all(map(_alike, whole, resumed))
    assert again.curves["reader/valid_loss"] == pytest.approx(log.curves["reader/valid_loss"])


def test_same_seed_same_encoders_other_seed_others(tmp_path: Path) -> None:
    config = changed(_CONFIG, fine_tuning__epochs=1)
    (first, _), (second, _), (other, _) = (
        _train(tmp_path / str(number), config=config, seed=seed) for number, seed in enumerate((0, 0, 1))
    )
    assert all(map(_alike, first, second))
    assert not any(map(_alike, first, other))
    assert not _alike(first[0], first[1])
