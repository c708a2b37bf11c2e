"""The vector of predictions: its layout, and what fine-tuned encoders change in it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from encoding.observation import STATISTICS, Observer
from encoding.plan_codec import STOP
from encoding.tfidf import JoinedEncoder, TfidfEncoder
from planner.base_models.ensemble import Ensemble
from planner.base_models.fine_tuned_encoder import MULTI_STRATEGY, OUTPUTS
from planner.base_models.predictions import PredictionLayout
from tests.hash_encoder import HashEncoder
from tests.planner.toy_planner import toy_shape
from tests.planner.toy_predictions import REASONING, random_predictions, toy_layout
from tests.planner.toy_task import toy_dialogues

_ENCODER = JoinedEncoder(HashEncoder(), TfidfEncoder(toy_dialogues(3, seed=0), words=9))
_OBSERVER = Observer(_ENCODER, window=2, max_strategies=2)
_SEEKER = Message(Role.SEEKER, "my boss yelled at me")


def _said(*strategies: Strategy) -> tuple[Message, ...]:
    return (_SEEKER, *(Message(Role.SUPPORTER, f"reply {s.name.lower()}", s) for s in strategies))


# No prefix; one strategy; another; a full plan; more than a full plan; nobody has spoken; a message without strategy.
_HISTORIES: tuple[tuple[Message, ...], ...] = (
    _said(),
    _said(Strategy.REFLECTION),
    _said(Strategy.OTHERS),
    _said(Strategy.OTHERS, Strategy.QUESTION),
    _said(Strategy.OTHERS, Strategy.QUESTION, Strategy.QUESTION),
    (),
    (_SEEKER, Message(Role.SUPPORTER, "typed by a person")),
)
# Row of decisions that fine-tuned encoders change: by prefix, -1 = none that can still grow.
_ROWS = (0, 1 + 2, 1 + 7, -1, -1, 0, 0)


def _ensemble(layout: PredictionLayout) -> Ensemble:
    torch.manual_seed(0)
    ensemble = Ensemble(toy_shape(_OBSERVER, reasoning=layout.reasoning_width))
    ensemble.models["linear-embedding"].weight.normal_()
    return ensemble.eval()


class _Encoders:
    """Predicts something else for every history, and remembers what it was asked."""

    fold: np.ndarray | None = None

    def predict(self, histories: Sequence[Sequence[Message]], *, fold: np.ndarray | None = None) -> np.ndarray:
        self.fold = fold
        rng = np.random.default_rng(5)
        decisions = rng.dirichlet(np.ones(9), size=len(histories))
        return np.concatenate([np.log(decisions), rng.normal(size=(len(histories), 1))], axis=1).astype(np.float32)


def _collect(layout: PredictionLayout, encoders: Any = None, *, fold: np.ndarray | None = None) -> np.ndarray:
    history = _OBSERVER.encode_histories(_HISTORIES)
    return layout.collect(_ensemble(layout), encoders, history=history, messages=_HISTORIES, fold=fold)


@pytest.mark.parametrize("max_strategies", [1, 2, 3])
@pytest.mark.parametrize("reasons", [True, False])
@pytest.mark.parametrize("fine_tuned", [True, False])
def test_sizes(max_strategies: int, reasons: bool, fine_tuned: bool) -> None:
    layout = toy_layout(max_strategies=max_strategies, reasons=reasons, fine_tuned=fine_tuned)
    rows = {1: 1, 2: 1 + 8, 3: 1 + 8 + 64}[max_strategies]
    assert layout.size == rows * 9 + reasons * (2 + 3 + 5 + 4 + 3) + fine_tuned * 10 + 45
    predictions = random_predictions(layout, 4)
    assert predictions.shape == (4, layout.size)
    assert layout.summary(predictions).shape == (4, layout.summary_size)
    assert layout.decisions(predictions).shape == (4, rows, 9)
    assert [slot.shape[1] for slot in layout.slots(predictions)] == (list(REASONING.sizes) if reasons else [])


def test_parts_are_where_they_were_written() -> None:
    layout = toy_layout(fine_tuned=True)
    predictions = torch.arange(layout.size, dtype=torch.float32)[None]
    table = layout.decisions(predictions)[0]
    assert table[0, STOP] < -1e8  # STOP never comes first, whatever was written
    assert table[4, 5] == 4 * 9 + 5
    starts = [int(slot[0, 0]) for slot in layout.slots(predictions)]
    assert starts == [81 + offset for offset in REASONING.offsets]


def test_the_summary_by_hand() -> None:
    """First decisions, stopping after one strategy, reasoning, fine-tuned encoders, cut at -6 and scaled; context."""
    layout = toy_layout(fine_tuned=True)
    predictions = random_predictions(layout, 2)
    predictions[0, 3] = -20.0
    summary = layout.summary(predictions)
    np.testing.assert_allclose(summary[:, :8], predictions[:, :8].clamp(min=-6) / 6)
    assert summary[0, 3] == -1.0
    stops = torch.stack([predictions[:, (1 + strategy) * 9 + STOP] for strategy in range(8)], dim=1)
    np.testing.assert_allclose(summary[:, 8:16], stops / 6)
    rest = REASONING.width + OUTPUTS
    np.testing.assert_allclose(summary[:, 16 : 16 + rest], predictions[:, 81 : 81 + rest].clamp(min=-6) / 6)
    np.testing.assert_array_equal(summary[:, 16 + rest :], predictions[:, -STATISTICS:])


@pytest.mark.parametrize("reasons", [True, False])
def test_predictions_of_the_ensemble_and_context(reasons: bool) -> None:
    layout = toy_layout(reasons=reasons)
    predictions = _collect(layout)
    history = _OBSERVER.encode_histories(_HISTORIES)
    with torch.no_grad():
        decided, scores = _ensemble(layout)(torch.from_numpy(history), layout.space.features, layout.space.allowed)
    np.testing.assert_allclose(layout.table(predictions), decided.clamp(min=-20).numpy(), atol=1e-6)
    assert (layout.table(predictions)[:, 0, STOP] == -20).all()
    np.testing.assert_array_equal(predictions[:, -STATISTICS:], history[:, -STATISTICS:])
    slots = layout.slots(torch.from_numpy(predictions))
    if reasons:
        for slot, of_ensemble in zip(slots, scores.split(list(REASONING.sizes), dim=1), strict=True):
            np.testing.assert_allclose(slot, of_ensemble.log_softmax(1), atol=1e-5)


def test_predictions_are_never_below_minus_twenty() -> None:
    layout = toy_layout()
    ensemble = _ensemble(layout)
    for tensor in ensemble.state_dict().values():
        tensor *= 1e4
    history = _OBSERVER.encode_histories(_HISTORIES)
    predictions = layout.collect(ensemble, None, history=history, messages=_HISTORIES)
    assert predictions.min() == -20.0
    assert np.isfinite(predictions).all()


def test_out_of_fold_predictions() -> None:
    layout = toy_layout(fine_tuned=True)
    fold = np.array([1, 0, 0, 1, 0, 1, 1])
    encoders = _Encoders()
    predictions = _collect(layout, encoders, fold=fold)
    assert encoders.fold is fold
    whole = [_collect(layout, _Encoders(), fold=np.full(len(fold), part)) for part in range(2)]
    for number, part in enumerate(fold):
        np.testing.assert_allclose(predictions[number], whole[part][number], atol=1e-6)
        assert np.abs(predictions[number] - whole[1 - part][number]).max() > 1e-3


def test_fine_tuned_encoders_have_half_of_the_weight_of_the_next_decision_and_none_elsewhere() -> None:
    """The pooled row is written into the predictions themselves, not into a copy of them."""
    plain, layout = toy_layout(), toy_layout(fine_tuned=True)
    without, predictions, tuned = _collect(plain), _collect(layout, _Encoders()), _Encoders().predict(_HISTORIES)
    before, after = plain.table(without), layout.table(predictions)
    for number, row in enumerate(_ROWS):
        elsewhere = [other for other in range(layout.rows) if other != row]
        np.testing.assert_allclose(after[number, elsewhere], before[number, elsewhere], atol=1e-6)
        if row >= 0:
            pooled = (np.exp(before[number, row]) + np.exp(tuned[number, :MULTI_STRATEGY])) / 2
            np.testing.assert_allclose(after[number, row], np.log(pooled), atol=1e-5)
            assert np.abs(after[number, row] - before[number, row]).max() > 1e-2
    np.testing.assert_array_equal(predictions[:, -STATISTICS - OUTPUTS : -STATISTICS], tuned)
    slots = slice(81, 81 + REASONING.width)
    np.testing.assert_allclose(predictions[:, slots], without[:, slots], atol=1e-6)


def test_one_history_and_none() -> None:
    layout = toy_layout(fine_tuned=True)
    ensemble = _ensemble(layout)
    encoders: Any = _Encoders()
    history = _OBSERVER.encode_histories(_HISTORIES[:1])
    one = layout.collect(ensemble, encoders, history=history, messages=_HISTORIES[:1])
    assert one.shape == (1, layout.size)
    np.testing.assert_allclose(np.exp(layout.table(one)).sum(2), 1.0, atol=1e-5)
    none = layout.collect(ensemble, None, history=history[:0], messages=[])
    assert none.shape == (0, layout.size)
