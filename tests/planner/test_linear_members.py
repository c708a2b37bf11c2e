import numpy as np
import pytest
import torch

from encoding.observation import Observer, plan_features_size
from encoding.tfidf import JoinedEncoder, TfidfEncoder
from planner.base_models.decisions import Decisions
from planner.base_models.ensemble import EnsembleNetwork, EnsembleShape
from planner.base_models.ensemble_training import fit_linear_members
from planner.base_models.logistic import DecisionRegression
from tests.planner.toy_task import FakeTextEncoder, toy_dialogues

_TRAIN = toy_dialogues(20, seed=0)
_EMBEDDER = JoinedEncoder(FakeTextEncoder(), TfidfEncoder(_TRAIN, words=20))
_OBSERVER = Observer(_EMBEDDER, window=2)


def _network() -> EnsembleNetwork:
    shape = EnsembleShape(
        history=_OBSERVER.history_size,
        plan=plan_features_size(3),
        meaning=_EMBEDDER.meaning.dimension,
        words=_EMBEDDER.words.dimension,
        window=2,
        folds=2,
        members=2,
        width=4,
        reasoning=0,
    )
    return EnsembleNetwork(shape, dropout=0.0, input_dropout=0.0)


def test_linear_members_are_the_regressions_on_their_columns_without_their_fold() -> None:
    decisions = Decisions.collect(_TRAIN, observer=_OBSERVER)
    fold = decisions.dialogue % 2
    network = _network()
    fit_linear_members(network, decisions, fold=fold)
    for weights, columns in (
        (network.linear_meaning, network.meaning_columns),
        (network.linear_words, network.words_columns),
    ):
        features = np.concatenate([decisions.history[:, columns.numpy()][decisions.row], decisions.plan], axis=1)
        for part in range(2):
            others = fold[decisions.row] != part
            regression = DecisionRegression(features[others], decisions.decision[others], name="toy")
            constant = np.ones((len(features), 1), np.float32)
            logits = torch.from_numpy(np.concatenate([features, constant], axis=1)) @ weights[part]
            np.testing.assert_allclose(logits.softmax(-1).numpy(), regression.probabilities(features), atol=1e-5)
            assert (logits.argmax(1).numpy() == decisions.decision)[~others].mean() > 0.6  # of the unseen part


def test_a_fold_without_which_all_decisions_are_alike_is_refused() -> None:
    decisions = Decisions.collect(_TRAIN, observer=_OBSERVER)
    fold = np.zeros(len(decisions.history), np.int64)
    fold[decisions.row[decisions.decision == 2]] = 1  # member 0 sees reflections only
    keep = (fold[decisions.row] == 0) | (decisions.decision == 2)
    alike = {name: getattr(decisions, name)[keep] for name in ("row", "slots", "decision")}
    with pytest.raises(ValueError, match="meaning: all training decisions are alike"):
        fit_linear_members(_network(), Decisions(**{**vars(decisions), **alike}), fold=fold)
