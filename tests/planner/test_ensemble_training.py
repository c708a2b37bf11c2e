"""Training of the ensemble: predictions for a fold do not come from that fold."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from corpus.dialogue import Dialogue, Message
from corpus.strategy import Strategy
from encoding.observation import Observer
from encoding.reasoning_codec import ReasoningCodec
from encoding.tfidf import JoinedEncoder, TfidfEncoder
from planner.base_models.ensemble import Ensemble, fold_of_dialogues, train_ensemble
from planner.config import PlannerConfig
from planner.decisions import Decisions
from planner.plan_distribution import PlanSpace
from planner.training_log import TrainingLog
from tests.hash_encoder import HashEncoder
from tests.planner.toy_planner import toy_shape
from tests.planner.toy_task import SMALL, changed, toy_dialogues

_TRAIN, _VALID = toy_dialogues(24, seed=0), toy_dialogues(4, seed=1)
_JOINED = JoinedEncoder(HashEncoder(), TfidfEncoder(_TRAIN, words=SMALL.ensemble.words))
_OBSERVER = Observer(_JOINED, window=SMALL.window, max_strategies=SMALL.max_strategies)
_FOLD_OF_DIALOGUE = fold_of_dialogues(len(_TRAIN), folds=2, seed=0)

_SPACE = PlanSpace(_OBSERVER.codec)
# One epoch: which epoch is selected depends on all models together, on valid.
_ONE_EPOCH = changed(SMALL, ensemble__epochs=1, ensemble__dropout=0.2, ensemble__input_dropout=0.2)


def _collect(dialogues: tuple[Dialogue, ...], *, codec: ReasoningCodec | None = None) -> Decisions:
    return Decisions.collect(dialogues, observer=_OBSERVER, reasoning=codec)


def _train(
    folder: Path, dialogues: tuple[Dialogue, ...], *, config: PlannerConfig, codec: ReasoningCodec | None = None
) -> Ensemble:
    train = _collect(dialogues, codec=codec)
    log = TrainingLog(folder)
    network = train_ensemble(
        train,
        _collect(_VALID, codec=codec),
        shape=toy_shape(
            _OBSERVER,
            networks=config.ensemble.networks,
            width=config.ensemble.width,
            reasoning=codec.width if codec else 0,
        ),
        fold=_FOLD_OF_DIALOGUE[train.dialogue],
        reasoning=codec,
        config=config.ensemble,
        seed=0,
        folder=folder / "ensemble",
        log=log,
    )
    log.close()
    return network


def _predicted(network: Ensemble, history: np.ndarray, fold: int) -> torch.Tensor:
    with torch.no_grad():
        return network(torch.from_numpy(history), _SPACE.features, _SPACE.allowed, fold=fold)[0]


def _changed(dialogue: Dialogue) -> Dialogue:
    """Other words and other strategies, as many messages."""
    messages = [
        Message(m.role, f"quite {m.text} now", None if m.strategy is None else Strategy((m.strategy + 3) % 8))
        for m in dialogue.messages
    ]
    return dataclasses.replace(dialogue, messages=tuple(messages))


@pytest.mark.parametrize("part", [0, 1])
def test_predictions_for_a_fold_do_not_depend_on_it(tmp_path: Path, part: int) -> None:
    other = tuple(
        _changed(dialogue) if fold == part else dialogue
        for dialogue, fold in zip(_TRAIN, _FOLD_OF_DIALOGUE, strict=True)
    )
    before = _train(tmp_path / "before", _TRAIN, config=_ONE_EPOCH)
    after = _train(tmp_path / "after", other, config=_ONE_EPOCH)
    decisions = _collect(_TRAIN)
    rows = _FOLD_OF_DIALOGUE[decisions.dialogue] == part
    assert rows.any()
    unseen = decisions.history[rows]
    torch.testing.assert_close(_predicted(before, unseen, part), _predicted(after, unseen, part), rtol=0, atol=1e-6)
    gap = (_predicted(before, unseen, 1 - part) - _predicted(after, unseen, 1 - part)).abs().max()
    assert gap > 0.1  # the models that learn from the fold do change
    for name in ("linear-embedding.weight", "linear-words.weight", "networks.history_weight"):
        own, same = (network.state_dict()[f"models.{name}"][part::2] for network in (before, after))
        assert torch.allclose(own, same, atol=1e-6), name


def test_the_ensemble_learns_the_toy_world_out_of_fold(tmp_path: Path) -> None:
    """Out-of-fold predictions are as good as those for new dialogues."""
    network = _train(tmp_path, _TRAIN, config=changed(SMALL, ensemble__epochs=10, ensemble__rate=3e-2))
    decisions = _collect(_TRAIN)
    fold = _FOLD_OF_DIALOGUE[decisions.dialogue]
    rows = _SPACE.row_of_code[_OBSERVER.codec.code(decisions.slots)]
    for part in range(2):
        here = np.flatnonzero(fold[decisions.row] == part)
        predictions = _predicted(network, decisions.history[decisions.row[here]], part).numpy()
        predicted = predictions[np.arange(len(here)), rows[here]].argmax(1)
        assert (predicted == decisions.decision[here]).mean() > 0.9


def test_networks_learn_to_predict_reasoning(tmp_path: Path) -> None:
    """Need follows from the plan, which the toy seeker's words announce."""
    codec = ReasoningCodec.collect(_TRAIN)
    config = changed(SMALL, ensemble__epochs=10, ensemble__rate=3e-2)
    network = _train(tmp_path, _TRAIN, config=config, codec=codec)
    valid = _collect(_VALID, codec=codec)
    assert network.shape.reasoning == codec.width == 2 + 2 + 5 + 4 + 3
    history = torch.from_numpy(valid.history[valid.openings])
    with torch.no_grad():
        _, scores = network(history, _SPACE.features, _SPACE.allowed)
    need = scores.split(list(codec.sizes), dim=1)[3].argmax(1).numpy()
    labels = valid.reasoning[valid.openings, 3]
    asked = np.array([plan != (Strategy.OTHERS,) for plan in valid.plans])  # whose own words tell the need
    assert (need == labels)[asked].mean() > 0.85


def test_same_seed_same_ensemble(tmp_path: Path) -> None:
    first, second = (_train(tmp_path / name, _TRAIN, config=_ONE_EPOCH).state_dict() for name in ("first", "second"))
    assert all(torch.equal(first[name], second[name]) for name in first)
