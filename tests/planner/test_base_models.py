"""Base models: the mean of the ensemble, networks, linear models, folds, losses."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from encoding.observation import Observer
from encoding.plan_codec import STOP
from encoding.tfidf import JoinedEncoder, TfidfEncoder
from planner.base_models.ensemble import (
    BaseModel,
    Ensemble,
    TrainingData,
    base_models,
    fold_of_dialogues,
)
from planner.base_models.linear import DecisionRegression
from planner.base_models.networks import one_cycle, reasoning_loss
from planner.config import EnsembleConfig
from planner.decisions import Decisions
from planner.plan_distribution import PlanSpace, log_softmax
from tests.hash_encoder import HashEncoder
from tests.planner.toy_planner import toy_shape
from tests.planner.toy_task import toy_dialogues

_TRAIN = toy_dialogues(5, seed=0)
_ENCODER = JoinedEncoder(HashEncoder(), TfidfEncoder(_TRAIN, words=9))
_OBSERVER = Observer(_ENCODER, window=2, max_strategies=2)
_SPACE = PlanSpace(_OBSERVER.codec)
_HISTORY = torch.from_numpy(_OBSERVER.encode_histories([dialogue.messages[:3] for dialogue in _TRAIN[:4]]))
_LINEAR = ("linear-embedding", "linear-words")


def _ensemble(*, folds: int = 2, networks: int = 4, reasoning: int = 5) -> Ensemble:
    torch.manual_seed(0)
    ensemble = Ensemble(toy_shape(_OBSERVER, folds=folds, networks=networks, width=7, reasoning=reasoning))
    for name in _LINEAR:
        ensemble.models[name].weight.normal_()
    for name in ("hidden_bias", "decision_bias", "reasoning_bias"):
        torch.nn.init.normal_(getattr(ensemble.models["networks"], name))
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
    vector = 16 + _ENCODER.words.dimension
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


@pytest.mark.parametrize("centre", [0.0, -60.0, 55.0])
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


_TWENTY = toy_dialogues(20, seed=0)
_TWENTY_OBSERVER = Observer(JoinedEncoder(HashEncoder(), TfidfEncoder(_TWENTY, words=20)), window=2)


def _fit(name: str, decisions: Decisions, fold: np.ndarray) -> BaseModel:
    model = base_models()[name](toy_shape(_TWENTY_OBSERVER), EnsembleConfig())
    nothing: Any = None  # linear models have no epochs to select and no state to save
    model.fit(TrainingData(decisions, fold, None, nothing, EnsembleConfig(), 0, nothing, nothing))
    return model


@pytest.mark.parametrize("name", ["linear-embedding", "linear-words"])
def test_linear_models_are_the_regressions_on_their_columns_without_their_fold(name: str) -> None:
    decisions = Decisions.collect(_TWENTY, observer=_TWENTY_OBSERVER)
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
    decisions = Decisions.collect(_TWENTY, observer=_TWENTY_OBSERVER)
    fold = np.zeros(len(decisions.history), np.int64)
    fold[decisions.row[decisions.decision == 2]] = 1  # model 0 sees reflections only
    keep = (fold[decisions.row] == 0) | (decisions.decision == 2)
    alike = {name: getattr(decisions, name)[keep] for name in ("row", "slots", "decision")}
    with pytest.raises(ValueError, match="linear-embedding: all training decisions are alike"):
        _fit("linear-embedding", Decisions(**{**vars(decisions), **alike}), fold)


def test_probabilities_are_scikit_learns_and_unseen_decisions_get_none() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 5)).astype(np.float32)
    decisions = np.array([0, 3, 8])[features[:, :3].argmax(axis=1)]
    fitted = DecisionRegression(features, decisions, name="toy")
    probabilities = fitted.probabilities(features)
    reference = LogisticRegression(C=0.1, tol=1e-3, max_iter=500).fit(features, decisions).predict_proba(features)
    assert probabilities[:, [0, 3, 8]] == pytest.approx(reference, abs=1e-4)
    assert probabilities[:, [1, 2, 4, 5, 6, 7]].max() < 1e-6
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(200))


def test_two_decisions() -> None:
    features = np.array([[-1.0], [1.0]] * 20, np.float32)
    fitted = DecisionRegression(features, np.array([2, 5] * 20), name="toy")
    probabilities = fitted.probabilities(features[:2])
    assert probabilities[0, 2] > 0.7 > 0.5 > probabilities[0, 5]
    assert probabilities[1, 5] == pytest.approx(probabilities[0, 2], abs=1e-4)


def test_one_decision_is_refused() -> None:
    with pytest.raises(ValueError, match="toy: all training decisions are alike"):
        DecisionRegression(np.ones((3, 1), np.float32), np.zeros(3, int), name="toy")


@given(st.integers(1, 200), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_every_dialogue_is_in_one_fold_and_folds_are_of_equal_size_up_to_one(
    dialogues: int, folds: int, seed: int
) -> None:
    dialogues += folds - 1
    fold = fold_of_dialogues(dialogues, folds=folds, seed=seed)
    sizes = np.bincount(fold, minlength=folds)
    assert fold.shape == (dialogues,)
    assert len(sizes) == folds
    assert sizes.max() - sizes.min() <= 1
    assert np.array_equal(fold, fold_of_dialogues(dialogues, folds=folds, seed=seed))


def test_folds_are_random() -> None:
    first, other = (fold_of_dialogues(50, folds=5, seed=seed) for seed in (0, 1))
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, np.arange(50) % 5)


def test_fewer_dialogues_than_folds_are_refused() -> None:
    with pytest.raises(ValueError, match="2 training dialogues for 5 folds, expected at least one each"):
        fold_of_dialogues(2, folds=5, seed=0)


def test_unknown_labels_teach_nothing() -> None:
    scores = [torch.tensor([[0.0, np.log(3.0)], [0.0, 0.0]]), torch.zeros(2, 4, requires_grad=True)]
    labels = torch.tensor([[1, -1], [-1, -1]])
    loss = reasoning_loss(scores, labels)
    assert float(loss) == pytest.approx(-np.log(3 / 4))
    nothing = reasoning_loss(scores, torch.full((2, 2), -1))
    assert float(nothing) == 0.0
    assert nothing.dtype == torch.float32


def test_losses_of_slots_are_summed_and_means_over_known_labels() -> None:
    scores = [torch.zeros(3, 2), torch.zeros(3, 5)]
    labels = torch.tensor([[0, 4], [1, -1], [-1, -1]])
    assert float(reasoning_loss(scores, labels)) == pytest.approx(np.log(2) + np.log(5))


def test_the_rate_goes_up_over_a_tenth_and_down_to_nothing() -> None:
    assert one_cycle(0.0) == pytest.approx(0.1)
    assert one_cycle(0.05) == pytest.approx(0.55)
    assert one_cycle(0.1) == pytest.approx(1.0)
    assert one_cycle(0.55) == pytest.approx(0.5)
    assert one_cycle(1.0) == pytest.approx(0.0)
    rates = [one_cycle(step / 100) for step in range(101)]
    assert max(rates) == pytest.approx(1.0)
    assert all(a > b for a, b in pairwise(rates[10:]))
