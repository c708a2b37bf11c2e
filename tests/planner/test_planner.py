"""From a history to a plan: the prefix stays, what is shown is what was decided, one at a time or many at once."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from corpus.dialogue import Dialogue, Message, Role, message_view, turn_view
from corpus.strategy import Strategy
from encoding.observation import turn_prefix
from encoding.plan_codec import STOP
from encoding.reasoning_codec import REASONING_SLOTS
from metrics.strategy.edit_distance import levenshtein_ratio
from planner.config import Mode, PlanDecodingConfig
from planner.decisions import Decisions
from planner.plan import Calibrated
from planner.planner import StrategyPlanner
from tests.planner.reference_plans import policy_plans
from tests.planner.toy_planner import toy_planner
from tests.planner.toy_task import histories, toy_dialogues

_DIALOGUES = toy_dialogues(6, seed=3)
_SEEKER = Message(Role.SEEKER, "my boss yelled at me")


def _said(*strategies: Strategy) -> list[Message]:
    return [_SEEKER, *(Message(Role.SUPPORTER, f"reply {s.name.lower()}", s) for s in strategies)]


def _plan_probabilities(
    planner: StrategyPlanner, history: Sequence[Message], prefix: tuple[int, ...] = ()
) -> dict[tuple[int, ...], float]:
    distribution = planner.parts.policy(torch.from_numpy(planner.predictions([history])))
    values = policy_plans(distribution, planner.settings.layout, prefix=prefix)[0].exp()
    return dict(zip(planner.observer.codec.plans, values.tolist(), strict=True))


def _best(probabilities: dict[tuple[int, ...], float], *, exact_weight: float, prefix: tuple[int, ...] = ()) -> Any:
    """Highest expected Levenshtein ratio plus weighted exact match, counted out."""
    possible = {plan: p for plan, p in probabilities.items() if plan and plan[: len(prefix)] == prefix}

    def worth(plan: tuple[int, ...]) -> float:
        ratio = sum(p * levenshtein_ratio(plan, gold) for gold, p in possible.items())
        return ratio + exact_weight * possible[plan]

    return max(possible, key=worth)


@pytest.mark.parametrize("mode", ["one-by-one", "all-in-one"])
@pytest.mark.parametrize("reasons", [True, False])
@pytest.mark.parametrize("exact_weight", [0.0, 2.0])
def test_the_plan_of_highest_expected_worth(mode: Mode, reasons: bool, exact_weight: float) -> None:
    planner = toy_planner(mode=mode, reasons=reasons, exact_weight=exact_weight)
    for dialogue in _DIALOGUES[:3]:
        history = dialogue.messages[:1]
        plan = planner.plan(history)
        assert plan.strategies == _best(_plan_probabilities(planner, history), exact_weight=exact_weight)
        assert plan.mode == planner.mode == mode
        assert plan.probabilities.shape == (len(plan.strategies), 8)
        assert plan.probabilities.sum(axis=1) == pytest.approx(np.ones(len(plan.strategies)), abs=1e-5)


def test_weight_on_exact_matches_ends_at_the_most_probable_plan() -> None:
    histories = [dialogue.messages[:1] for dialogue in _DIALOGUES]
    probable = toy_planner(decoding="most-probable")
    heavy, light = toy_planner(exact_weight=1e6), toy_planner(exact_weight=0.0)
    chosen = {
        planner: [planner.plan(history).strategies for history in histories] for planner in (probable, heavy, light)
    }
    assert chosen[probable] == chosen[heavy] != chosen[light]
    for history, plan in zip(histories, chosen[probable], strict=True):
        probabilities = _plan_probabilities(probable, history)
        assert plan == max(probabilities, key=probabilities.__getitem__)


def test_other_weights_make_another_planner_with_a_name_of_its_own() -> None:
    histories = [dialogue.messages[:1] for dialogue in _DIALOGUES]
    planner = toy_planner()
    multi = planner.with_weights(exact=0.5, multi_strategy=1e6)
    assert multi.name == f"{planner.name}, exact weight 0.5 + 1e+06"
    assert planner.with_weights(exact=2.0, multi_strategy=0.0).name == f"{planner.name}, exact weight 2"
    assert planner.settings.decoding == PlanDecodingConfig()
    for history in histories:
        probabilities = _plan_probabilities(planner, history)
        pairs = {plan: p for plan, p in probabilities.items() if len(plan) > 1}
        assert multi.plan(history).strategies == max(pairs, key=pairs.__getitem__)


@pytest.mark.parametrize("prefix", [(Strategy.OTHERS,), (Strategy.SUGGESTIONS,)])
def test_a_turn_begun_is_planned_to_its_end(prefix: tuple[Strategy, ...]) -> None:
    planner = toy_planner()
    history = _said(*prefix)
    plan = planner.plan(history)
    whole = _best(_plan_probabilities(planner, history, prefix), exact_weight=0.0, prefix=prefix)
    assert plan.strategies == whole[1:]
    assert plan.probabilities.shape == (len(whole) - 1, 8)
    assert plan.reasoning is not None


@pytest.mark.parametrize("said", [2, 3, 4])
def test_nothing_is_added_to_a_turn_as_long_as_the_longest_plan(said: int) -> None:
    plan = toy_planner().plan(_said(*[Strategy.QUESTION] * said))
    assert plan.strategies == ()
    assert plan.probabilities.shape == (0, 8)


def test_the_first_distribution_is_that_of_messages_without_offsets() -> None:
    planner = toy_planner()
    (item, *_) = message_view(_DIALOGUES[:1])
    plan = planner.plan(item.history)
    np.testing.assert_allclose(plan.probabilities[0], planner.calibrated_probabilities(histories([item]))[0], atol=1e-6)


def test_the_plan_of_no_history_at_all_is_a_plan() -> None:
    assert toy_planner().plan([]).strategies != ()


def test_reasoning_is_the_likeliest_value_of_each_slot_and_prints_as_four_sentences() -> None:
    planner = toy_planner()
    plan = planner.plan([_SEEKER])
    with torch.no_grad():
        mixture = planner.parts.policy.mixture(torch.from_numpy(planner.predictions([[_SEEKER]])))
    codec = planner.settings.reasoning
    assert plan.reasoning is not None
    assert codec is not None
    values = [int(marginal[0].argmax()) for marginal in mixture.reasoning]
    assert plan.reasoning.context == codec.contexts[values[0]]
    assert plan.reasoning.emotion == codec.emotions[values[1]]
    assert [plan.reasoning.intensity - 1, plan.reasoning.need, plan.reasoning.stage] == values[2:]
    probabilities = [float(marginal[0].max()) for marginal in mixture.reasoning]
    assert plan.reasoning.probabilities == pytest.approx(probabilities, abs=1e-6)
    lines = str(plan.reasoning).splitlines()
    assert [line.split(":")[0] for line in lines] == ["Context", "Emotion", "Cognition", "Support plan"]
    assert all(line.endswith(".") for line in lines)


def test_without_reasoning_there_is_none() -> None:
    planner = toy_planner(reasons=False)
    assert planner.plan([_SEEKER]).reasoning is None
    assert planner.reasoning_accuracy(planner.predictions([[_SEEKER]]), np.zeros((1, 5), int)) == {}


@pytest.mark.parametrize("batch", [3, 512])
def test_many_at_once_are_planned_as_one_by_one(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr("planner.planner._BATCH", batch)
    planner = toy_planner()
    turns, items = turn_view(_DIALOGUES), message_view(_DIALOGUES)
    for turn, plan in zip(turns, planner.plans(histories(turns)), strict=True):
        alone = planner.plan(turn.history)
        assert plan.strategies == alone.strategies
        np.testing.assert_allclose(plan.probabilities, alone.probabilities, atol=1e-5)
        assert str(plan.reasoning) == str(alone.reasoning)
    together = planner.strategy_probabilities(histories(items))
    for row, item in zip(together, items, strict=True):
        np.testing.assert_allclose(row, planner.strategy_probabilities(histories([item]))[0], atol=1e-5)


def test_messages_are_decided_over_all_reasoning_given_that_one_follows() -> None:
    planner = toy_planner()
    assert isinstance(planner, Calibrated)
    items = message_view(_DIALOGUES[:2])
    predicted, shifted = (
        planner.calibrated_probabilities(histories(items)),
        planner.strategy_probabilities(histories(items)),
    )
    offsets = np.exp(np.array(planner.settings.offsets))
    codec, space = planner.observer.codec, planner.settings.layout.space
    for number, item in enumerate(items):
        distribution = planner.parts.policy(torch.from_numpy(planner.predictions([item.history])))
        row = space.row_of_code[codec.code(codec.prefix_slots(turn_prefix(item.history)))]
        states = distribution.state_probabilities()[0]
        mixed = (states @ distribution.decisions[0, :, row].exp())[:STOP].detach().numpy()
        np.testing.assert_allclose(predicted[number], mixed / mixed.sum(), atol=1e-5)
        np.testing.assert_allclose(shifted[number], mixed * offsets / (mixed * offsets).sum(), atol=1e-5)


def test_nothing_asked_nothing_answered() -> None:
    planner = toy_planner()
    assert planner.plans([]) == []
    assert planner.strategy_probabilities([]).shape == (0, 8)


@pytest.mark.parametrize("batch", [4, 512])
def test_plan_probabilities_are_over_all_reasoning(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr("planner.planner._BATCH", batch)
    planner = toy_planner()
    histories = [dialogue.messages[:1] for dialogue in _DIALOGUES]
    probabilities = planner.plan_probabilities(planner.predictions(histories))
    expected = [list(_plan_probabilities(planner, history).values()) for history in histories]
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("reasons", [True, False])
def test_plans_are_sampled_as_often_as_they_are_probable(reasons: bool) -> None:
    planner, draws = toy_planner(reasons=reasons), 20_000
    plans = planner.sampled_plans([[_SEEKER]] * draws, rng=np.random.default_rng(0))
    probabilities = planner.plan_probabilities(planner.predictions([[_SEEKER]]))[0]
    counts = Counter(tuple(map(int, plan.strategies)) for plan in plans)
    shares = np.array([counts[plan] / draws for plan in planner.observer.codec.plans])
    error = np.sqrt(probabilities * (1 - probabilities) / draws)
    assert np.all(np.abs(shares - probabilities) <= 5 * error + 1e-6)
    assert () not in counts  # the seeker has just spoken
    assert {plan.mode for plan in plans} == {planner.mode}
    for plan in plans[:20]:
        assert (plan.reasoning is None) != reasons
        assert plan.probabilities.sum(axis=1) == pytest.approx(np.ones(len(plan.strategies)), abs=1e-5)


@pytest.mark.parametrize("prefix", [(Strategy.OTHERS,), (Strategy.SUGGESTIONS,)])
def test_a_plan_sampled_in_a_turn_begun_is_what_follows_the_prefix(prefix: tuple[Strategy, ...]) -> None:
    planner, draws = toy_planner(), 5000
    history = _said(*prefix)
    plans = planner.sampled_plans([history] * draws, rng=np.random.default_rng(0))
    counts = Counter((*map(int, prefix), *map(int, plan.strategies)) for plan in plans)
    probabilities = _plan_probabilities(planner, history, prefix)
    assert counts[prefix] > 0  # the turn may stop here: an empty plan
    for plan, probability in probabilities.items():
        if plan[: len(prefix)] == prefix:
            assert counts[plan] / draws == pytest.approx(probability, abs=0.035)
    assert sum(counts.values()) == sum(counts[plan] for plan in probabilities if plan[: len(prefix)] == prefix)


def test_nothing_is_sampled_after_the_longest_plan() -> None:
    assert [
        plan.strategies
        for plan in toy_planner().sampled_plans([_said(*[Strategy.QUESTION] * 3)], rng=np.random.default_rng(0))
    ] == [()]


@pytest.mark.parametrize("batch", [3, 512])
def test_same_luck_same_plans_whoever_else_is_asked_for(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr("planner.planner._BATCH", batch)
    planner = toy_planner()
    histories: list[Sequence[Message]] = [
        said for dialogue in _DIALOGUES for said in (dialogue.messages[:1], _said(Strategy.OTHERS))
    ]
    plans = planner.sampled_plans(histories, rng=np.random.default_rng(7))
    again = planner.sampled_plans(histories, rng=np.random.default_rng(7))
    other = planner.sampled_plans(histories, rng=np.random.default_rng(8))
    assert [plan.strategies for plan in plans] == [plan.strategies for plan in again]
    assert [plan.strategies for plan in plans] != [plan.strategies for plan in other]
    rng = np.random.default_rng(7)
    for plan, history in zip(plans, histories, strict=True):
        (alone,) = planner.sampled_plans([history], rng=rng)
        assert plan.strategies == alone.strategies
        np.testing.assert_allclose(plan.probabilities, alone.probabilities, atol=1e-5)
    assert planner.sampled_plans([], rng=rng) == []


def test_reasoning_accuracy_counts_known_labels_only() -> None:
    planner = toy_planner()
    predictions = planner.predictions([dialogue.messages[:1] for dialogue in _DIALOGUES[:3]])
    marginals = planner.parts.policy.mixture(torch.from_numpy(predictions)).reasoning
    right = np.stack([marginal.argmax(1).numpy() for marginal in marginals], axis=1)
    sizes = np.array([marginal.shape[1] for marginal in marginals])
    labels = right.copy()
    labels[0, 0] = (right[0, 0] + 1) % sizes[0]  # wrong
    labels[1, 0] = -1
    labels[:, 4] = -1
    scores = planner.reasoning_accuracy(predictions, labels)
    assert list(scores) == [f"accuracy_{name}" for name in REASONING_SLOTS]
    assert list(scores.values()) == [50.0, 100.0, 100.0, 100.0, 0.0]


def test_other_offsets_make_another_planner() -> None:
    planner = toy_planner()
    other = planner.with_offsets(np.arange(8.0))
    assert other.settings.offsets == tuple(float(number) for number in range(8))
    assert planner.settings.offsets[0] == 0.5
    items = message_view([Dialogue(1, (_SEEKER, Message(Role.SUPPORTER, "why ?", Strategy.QUESTION)))])
    np.testing.assert_array_equal(
        planner.calibrated_probabilities(histories(items)), other.calibrated_probabilities(histories(items))
    )


def test_planning_leaves_global_randomness_alone() -> None:
    planner = toy_planner()
    before = torch.get_rng_state()
    first = planner.plan([_SEEKER])
    assert torch.equal(before, torch.get_rng_state())
    assert planner.plan([_SEEKER]).strategies == first.strategies


def test_a_message_of_unknown_strategy_neither_begins_nor_resets_the_prefix() -> None:
    planner = toy_planner()
    typed = Message(Role.SUPPORTER, "i see")
    said = Message(Role.SUPPORTER, "reply", Strategy.OTHERS)
    known = planner.plan([_SEEKER, said, typed])
    probabilities = _plan_probabilities(planner, [_SEEKER, said, typed], (Strategy.OTHERS,))
    whole = _best(probabilities, exact_weight=0.0, prefix=(Strategy.OTHERS,))
    assert (Strategy.OTHERS, *known.strategies) == whole
    assert planner.plan([_SEEKER, typed]).strategies != ()


def test_a_turn_longer_than_any_plan_is_known_by_its_last_strategies() -> None:
    planner = toy_planner()  # K = 2: the state is the last strategy
    history = _said(Strategy.QUESTION, Strategy.REFLECTION, Strategy.OTHERS)
    codec, predictions = planner.observer.codec, planner.predictions([history])
    (long,) = planner.calibrated_probabilities([history])
    for plan, same in (
        ((Strategy.REFLECTION, Strategy.OTHERS), True),
        ((Strategy.QUESTION, Strategy.REFLECTION), False),
    ):
        (short,) = planner.decision_probabilities(predictions, codec.slots(plan)[None])
        assert np.allclose(long, short) is same
    decisions = Decisions.collect([Dialogue(1, tuple(history))], observer=planner.observer)
    assert decisions.slots[2].tolist() == [Strategy.QUESTION, Strategy.REFLECTION]  # of the third message
    longer = Decisions.collect([Dialogue(1, (*history, *history[1:2]))], observer=planner.observer)
    assert longer.slots[3].tolist() == [Strategy.REFLECTION, Strategy.OTHERS]  # of the fourth
