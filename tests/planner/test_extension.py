"""A baseline and a base model are one file each."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import planner.base_models
import planner.baselines
from corpus.strategy import Strategy
from planner.baselines.ladder import fit_ladder
from planner.planner import StrategyPlanner
from planner.training import train_planner
from tests.hash_encoder import HashEncoder
from tests.planner.toy_task import SMALL, changed, observer, toy_dialogues

BASELINE = """
import numpy as np
from corpus.strategy import Strategy
from planner.baselines.ladder import Baseline
from planner.plan import Plan

class Listener:
    name = "listener"
    def plans(self, histories):
        return [Plan((Strategy.REFLECTION,), self.strategy_probabilities([one]), self.name) for one in histories]
    def strategy_probabilities(self, histories):
        return np.tile(np.eye(8)[Strategy.REFLECTION], (len(histories), 1))

BASELINES = (Baseline("listener", lambda train, *, observer, seed: Listener()),)
"""
BASE_MODEL = """
import torch
from planner.base_models.ensemble import BaseModel

class Priors(BaseModel):
    name = "priors"
    def __init__(self, shape, config):
        super().__init__(shape, config)
        self.register_buffer("counts", torch.ones(shape.folds, 9))
    def fit(self, data):
        for fold in range(len(self.counts)):
            seen = torch.from_numpy(data.train.decision[data.fold[data.train.row] != fold])
            self.counts[fold] = 1 + torch.bincount(seen, minlength=9)
    def forward(self, history, plans, allowed, *, fold=None):
        weights = (self.counts.mean(0) if fold is None else self.counts[fold]) * allowed
        weights = weights.expand(len(history), *weights.shape[-2:])
        return weights / weights.sum(-1, keepdim=True), None

BASE_MODELS = (Priors,)
"""


@pytest.fixture()
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules count as those of ``planner.baselines`` and ``planner.base_models``."""
    for package in (planner.baselines, planner.base_models):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    yield tmp_path
    importlib.invalidate_caches()


def test_a_baseline_is_one_file(folder: Path) -> None:
    (folder / "listener.py").write_text(BASELINE)
    ladder = fit_ladder(toy_dialogues(10, seed=0), observer=observer(), seed=0)
    assert [one.name for one in ladder] == ["random", "majority", "markov", "tfidf", "embedding", "listener"]
    assert ladder[-1].plans([()])[0].strategies == (Strategy.REFLECTION,)


def test_a_base_model_is_one_file(folder: Path) -> None:
    (folder / "priors.py").write_text(BASE_MODEL)
    config = changed(SMALL, ensemble__models=("priors", "networks"), ensemble__epochs=1, ppo__steps=0)
    train, valid, run = toy_dialogues(8, seed=0), toy_dialogues(2, seed=1), folder / "run"
    trained = train_planner(train, valid, config=config, out=run, seed=0, text_encoder=HashEncoder())
    loaded = StrategyPlanner.load(run, text_encoder=HashEncoder())
    histories = [dialogue.messages[:3] for dialogue in valid]
    np.testing.assert_array_equal(trained.planner.predictions(histories), loaded.predictions(histories))
    with pytest.raises(ValueError, match=r"ensemble\.models: got 'nothing', expected some of linear-embedding"):
        wrong = changed(config, ensemble__models=("nothing",))
        train_planner(train, valid, config=wrong, out=folder / "other", seed=0, text_encoder=HashEncoder())
