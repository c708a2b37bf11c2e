"""Floors of the ladder: hand-counted frequencies, draws that belong to their item, ESConv's own floors."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role, message_view, turn_view
from corpus.load import load_corpus
from corpus.strategy import ESCONV_COUNTS, Strategy
from metrics.strategy.edit_distance import levenshtein_ratio
from planner.baselines.frequencies import MajorityPlanner, PlanFrequencies, RandomPlanner
from tests.planner.toy_task import histories

Q, RE, AF, SU, OT = (
    Strategy.QUESTION,
    Strategy.RESTATEMENT,
    Strategy.AFFIRMATION,
    Strategy.SUGGESTIONS,
    Strategy.OTHERS,
)


def dialogue(number: int, plans: Sequence[Sequence[Strategy]]) -> Dialogue:
    messages: list[Message] = []
    for plan in plans:
        messages.append(Message(Role.SEEKER, f"I feel stuck, {number}."))
        messages += [Message(Role.SUPPORTER, "I am listening.", strategy) for strategy in plan]
    return Dialogue(number + 1, tuple(messages))


# Turns: (Q) twice, (RE, Q) once, (AF, AF, SU, OT) once; messages: Q 3, RE 1, AF 2, SU 1, OT 1.
TRAIN = (dialogue(1, [[Q], [RE, Q]]), dialogue(2, [[Q], [AF, AF, SU, OT]]))


def test_frequencies_count_cut_plans():
    frequencies = PlanFrequencies(TRAIN, max_strategies=3, name="random")
    assert frequencies.plans == [(Q,), (RE, Q), (AF, AF, SU)]
    np.testing.assert_allclose(frequencies.shares, [0.5, 0.25, 0.25])


def test_slot_probabilities_are_those_of_training_plans_that_begin_alike():
    frequencies = PlanFrequencies((*TRAIN, dialogue(3, [[RE, SU], [RE], [RE, SU], [Q, Q]])), max_strategies=3, name="x")
    rows = frequencies.slot_probabilities((RE, Q))
    # 8 turns begin with Q 3 times, RE 4 times, AF once; of the 3 that go on after RE one does so with Q, two with SU.
    np.testing.assert_allclose(rows[0][[Q, RE, AF]], [3 / 8, 4 / 8, 1 / 8])
    np.testing.assert_allclose(rows[1][[Q, SU]], [1 / 3, 2 / 3])
    np.testing.assert_allclose(rows.sum(axis=1), 1.0)


def test_majority_is_the_most_frequent_plan_and_strategy():
    planner = MajorityPlanner(TRAIN, max_strategies=3)
    assert [plan.strategies for plan in planner.plans(histories(turn_view(TRAIN)))] == [(Q,)] * 4
    # The shares are of all messages, uncut.
    expected = np.array([3, 1, 0, 0, 2, 1, 0, 1]) / 8
    np.testing.assert_allclose(
        planner.strategy_probabilities(histories(message_view(TRAIN))), np.tile(expected, (8, 1))
    )


def test_majority_breaks_ties_by_the_strategies_numbers():
    (plan,) = MajorityPlanner([dialogue(1, [[OT], [AF]])], max_strategies=3).plans(histories(turn_view(TRAIN)[:1]))
    assert plan.strategies == (AF,)


def test_majority_plan_may_hold_several_strategies():
    planner = MajorityPlanner([dialogue(1, [[RE, Q], [RE, Q], [Q]])], max_strategies=3)
    assert planner.plans(histories(turn_view(TRAIN)[:1]))[0].strategies == (RE, Q)


def test_random_draws_training_plans_as_often_as_training_has_them():
    planner = RandomPlanner(TRAIN, max_strategies=3, rng=np.random.default_rng(0))
    turns = turn_view([dialogue(number, [[Q]] * 20) for number in range(200)])
    drawn = Counter(plan.strategies for plan in planner.plans(histories(turns)))
    assert set(drawn) == {(Q,), (RE, Q), (AF, AF, SU)}
    # Standard error of a share over 4,000 draws: 0.8 points.
    assert drawn[(Q,)] / len(turns) == pytest.approx(0.5, abs=0.03)
    assert drawn[(RE, Q)] / len(turns) == pytest.approx(0.25, abs=0.03)


def test_random_draws_strategies_from_esconv_not_from_training():
    planner = RandomPlanner(TRAIN, max_strategies=3, rng=np.random.default_rng(0))
    probabilities = planner.strategy_probabilities(
        histories(message_view([dialogue(number, [[Q]] * 20) for number in range(300)]))
    )
    assert set(np.unique(probabilities)) == {0.0, 1.0}
    expected = np.array([ESCONV_COUNTS[strategy] for strategy in Strategy]) / 18376
    np.testing.assert_allclose(probabilities.mean(axis=0), expected, atol=0.02)


def test_random_answers_an_item_alike_in_any_batch():
    planner = RandomPlanner(TRAIN, max_strategies=3, rng=np.random.default_rng(7))
    dialogues = [dialogue(number, [[Q], [Q, Q]] * 4) for number in range(30)]
    turns, items = turn_view(dialogues), message_view(dialogues)
    plans, probabilities = planner.plans(histories(turns)), planner.strategy_probabilities(histories(items))
    order = np.random.default_rng(1).permutation(len(turns))
    assert [plan.strategies for plan in planner.plans(histories([turns[index] for index in order]))] == [
        plans[index].strategies for index in order
    ]
    np.testing.assert_array_equal(planner.strategy_probabilities(histories(items[17:18])), probabilities[17:18])
    assert len({plan.strategies for plan in plans}) > 1


def test_random_depends_on_the_seed_alone():
    turns = turn_view([dialogue(number, [[Q]] * 10) for number in range(10)])

    def draws(seed: int) -> list[tuple[Strategy, ...]]:
        planner = RandomPlanner(TRAIN, max_strategies=3, rng=np.random.default_rng(seed))
        return [plan.strategies for plan in planner.plans(histories(turns))]

    assert draws(3) == draws(3)
    assert draws(3) != draws(4)


@pytest.mark.real_data
def test_floors_on_esconv_valid(esconv):
    """Exact expectations of both floors, from counts alone, and that the planners stand there."""
    corpus = load_corpus(esconv)
    train, valid = corpus.split("train"), corpus.split("valid")
    turns = turn_view(valid)
    golds = Counter(turn.plan for turn in turns)
    always_question = 100 * golds[(Q,)] / len(turns)
    assert always_question == pytest.approx(18.34, abs=0.01)
    majority = MajorityPlanner(train, max_strategies=3).plans(histories(turns))
    assert 100 * np.mean([plan.strategies == turn.plan for plan, turn in zip(majority, turns, strict=True)]) == (
        pytest.approx(always_question)
    )
    drawn = Counter(turn.plan for turn in turn_view(train))
    pairs = [(gold, plan, golds[gold] * drawn[plan]) for gold in golds for plan in drawn]
    weight = sum(count for _, _, count in pairs)
    expected_emr = 100 * sum(count for gold, plan, count in pairs if gold == plan) / weight
    expected_lr = 100 * sum(count * levenshtein_ratio(gold, plan) for gold, plan, count in pairs) / weight
    random = RandomPlanner(train, max_strategies=3, rng=np.random.default_rng(0)).plans(histories(turns))
    emr = 100 * np.mean([plan.strategies == turn.plan for plan, turn in zip(random, turns, strict=True)])
    lr = 100 * np.mean(
        [levenshtein_ratio(turn.plan, plan.strategies) for plan, turn in zip(random, turns, strict=True)]
    )
    # Standard error over 2,257 draws: 0.6 and 0.7 points.
    assert emr == pytest.approx(expected_emr, abs=2.0)
    assert lr == pytest.approx(expected_lr, abs=2.2)
