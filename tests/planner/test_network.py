import numpy as np
import pytest
import torch

from encoding.observation import Observer
from encoding.plan_codec import STOP
from planner.config import PlannerConfig
from planner.joined_embedder import JoinedEmbedder
from planner.network import DecisionNetwork
from planner.strategy_planner import shape_for
from planner.tfidf_embedder import TfidfEmbedder
from tests.planner.toy_task import FakeEmbedder, toy_dialogues

_TRAIN = toy_dialogues(5, seed=0)
_EMBEDDER = JoinedEmbedder(FakeEmbedder(), TfidfEmbedder(_TRAIN, words=9))
_OBSERVER = Observer(_EMBEDDER, window=2)


def _network(members: int = 3) -> DecisionNetwork:
    torch.manual_seed(0)
    shape = shape_for(_OBSERVER, _EMBEDDER, members=members, width=7)
    return DecisionNetwork(shape, dropout=0.0, input_dropout=0.0)


def _inputs(count: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    histories = [dialogue.messages[:3] for dialogue in _TRAIN[:count]]
    network = _network()
    allowed = torch.ones(count, 9, dtype=torch.bool)
    allowed[0, STOP] = False
    return torch.from_numpy(_OBSERVER.encode_histories(histories)), torch.rand(count, network.shape.plan), allowed


def test_the_mixture_by_hand() -> None:
    """A third each: mean of the hidden members, linear on meaning, linear on words."""
    network = _network()
    history, plan, allowed = _inputs()
    with torch.no_grad():
        mixed, _ = network.decide(network.encode_history(history), plan, allowed)
        same = (network.shape.members, -1, -1)
        hidden = network.member_log_probabilities(history.expand(same), plan.expand(same), allowed.expand(same))
        kinds = [hidden.exp().mean(0)]
        for linear, columns in (
            (network.linear_meaning, network.meaning_columns),
            (network.linear_words, network.words_columns),
        ):
            logits = linear(torch.cat([history[:, columns], plan], dim=1))
            kinds.append(logits.masked_fill(~allowed, -torch.inf).softmax(-1))
    assert torch.allclose(mixed.exp(), sum(kinds) / 3, atol=1e-6)
    assert mixed[0, STOP].exp() == 0
    assert torch.allclose(mixed.exp().sum(-1), torch.ones(len(history)))


def test_deciding_after_each_plan_is_deciding_after_it() -> None:
    network = _network()
    history, plans, allowed = _inputs()
    with torch.no_grad():
        encoded = network.encode_history(history)
        table, first = network.decide_after_each(encoded, plans, allowed)
        for row in range(len(plans)):
            repeated = plans[row].expand(len(history), -1), allowed[row].expand(len(history), -1)
            log_probabilities, values = network.decide(encoded, *repeated)
            assert torch.allclose(table[:, row], log_probabilities, atol=1e-5)
            if row == 0:
                assert torch.allclose(first, values, atol=1e-6)


def test_members_see_their_own_columns_and_share_the_others() -> None:
    network = _network()
    meaning, words = set(network.meaning_columns.tolist()), set(network.words_columns.tolist())
    assert meaning | words == set(range(_OBSERVER.history_size))
    vector = 16 + _EMBEDDER.words.dimension
    slots = 3  # two messages of the window and the problem
    assert len(meaning - words) == slots * 16
    assert len(words - meaning) == slots * (vector - 16)
    second = vector + 10  # where the second message's block begins
    assert {second, second + 15} <= meaning - words
    assert {second + 16, second + vector - 1} <= words - meaning


def test_the_critic_does_not_bend_the_planner() -> None:
    network = _network()
    history, plan, allowed = _inputs()
    _, values = network.decide(network.encode_history(history), plan, allowed)
    values.sum().backward()
    assert all(parameter.grad is None for parameter in network.hidden_parameters())
    assert network.value_bias.grad is not None


def test_default_sizes_are_what_the_observer_writes() -> None:
    config = PlannerConfig()
    shape = shape_for(_OBSERVER, _EMBEDDER, members=config.members, width=config.width)
    encoded = _OBSERVER.encode_histories([_TRAIN[0].messages])
    assert encoded.shape == (1, shape.history)
    assert np.abs(encoded).max() <= 1.0
    assert shape.meaning + shape.words == pytest.approx(_EMBEDDER.dimension)
