import numpy as np
import torch

from encoding.observation import Observer
from planner.decisions import Decisions
from planner.joined_embedder import JoinedEmbedder
from planner.linear_members import fit_linear_members
from planner.logistic import DecisionRegression
from planner.network import DecisionNetwork
from planner.strategy_planner import shape_for
from planner.tfidf_embedder import TfidfEmbedder
from tests.planner.toy_task import FakeEmbedder, toy_dialogues


def test_linear_members_are_the_regressions_on_their_columns() -> None:
    train = toy_dialogues(20, seed=0)
    embedder = JoinedEmbedder(FakeEmbedder(), TfidfEmbedder(train, words=20))
    observer = Observer(embedder, window=2)
    decisions = Decisions.collect(train, observer=observer)
    network = DecisionNetwork(shape_for(observer, embedder, members=1, width=4), dropout=0.0, input_dropout=0.0)
    fit_linear_members(network, decisions)
    for linear, columns in (
        (network.linear_meaning, network.meaning_columns),
        (network.linear_words, network.words_columns),
    ):
        features = np.concatenate([decisions.history[:, columns.numpy()][decisions.row], decisions.plan], axis=1)
        regression = DecisionRegression(features, decisions.decision, name="toy")
        with torch.no_grad():
            probabilities = linear(torch.from_numpy(features)).softmax(-1).numpy()
        np.testing.assert_allclose(probabilities, regression.probabilities(features), atol=1e-5)
        assert (probabilities.argmax(axis=1) == decisions.decision).mean() > 0.6
