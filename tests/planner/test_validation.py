"""Scores of hand-made predictions about hand-made dialogues, and the class offsets fitted to them."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from encoding.plan_codec import STOP
from metrics.strategy.classification import confusion_f1, preference_bias
from planner.decisions import Decisions
from planner.planner import StrategyPlanner
from planner.policy.class_offsets import fit_offsets, with_offsets
from planner.validation import PredictedSplit
from tests.planner.toy_planner import toy_planner
from tests.planner.toy_predictions import predicted

_PLANS = ((7,), (0, 2), (4,), (5, 6))
_SURE = 1 - 1e-6


def _decisions(planner: StrategyPlanner, plans: Sequence[tuple[int, ...]] = _PLANS) -> Decisions:
    messages: list[Message] = []
    for plan in plans:
        messages.append(Message(Role.SEEKER, "well"))
        messages += [Message(Role.SUPPORTER, f"reply {strategy}", Strategy(strategy)) for strategy in plan]
    return Decisions.collect([Dialogue(1, tuple(messages))], observer=planner.observer)


def _predictions(
    planner: StrategyPlanner, histories: Sequence[dict[tuple[int, ...], int]], *, sure: float = _SURE
) -> np.ndarray:
    """Predictions sure of one decision after each prefix, and of STOP after those not named."""
    layout = planner.settings.layout
    table = torch.full((len(histories), layout.rows, 9), (1 - sure) / 8)
    table[:, 0] = (1 - sure) / 7
    table[:, 1:, STOP] = sure
    for number, choices in enumerate(histories):
        for plan, decision in choices.items():
            row = layout.space.row_of_code[layout.space.codec.code(layout.space.codec.slots(plan))]
            table[number, row] = (1 - sure) / (7 if row == 0 else 8)
            table[number, row, decision] = sure
    return predicted(layout, table.log()).numpy()


# Histories in order: of (7,): nothing, 7; of (0, 2): nothing, 0; of (4,): nothing, 4; of (5, 6): nothing, 5.
_CHOICES: list[dict[tuple[int, ...], int]] = [
    {(): 7},
    {},
    {(): 0, (0,): 2},
    {(0,): 2},
    {(): 5},
    {},
    {(): 5},
    {(5,): 5},
]


def test_scores_by_hand() -> None:
    """Plans made: (7,), (0, 2), (5,), (5,); messages: 7, 0, 2, 5, 5, 5 for 7, 0, 2, 4, 5, 6."""
    planner = toy_planner(reasons=False, stirred=False).with_offsets(np.zeros(8))
    scores = PredictedSplit(_decisions(planner), _predictions(planner, _CHOICES)).scores(planner)
    assert scores["lr"] == pytest.approx(100 * (1 + 1 + 0 + 0.5) / 4)
    assert scores["emr"] == pytest.approx(50)
    assert scores["emr_multi"] == pytest.approx(50)
    assert scores["multi_rate"] == pytest.approx(25)
    # F1: 1 of strategies 0, 2 and 7; of 5: precision 1/3, recall 1; of 4 and 6: 0; macro over all eight.
    assert scores["macro_f1"] == pytest.approx(100 * 3.5 / 8)
    assert scores["weighted_f1"] == pytest.approx(100 * 3.5 / 6)
    table = np.zeros((8, 8))
    for gold, made in [(7, 7), (0, 0), (2, 2), (4, 5), (5, 5), (6, 5)]:
        table[gold, made] += 1
    assert scores["preference_bias"] == pytest.approx(float(preference_bias(table)))
    # So sure a planner samples what it makes.
    assert scores["drawn_lr"] == pytest.approx(scores["lr"], abs=0.01)
    assert scores["drawn_emr"] == pytest.approx(scores["emr"], abs=0.01)
    assert scores["entropy"] == pytest.approx(0.0, abs=1e-3)
    assert not any(name.startswith("accuracy") for name in scores)


def test_sampled_plans_are_scored_by_their_probability() -> None:
    """After the one history: 3 with 0.8, each other with 0.2 / 7; then STOP with 0.8, each strategy with 0.2 / 8."""
    planner = toy_planner(reasons=False, stirred=False)
    split = PredictedSplit(_decisions(planner, [(3,)]), _predictions(planner, [{(): 3}, {}], sure=0.8))
    scores = split.scores(planner)
    assert scores["emr"] == 100
    assert scores["drawn_emr"] == pytest.approx(100 * 0.8 * 0.8, rel=1e-4)
    # (3, any): ratio 1/2; (other, 3): ratio 1/2; everything else 0.
    assert scores["drawn_lr"] == pytest.approx(100 * (0.64 + 0.8 * 0.2 / 2 + 0.2 * (0.2 / 8) / 2), rel=1e-4)
    first = -0.8 * np.log(0.8) - 0.2 * np.log(0.2 / 7)
    second = -0.8 * np.log(0.8) - 0.2 * np.log(0.2 / 8)
    assert scores["entropy"] == pytest.approx(first + second, rel=1e-4)


def test_gold_plans_longer_than_any_planned_are_never_matched() -> None:
    planner = toy_planner(reasons=False, stirred=False)
    decisions = _decisions(planner, [(1, 2, 3)])
    choices: list[dict[tuple[int, ...], int]] = [{(): 1, (1,): 2}] * len(decisions.history)
    scores = PredictedSplit(decisions, _predictions(planner, choices)).scores(planner)
    assert scores["emr"] == scores["emr_multi"] == 0.0
    assert scores["drawn_emr"] == pytest.approx(0.0, abs=1e-3)
    assert scores["lr"] == pytest.approx(100 * 2 / 3)
    assert scores["drawn_lr"] == pytest.approx(100 * 2 / 3, abs=0.01)


def test_offsets_decide_messages_only_and_are_fitted_for_them() -> None:
    """Where 4 is gold it is outvoted by 5: 0.5 to 0.4; where 5 is gold, 5 has 0.9."""
    planner = toy_planner(reasons=False, stirred=False).with_offsets(np.zeros(8))
    decisions = _decisions(planner, [(4,), (5,)] * 10)
    layout = planner.settings.layout
    table = torch.full((len(decisions.history), layout.rows, 9), 1e-3)
    table[:, 1:, STOP] = 1.0
    for number, following in enumerate(decisions.following):
        if following != STOP:
            table[number, 0, [4, 5]] = torch.tensor([0.4, 0.5] if following == 4 else [0.05, 0.9])
    split = PredictedSplit(decisions, predicted(layout, (table / table.sum(-1, keepdim=True)).log()).numpy())
    before, fitted = split.scores(planner), split.fit_offsets(planner)
    after = split.scores(fitted)
    assert np.log(5 / 4) < fitted.settings.offsets[4] - fitted.settings.offsets[5] < np.log(18)
    assert (before["weighted_f1"], after["weighted_f1"]) == (pytest.approx(100 * 2 / 3 / 2), pytest.approx(100))
    assert {name: before[name] for name in ("lr", "emr", "drawn_lr")} == {
        name: after[name] for name in ("lr", "emr", "drawn_lr")
    }
    assert split.message_scores(fitted) == {
        name: after[name] for name in ("macro_f1", "weighted_f1", "preference_bias")
    }


def test_reasoning_is_scored_at_the_openings_of_turns() -> None:
    planner = toy_planner(stirred=False)
    decisions = _decisions(planner)
    predictions = _predictions(planner, _CHOICES)
    labels = np.full((len(decisions.history), 5), -1)
    labels[decisions.openings, 3] = 0  # uniform predictions: the first value is taken
    labels[decisions.openings[:1], 3] = 1
    scores = PredictedSplit(Decisions(**{**vars(decisions), "reasoning": labels}), predictions).scores(planner)
    assert scores["accuracy_need"] == pytest.approx(75)
    assert scores["accuracy_stage"] == 0.0


def _macro_f1(gold: np.ndarray, predicted: np.ndarray) -> float:
    table = np.zeros((8, 8))
    np.add.at(table, (gold, predicted), 1)
    return float(confusion_f1(table).mean())


def test_a_rare_class_that_is_always_outvoted_gets_its_share() -> None:
    """Class 1 is right where its probability is 0.4 against 0.5: only an offset above ln(0.5 / 0.4) helps."""
    rare, frequent = np.full(8, 1e-3), np.full(8, 1e-3)
    rare[[0, 1]] = 0.5, 0.4
    frequent[[0, 1]] = 0.9, 0.09
    probabilities = np.stack([rare] * 20 + [frequent] * 80)
    gold = np.array([1] * 20 + [0] * 80)
    offsets = fit_offsets(np.log(probabilities), gold)
    assert np.log(5 / 4) < offsets[1] - offsets[0] < np.log(10)
    assert with_offsets(probabilities, offsets).argmax(axis=1).tolist() == gold.tolist()


def test_offsets_never_lower_the_objective_and_have_mean_zero() -> None:
    rng = np.random.default_rng(0)
    gold = rng.integers(8, size=400)
    probabilities = rng.dirichlet(np.full(8, 0.5), size=400)
    probabilities[np.arange(400), gold] += 0.3
    probabilities[:, 0] += 0.2
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    offsets = fit_offsets(np.log(probabilities), gold)
    assert offsets.mean() == pytest.approx(0.0)
    assert offsets[0] < 0  # the class that everything leans to is held back
    shifted = with_offsets(probabilities, offsets)
    assert _macro_f1(gold, shifted.argmax(axis=1)) > _macro_f1(gold, probabilities.argmax(axis=1))


def test_shifted_probabilities_by_hand() -> None:
    probabilities = np.array([[0.5, 0.5, 0, 0, 0, 0, 0, 0]])
    shifted = with_offsets(probabilities, np.array([np.log(3), 0, 0, 0, 0, 0, 0, 0]))
    assert shifted[0, :2] == pytest.approx([0.75, 0.25])
