"""The ensemble: its mean, who predicts out of fold, and from which columns."""

import pytest
import torch
from torch import Tensor

from encoding.observation import Observer, plan_features_size
from encoding.plan_codec import STOP
from encoding.tfidf import JoinedEncoder, TfidfEncoder
from planner.base_models.ensemble import Ensemble, EnsembleShape
from planner.plan_space import PlanSpace, log_softmax
from tests.planner.toy_task import FakeTextEncoder, toy_dialogues

_TRAIN = toy_dialogues(5, seed=0)
_EMBEDDER = JoinedEncoder(FakeTextEncoder(), TfidfEncoder(_TRAIN, words=9))
_OBSERVER = Observer(_EMBEDDER, window=2, max_strategies=2)
_SPACE = PlanSpace(_OBSERVER.codec)
_HISTORY = torch.from_numpy(_OBSERVER.encode_histories([dialogue.messages[:3] for dialogue in _TRAIN[:4]]))
_LINEAR = ("linear-embedding", "linear-words")


def _ensemble(*, folds: int = 2, networks: int = 4, reasoning: int = 5) -> Ensemble:
    shape = EnsembleShape(
        history=_OBSERVER.history_size,
        plan=plan_features_size(2),
        embedding=_EMBEDDER.meaning.dimension,
        words=_EMBEDDER.words.dimension,
        window=2,
        folds=folds,
        networks=networks,
        width=7,
        reasoning=reasoning,
    )
    torch.manual_seed(0)
    ensemble = Ensemble(shape)
    for name in _LINEAR:
        ensemble.models[name].weight.normal_()
    networks_ = ensemble.models["networks"]
    for bias in (networks_.hidden_bias, networks_.decision_bias, networks_.reasoning_bias):
        torch.nn.init.normal_(bias)
    return ensemble.eval()


def _decide(ensemble: Ensemble, *, fold: int | None = None) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        return ensemble(_HISTORY, _SPACE.features, _SPACE.allowed, fold=fold)


def _by_kind(ensemble: Ensemble, fold: int | None) -> list[Tensor]:
    """Mean probability of each kind of base models, row by row. Three of shape (B, R, 9)."""
    folds, networks = ensemble.shape.folds, ensemble.shape.networks
    batch, rows = len(_HISTORY), len(_SPACE.features)
    histories = _HISTORY.repeat_interleave(rows, 0)
    plans, allowed = _SPACE.features.repeat(batch, 1), _SPACE.allowed.repeat(batch, 1)
    same = (networks, -1, -1)
    with torch.no_grad():
        hidden, _ = ensemble.models["networks"].log_probabilities(
            histories.expand(same), plans.expand(same), allowed.expand(same)
        )
    chosen = [m for m in range(networks) if fold is None or m % folds == fold]
    kinds = [hidden.exp()[chosen].mean(0)]
    for name in _LINEAR:
        model = ensemble.models[name]
        features = torch.cat([histories[:, model.columns], plans, torch.ones(len(plans), 1)], dim=1)
        parts = [part for part in range(folds) if fold is None or part == fold]
        logits = torch.stack([features @ model.weight[part] for part in parts])
        kinds.append(logits.masked_fill(~allowed, -torch.inf).softmax(-1).mean(0))
    return [kind.reshape(batch, rows, STOP + 1) for kind in kinds]


@pytest.mark.parametrize("fold", [None, 0, 1])
def test_the_mean_by_hand(fold: int | None) -> None:
    """A third each, of probabilities: networks, linear on embeddings, linear on words."""
    ensemble = _ensemble()
    mixed, _ = _decide(ensemble, fold=fold)
    assert torch.allclose(mixed.exp(), sum(_by_kind(ensemble, fold)) / 3, atol=1e-6)
    assert (mixed[:, 0, STOP].exp() == 0).all()
    assert torch.allclose(mixed.exp().sum(-1), torch.ones(mixed.shape[:2]))


def test_of_new_dialogues_all_models_predict() -> None:
    ensemble = _ensemble()
    new, new_reasoning = _decide(ensemble)
    old, old_reasoning = zip(*(_decide(ensemble, fold=fold) for fold in range(2)), strict=True)
    assert torch.allclose(new.exp(), torch.stack(old).exp().mean(0), atol=1e-6)  # as many networks in every fold
    assert torch.allclose(new_reasoning, torch.stack(old_reasoning).mean(0), atol=1e-5)


@pytest.mark.parametrize("fold", [0, 1, 2])
def test_only_models_trained_without_a_fold_predict_out_of_fold(fold: int) -> None:
    names = ["history_weight", "plan_weight", "hidden_bias", "decision_weight", "decision_bias", *_LINEAR]
    reasons = ["history_weight", "plan_weight", "hidden_bias", "reasoning_weight", "reasoning_bias"]
    for name in {*names, *reasons}:
        ensemble = _ensemble(folds=3, networks=6)
        before = _decide(ensemble, fold=fold)
        weights = ensemble.models[name].weight if name in _LINEAR else getattr(ensemble.models["networks"], name)
        others = [model for model in range(len(weights)) if model % 3 != fold]
        with torch.no_grad():
            weights[others] += torch.randn_like(weights[others])
        assert all(map(torch.equal, before, _decide(ensemble, fold=fold))), name
        for model in set(range(len(weights))) - set(others):
            before = _decide(ensemble, fold=fold)
            with torch.no_grad():
                weights[model] += torch.randn_like(weights[model])
            after = _decide(ensemble, fold=fold)
            assert torch.equal(before[0], after[0]) == (name not in names), name
            assert torch.equal(before[1], after[1]) == (name not in reasons), name


def test_each_historys_own_plans_are_decided_as_shared_ones() -> None:
    ensemble = _ensemble()
    shared, reasoning = _decide(ensemble)
    own = [torch.tensor([row, 3]) for row in (0, 2, 5, 8)]
    plans, allowed = (torch.stack([part[rows] for rows in own]) for part in (_SPACE.features, _SPACE.allowed))
    with torch.no_grad():
        decided, same = ensemble(_HISTORY, plans, allowed)
    assert torch.allclose(decided, torch.stack([shared[number, rows] for number, rows in enumerate(own)]), atol=1e-5)
    assert torch.equal(reasoning, same)


def test_reasoning_is_predicted_with_the_empty_plan() -> None:
    ensemble = _ensemble()
    networks = ensemble.models["networks"]
    empty = _SPACE.features[:1]
    with torch.no_grad():
        share = (empty @ networks.plan_weight) + networks.hidden_bias  # (M, 1, F)
    assert torch.allclose(networks._empty_plan_share(), share, atol=1e-6)
    _, scores = _decide(ensemble)
    same = (ensemble.shape.networks, -1, -1)
    with torch.no_grad():
        _, of_networks = networks.log_probabilities(
            _HISTORY.expand(same), _SPACE.features[5:9].expand(same), _SPACE.allowed[5:9].expand(same)
        )
    assert torch.allclose(scores, of_networks.mean(0), atol=1e-5)  # whatever the plan is


def test_without_reasoning_there_are_no_scores_of_it() -> None:
    assert _decide(_ensemble(reasoning=0))[1].shape == (4, 0)


def test_base_models_see_their_own_columns_and_share_the_others() -> None:
    ensemble = _ensemble()
    networks, linear_words = ensemble.models["networks"], ensemble.models["linear-words"]
    meaning, words = set(networks.columns.tolist()), set(linear_words.columns.tolist())
    assert set(ensemble.models["linear-embedding"].columns.tolist()) == meaning
    assert meaning | words == set(range(_OBSERVER.history_size))
    vector = 16 + _EMBEDDER.words.dimension
    slots = 3  # two messages of the window and the problem
    assert len(meaning - words) == slots * 16
    assert len(words - meaning) == slots * (vector - 16)
    second = vector + 10  # where the second message's block begins
    assert {second, second + 15} <= meaning - words
    assert {second + 16, second + vector - 1} <= words - meaning
    assert (networks.gain != 1).sum() == slots * 16
    assert all(int(column) in meaning - words for column in networks.columns[networks.gain != 1])


def test_networks_must_be_a_multiple_of_the_folds() -> None:
    with pytest.raises(ValueError, match="networks: got 3, expected a multiple of the 2 folds"):
        _ensemble(networks=3)


@pytest.mark.parametrize(
    "centre",
    [
        0.0,
        30.0,
        -60.0,
        55.0,
    ],
)
def test_log_softmax_is_torchs(centre: float) -> None:
    """Wherever the logits are, within the bounds that the function names."""
    logits = centre + 5 * torch.randn(20, 9, generator=torch.Generator().manual_seed(0))
    allowed = torch.ones(20, 9, dtype=torch.bool)
    allowed[:, STOP] = False
    own = log_softmax(logits.requires_grad_(True), allowed)
    expected = logits.masked_fill(~allowed, -1e9).log_softmax(-1)
    torch.testing.assert_close(own.exp(), expected.exp(), atol=1e-5, rtol=1e-4)
    assert (own[:, STOP] < -1e8).all()
    (gradient,) = torch.autograd.grad(own[:, 0].sum(), logits)
    (expected_gradient,) = torch.autograd.grad(expected[:, 0].sum(), logits)
    torch.testing.assert_close(gradient, expected_gradient, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("centre", [-500.0, 500.0])
def test_log_softmax_of_a_spoilt_policy_is_still_a_distribution(centre: float) -> None:
    """A policy that PPO has spoilt must score badly, not crash the run."""
    logits = centre + 5 * torch.randn(20, 9, generator=torch.Generator().manual_seed(0))
    allowed = torch.ones(20, 9, dtype=torch.bool)
    allowed[:, STOP] = False
    probabilities = log_softmax(logits, allowed).exp()
    torch.testing.assert_close(probabilities.sum(1), torch.ones(20))
    assert (probabilities[:, STOP] == 0).all()
