from typing import Any

import numpy as np
import pytest
import torch

from encoding.observation import Observer, plan_features_size
from encoding.tfidf import JoinedEncoder, TfidfEncoder
from planner.base_models.ensemble import BaseModel, EnsembleShape, TrainingData, base_models
from planner.base_models.linear import DecisionRegression
from planner.config import EnsembleConfig
from planner.decisions import Decisions
from tests.planner.toy_task import FakeTextEncoder, toy_dialogues

_TRAIN = toy_dialogues(20, seed=0)
_EMBEDDER = JoinedEncoder(FakeTextEncoder(), TfidfEncoder(_TRAIN, words=20))
_OBSERVER = Observer(_EMBEDDER, window=2)


def _fit(name: str, decisions: Decisions, fold: np.ndarray) -> BaseModel:
    shape = EnsembleShape(
        history=_OBSERVER.history_size,
        plan=plan_features_size(3),
        embedding=_EMBEDDER.meaning.dimension,
        words=_EMBEDDER.words.dimension,
        window=2,
        folds=2,
        networks=2,
        width=4,
        reasoning=0,
    )
    model = base_models()[name](shape, EnsembleConfig())
    nothing: Any = None  # linear models have no epochs to select and no state to save
    model.fit(TrainingData(decisions, fold, None, nothing, EnsembleConfig(), 0, nothing, nothing))
    return model


@pytest.mark.parametrize("name", ["linear-embedding", "linear-words"])
def test_linear_models_are_the_regressions_on_their_columns_without_their_fold(name: str) -> None:
    decisions = Decisions.collect(_TRAIN, observer=_OBSERVER)
    fold = decisions.dialogue % 2
    model = _fit(name, decisions, fold)
    features = np.concatenate([decisions.history[:, model.columns.numpy()][decisions.row], decisions.plan], axis=1)
    for part in range(2):
        others = fold[decisions.row] != part
        regression = DecisionRegression(features[others], decisions.decision[others], name="toy")
        constant = np.ones((len(features), 1), np.float32)
        logits = torch.from_numpy(np.concatenate([features, constant], axis=1)) @ model.weight[part]
        np.testing.assert_allclose(logits.softmax(-1).numpy(), regression.probabilities(features), atol=1e-5)
        assert (logits.argmax(1).numpy() == decisions.decision)[~others].mean() > 0.6  # of the unseen part


def test_a_fold_without_which_all_decisions_are_alike_is_refused() -> None:
    decisions = Decisions.collect(_TRAIN, observer=_OBSERVER)
    fold = np.zeros(len(decisions.history), np.int64)
    fold[decisions.row[decisions.decision == 2]] = 1  # model 0 sees reflections only
    keep = (fold[decisions.row] == 0) | (decisions.decision == 2)
    alike = {name: getattr(decisions, name)[keep] for name in ("row", "slots", "decision")}
    with pytest.raises(ValueError, match="linear-embedding: all training decisions are alike"):
        _fit("linear-embedding", Decisions(**{**vars(decisions), **alike}), fold)
