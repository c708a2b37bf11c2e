"""Turns as rows of a task, and the process over them: both modes pay alike for a plan."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from encoding.observation import Observer, plan_features
from encoding.plan_codec import STOP
from encoding.reasoning_codec import UNKNOWN, ReasoningCodec
from env.actions import Mode
from env.rewards import RewardWeights, balance_factors
from env.turns import TurnProcess, TurnTask
from metrics.strategy.edit_distance import levenshtein_ratio as similarity
from tests.env.turn_tasks import CODECS, GOLDS, LABELS, REASONING, random_task, reasoned_task
from tests.hash_encoder import HashEncoder

WELCOME = Message(Role.SUPPORTER, "Good evening", Strategy.OTHERS)
WORRY = Message(Role.SEEKER, "I cannot sleep")
ASK = Message(Role.SUPPORTER, "Since when", Strategy.QUESTION)
FEEL = Message(Role.SUPPORTER, "That must be tiring", Strategy.REFLECTION)
LONG = Message(Role.SEEKER, "Three weeks")
TRY = Message(Role.SUPPORTER, "You could walk in the evening", Strategy.SUGGESTIONS)


def test_one_row_per_turn_with_whole_gold_plans() -> None:
    dialogues = [Dialogue(1, (WELCOME, WORRY, ASK, FEEL, LONG, TRY)), Dialogue(2, (WORRY, ASK, ASK, ASK, TRY, LONG))]
    observer = Observer(HashEncoder(), window=2)
    task = TurnTask.build(dialogues, observer=observer)
    assert task.golds == ((7,), (0, 2), (5,), (0, 0, 0, 5))
    assert all(type(strategy) is int for gold in task.golds for strategy in gold)
    assert task.codec is observer.codec
    histories = [(), (WELCOME, WORRY), (WELCOME, WORRY, ASK, FEEL, LONG), (WORRY,)]
    np.testing.assert_array_equal(task.history, observer.encode_histories(histories))


def test_each_distinct_message_is_embedded_once() -> None:
    encoder = HashEncoder()
    TurnTask.build([Dialogue(1, (WORRY, ASK, LONG, TRY)), Dialogue(2, (WORRY, ASK))], observer=Observer(encoder))
    assert sorted(encoder.embedded) == sorted(message.text for message in (WORRY, ASK, LONG))  # TRY is no history


def test_reasoning_labels_of_every_turn() -> None:
    dialogues = [Dialogue(1, (WORRY, ASK, FEEL, LONG, TRY), problem="insomnia", emotion="fear")]
    codec = ReasoningCodec.collect(dialogues, least=1)
    task = TurnTask.build(dialogues, observer=Observer(HashEncoder()), reasoning_codec=codec)
    assert task.reasoning_codec is codec
    assert task.reasoning is not None
    # Needs: to be heard, to act. Stages: of question, reflection, suggestion one each, the turn's own first.
    assert task.reasoning.tolist() == [[0, 0, -1, 0, 0], [0, 0, -1, 3, 2]]
    without = TurnTask.build(dialogues, observer=Observer(HashEncoder()))
    assert without.reasoning is None
    assert without.reasoning_codec is None


@pytest.mark.parametrize(
    ("reasoning", "complaint"),
    [
        (np.zeros((1, 5), int), "expected integers of"),
        (np.zeros((2, 4), int), "expected integers of"),
        (np.zeros((2, 5)), "expected integers of"),
        (np.array([[0, 0, 0, 0, 0], [0, 2, 0, 0, 0]]), "reasoning of row 1, emotion: got 2, expected -1 to 1"),
        (np.array([[0, 0, 0, 0, -2], [0, 0, 0, 0, 0]]), "reasoning of row 0, stage: got -2, expected -1 to 2"),
    ],
)
def test_wrong_reasoning_is_refused(reasoning: np.ndarray, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        random_task([(1,), (2,)], labels=reasoning)


def test_reasoning_without_its_codec_is_refused() -> None:
    history, golds = np.zeros((1, 4), np.float32), ((1,),)
    with pytest.raises(ValueError, match="expected both or neither"):
        TurnTask(history=history, golds=golds, codec=CODECS[3], reasoning=np.zeros((1, 5), int))
    with pytest.raises(ValueError, match="expected both or neither"):
        TurnTask(history=history, golds=golds, codec=CODECS[3], reasoning_codec=REASONING)


@pytest.mark.parametrize(
    ("golds", "complaint"),
    [
        ((), "expected as many and at least 1"),
        (((1,),), "2 histories for 1 plans"),
        (((1,), ()), "gold plan of row 1"),
        (((8,), (1,)), "gold plan of row 0"),
    ],
)
def test_wrong_plans_are_refused(golds: tuple[tuple[int, ...], ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        TurnTask(history=np.zeros((2 if golds else 0, 4), np.float32), golds=golds, codec=CODECS[3])
    assert "\n" not in str(caught.value)


RNG = np.random.default_rng(0)  # turns leave nothing to chance
WEIGHTS = RewardWeights(similarity=1.0, stop=0.2)
golds = st.lists(st.integers(0, 7), min_size=1, max_size=7).map(tuple)
plans = st.lists(st.integers(0, 7), max_size=3).map(tuple)
# Often a gold plan or a part of it: similarities of random plans are nearly always 0.
pairs = st.one_of(
    st.tuples(plans, golds),
    golds.map(lambda gold: (gold[:3], gold)),
    golds.map(lambda gold: (gold[1:4], gold)),
)
weights = st.builds(RewardWeights, similarity=st.floats(0, 3), stop=st.floats(0, 3), exact=st.floats(0, 3))


def started(mode: Mode, gold: tuple[int, ...], *, paid: RewardWeights = WEIGHTS) -> TurnProcess:
    """A process of one episode at the start of a turn with this gold plan."""
    process = TurnProcess(random_task([gold]), mode=mode, reward=paid)
    process.place(np.array([0]), np.array([0]))
    return process


def one_by_one(plan: tuple[int, ...], gold: tuple[int, ...], *, paid: RewardWeights = WEIGHTS) -> list[float]:
    """The rewards of planning strategy by strategy, with STOP at the end where the plan is shorter than K."""
    process = started("one-by-one", gold, paid=paid)
    actions = [*plan, STOP][: process.choices.slots.shape[1]]
    rewards = []
    for number, action in enumerate(actions, start=1):
        step = process.step(np.array([action]), RNG)
        assert step.ended[0] == (number == len(actions))
        rewards.append(float(step.rewards[0]))
    assert process.task.codec.plan(process.choices.slots[0]) == plan
    return rewards


def all_in_one(slots: list[int], gold: tuple[int, ...], *, paid: RewardWeights = WEIGHTS) -> float:
    """The reward of the whole plan."""
    step = started("all-in-one", gold, paid=paid).step(np.array([slots]), RNG)
    assert step.ended.tolist() == [True]
    return float(step.rewards[0])


@pytest.mark.parametrize(
    ("plan", "gold", "rewards"),
    [
        ((3,), (3,), [1.0, 0.2]),
        ((), (3,), [0.0]),  # STOP first is worth nothing
        ((3,), (0, 4), [0.0, 0.0]),
        ((0, 4), (0, 4), [0.5, 0.5, 0.2]),
        ((0,), (0, 4), [0.5, 0.0]),
        ((3, 3), (3,), [1.0, -0.5, 0.0]),
        ((2, 2, 5), (2, 2, 5), [1 / 3, 1 / 3, 1 / 3 + 0.2]),  # the last slot ends the turn
        ((0, 1, 2), (0, 1, 2, 3), [1 / 4, 1 / 4, 1 / 4 + 0.2]),  # gold plan longer than can be planned
        ((2, 3, 4), (1, 2, 3, 4, 5), [1 / 5, 1 / 5, 1 / 5 + 0.2]),
    ],
)
def test_rewards_by_hand(plan: tuple[int, ...], gold: tuple[int, ...], rewards: list[float]) -> None:
    assert one_by_one(plan, gold) == pytest.approx(rewards, abs=1e-6)
    assert all_in_one(CODECS[3].slots(plan).tolist(), gold) == pytest.approx(sum(rewards), abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(pairs, weights)
def test_both_pay_the_same_for_the_same_plan(
    pair: tuple[tuple[int, ...], tuple[int, ...]], paid: RewardWeights
) -> None:
    plan, gold = pair
    whole = all_in_one(CODECS[3].slots(plan).tolist(), gold, paid=paid)
    assert sum(one_by_one(plan, gold, paid=paid)) == pytest.approx(whole, abs=1e-5)
    stop, exact = len(plan) == min(3, len(gold)), plan == gold[:3]
    expected = paid.similarity * similarity(plan, gold) + paid.stop * stop + paid.exact * exact
    assert whole == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("slots", [[8, 3, 1], [8, 8, 0]])
def test_slots_after_the_first_stop_do_not_count(slots: list[int]) -> None:
    process = started("all-in-one", (3,))
    step = process.step(np.array([slots]), RNG)
    assert process.choices.slots.tolist() == [[STOP] * 3]
    assert step.rewards[0] == 0.0


def test_stop_ends_only_its_own_episode() -> None:
    process = TurnProcess(random_task(), episodes=3, reward=WEIGHTS)
    process.place(np.arange(3), np.array([0, 1, 2]))
    assert process.step(np.array([1, STOP, 2]), RNG).ended.tolist() == [False, True, False]
    assert process.choices.slots.tolist() == [[1, 8, 8], [8, 8, 8], [2, 8, 8]]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_full_plan_ends_the_episode(size: int) -> None:
    process = TurnProcess(random_task(max_strategies=size), episodes=1, reward=WEIGHTS)
    process.place(np.array([0]), np.array([3]))
    ends = [bool(process.step(np.array([2]), RNG).ended[0]) for _ in range(size)]
    assert ends == [False] * (size - 1) + [True]


def test_observation_is_history_then_plan_so_far() -> None:
    process = TurnProcess(random_task(), episodes=2, reward=WEIGHTS)
    process.place(np.arange(2), np.array([4, 1]))
    for actions, slots in (
        (None, [[8, 8, 8], [8, 8, 8]]),
        ([5, 0], [[5, 8, 8], [0, 8, 8]]),
        ([1, 7], [[5, 1, 8], [0, 7, 8]]),
    ):
        if actions is not None:
            process.step(np.array(actions), RNG)
        expected = np.concatenate([process.task.history[[4, 1]], plan_features(np.array(slots))], axis=1)
        np.testing.assert_array_equal(process.observation, expected)


def test_turns_are_sampled_uniformly() -> None:
    process = TurnProcess(random_task(), episodes=8000, reward=WEIGHTS)
    process.initial_state(np.arange(8000), np.random.default_rng(0))
    counts = np.bincount(process.row, minlength=len(GOLDS))
    expected = 8000 / len(GOLDS)
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


@pytest.mark.parametrize(
    ("mode", "reasoned", "actions"),
    [
        ("one-by-one", False, [0, 9]),
        ("one-by-one", False, [-1, 0]),
        ("one-by-one", False, [0.0, 1.0]),
        ("one-by-one", False, [[0], [1]]),
        ("one-by-one", False, [0]),
        ("one-by-one", True, [0, 11]),
        ("all-in-one", False, [[0, 1, 9], [0, 1, 2]]),
        ("all-in-one", False, [[0, 1], [0, 1]]),
        ("all-in-one", True, [[0, 2, 0, 0, 0, 8, 8, 8]] * 2),  # two emotions
        ("all-in-one", True, [[0, 1, 0, 0, 0, 9, 8, 8]] * 2),
        ("all-in-one", True, [[-1, 1, 0, 0, 0, 8, 8, 8]] * 2),
        ("all-in-one", True, [[0, 1, 2]] * 2),
    ],
)
def test_what_is_no_action_is_refused(mode: Mode, reasoned: bool, actions: list) -> None:
    process = TurnProcess(reasoned_task() if reasoned else random_task(), episodes=2, mode=mode, reward=WEIGHTS)
    process.place(np.arange(2), np.arange(2))
    with pytest.raises(ValueError, match=r"action: got .*, expected whole numbers from 0 to (\d+|\[.*8\]) of shape"):
        process.step(np.array(actions), RNG)
    assert (process.choices.reasoning == UNKNOWN).all()
    assert (process.choices.slots == STOP).all()


def test_reasoning_of_both_pays_the_same_in_every_small_case() -> None:
    # Every choice of need and stage, and every plan of at most two of three strategies, against every turn's labels.
    paid = RewardWeights(similarity=1.0, stop=0.2, reasoning=0.1, exact=0.3, balance=0.7)
    task = reasoned_task(max_strategies=2)
    plans = [(), *product((0, 3, 4), repeat=1), *product((0, 3, 4), repeat=2)]
    cases = [
        (turn, [5, 0, 2, need, stage], plan)
        for turn, need, stage, plan in product(range(len(GOLDS)), range(4), range(3), plans)
    ]
    turns = np.array([turn for turn, _, _ in cases])
    reasoning = np.array([values for _, values, _ in cases])
    slots = np.stack([task.codec.slots(plan) for _, _, plan in cases])

    whole = TurnProcess(task, episodes=len(cases), mode="all-in-one", reward=paid)
    whole.place(np.arange(len(cases)), turns)
    step = whole.step(np.concatenate([reasoning, slots], axis=1), RNG)
    assert step.ended.all()
    at_once = step.rewards

    steps = TurnProcess(task, episodes=len(cases), reward=paid)
    steps.place(np.arange(len(cases)), turns)
    total, over = np.zeros(len(cases)), np.zeros(len(cases), bool)
    for actions in np.concatenate([reasoning, slots], axis=1).T:
        step = steps.step(np.where(over, STOP, actions), RNG)
        total += np.where(over, 0.0, step.rewards)
        over |= step.ended
    assert over.all()
    np.testing.assert_allclose(total, at_once, atol=1e-6)

    factors = balance_factors(GOLDS, balance=0.7)
    by_hand = [
        factors[turn]
        * (
            similarity(plan, GOLDS[turn])
            + 0.2 * (len(plan) == min(2, len(GOLDS[turn])))
            + 0.3 * (plan == GOLDS[turn][:2])
            + 0.1 * sum(value == label for value, label in zip(values, LABELS[turn].tolist(), strict=True))
        )
        for turn, values, plan in cases
    ]
    np.testing.assert_allclose(at_once, by_hand, atol=1e-6)
    np.testing.assert_array_equal(whole.choices.reasoning, reasoning)
    np.testing.assert_array_equal(steps.choices.reasoning, reasoning)


def test_episodes_at_different_slots_advance_side_by_side() -> None:
    process = TurnProcess(reasoned_task(), episodes=3, reward=WEIGHTS)
    process.place(np.arange(3), np.array([0, 1, 2]))
    for actions in ([10, 0, 3], [1, 0, 0], [4, 0, 10]):  # the last: no intensity 10
        assert not process.step(np.array(actions), RNG).ended.any()
    process.place(np.array([1]), np.array([7]))  # begins anew while the others continue
    for actions in ([0, 7, 3], [2, 0, 1]):
        process.step(np.array(actions), RNG)
    assert process.choices.reasoned.tolist() == [5, 2, 5]
    assert process.choices.reasoning.tolist() == [[10, 1, 4, 0, 2], [7, 0, -1, -1, -1], [3, 0, -1, 3, 1]]
    step = process.step(np.array([3, 3, 10]), RNG)  # a strategy, an intensity, STOP
    assert step.ended.tolist() == [False, False, True]
    assert step.terms["reasoning"].tolist() == [0.0, 0.1, 0.0]
    assert process.choices.slots.tolist() == [[3, 8, 8], [8, 8, 8], [8, 8, 8]]
    history = process.task.history[[0, 7, 2]]
    reasoning = REASONING.one_hot(process.choices.reasoning)
    expected = np.concatenate([history, reasoning, plan_features(process.choices.slots)], axis=1)
    np.testing.assert_array_equal(process.observation, expected)


@pytest.mark.parametrize("turns", [[0, 8], [-1, 0], [0.0, 1.0], [0]])
def test_what_is_no_turn_is_refused(turns: list) -> None:
    process = TurnProcess(random_task(), episodes=2, reward=WEIGHTS)
    with pytest.raises(ValueError, match=r"turn: got .*, expected 2 whole number\(s\) from 0 to 7"):
        process.place(np.arange(2), np.array(turns))
