from dataclasses import replace

import numpy as np
import pytest

from corpus.dialogue import message_view, turn_view
from corpus.reasoning import Need, Reasoning
from corpus.strategy import ESCONV_COUNTS, Stage, Strategy
from evaluation.plan_source import ESCONV_TURN_LENGTHS, CachedPlanner, choose_plans, planned_reasoning

Q, RE, AF, SU = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_oracle_and_joint(dialogues):
    assert choose_plans(message_view(dialogues), "oracle", rng=rng()) == [(Q,), (RE,), (AF,), (Q,), (SU,)]
    assert choose_plans(turn_view(dialogues), "oracle", rng=rng()) == [(Q,), (RE, AF), (Q,), (SU,)]
    assert choose_plans(turn_view(dialogues), "joint", rng=rng()) == [None] * 4


def test_random_follows_the_corpus(dialogues):
    item = message_view(dialogues)[0]
    plans = choose_plans([item] * 4000, "random", rng=rng())
    counts = np.bincount([plan[0] for plan in plans], minlength=8)
    expected = np.array([ESCONV_COUNTS[strategy] for strategy in Strategy]) / sum(ESCONV_COUNTS.values())
    assert all(len(plan) == 1 for plan in plans)
    assert np.abs(counts / 4000 - expected).max() < 0.025  # three standard deviations
    assert plans == choose_plans([item] * 4000, "random", rng=rng())


def test_random_turns_take_their_length_from_the_corpus_too(dialogues):
    plans = choose_plans([turn_view(dialogues)[0]] * 1500, "random", rng=rng())
    share = ESCONV_TURN_LENGTHS[1] / sum(ESCONV_TURN_LENGTHS.values())
    assert abs(np.mean([len(plan) == 1 for plan in plans]) - share) < 0.03
    assert all(isinstance(strategy, Strategy) for plan in plans for strategy in plan)


def test_lengths_add_up_to_the_messages_of_the_corpus():
    assert sum(length * turns for length, turns in ESCONV_TURN_LENGTHS.items()) == sum(ESCONV_COUNTS.values())


def test_planner_is_asked_by_its_protocol(dialogues, make_planner):
    planner = make_planner("shift", lambda plan: tuple(Strategy((one + 1) % 8) for one in plan))
    assert choose_plans(message_view(dialogues)[:2], "planner", rng=rng(), planner=planner) == [(RE,), (Strategy(2),)]
    assert choose_plans(turn_view(dialogues)[1:2], "planner", rng=rng(), planner=planner) == [(Strategy(2), SU)]


def test_refusals(dialogues, gold_planner):
    items = message_view(dialogues)
    with pytest.raises(ValueError, match="unknown plan source 'best', expected one of oracle, joint, random, planner"):
        choose_plans(items, "best", rng=rng())
    with pytest.raises(ValueError, match="needs a planner"):
        choose_plans(items, "planner", rng=rng())
    with pytest.raises(ValueError, match="'oracle' takes no planner, got gold"):
        choose_plans(items, "oracle", rng=rng(), planner=gold_planner)
    with pytest.raises(ValueError, match="all messages or all turns, got 5 and 4"):
        choose_plans([*items, *turn_view(dialogues)], "planner", rng=rng(), planner=gold_planner)


class Thinker:
    """Reasons that the problem is the number of messages before the turn."""

    name = "thinker"

    def __init__(self, planner) -> None:
        self.planner = planner
        self.asked = 0

    def plans(self, histories):
        self.asked += len(histories)
        plans = self.planner.plans(histories)
        return [
            replace(plan, reasoning=Reasoning(str(len(one)), "sadness", 3, Need.HEARD, next(iter(Stage)), (1.0,) * 5))
            for one, plan in zip(histories, plans, strict=True)
        ]

    def strategy_probabilities(self, histories):
        return self.planner.strategy_probabilities(histories)


def test_a_message_has_the_reasoning_of_its_turn(dialogues, question_planner):
    thinker = Thinker(question_planner)
    messages = [one.context for one in planned_reasoning(message_view(dialogues), CachedPlanner(thinker))]
    assert messages == ["0", "2", "2", "1", "3"]  # the third message ends the turn that the second begins
    assert thinker.asked == 4  # each turn once
    assert [one.context for one in planned_reasoning(turn_view(dialogues), thinker)] == ["0", "2", "1", "3"]


def test_plan_and_reasoning_are_one_decision(dialogues, question_planner):
    thinker = Thinker(question_planner)
    cached = CachedPlanner(thinker)
    turns = turn_view(dialogues)
    planned_reasoning(turns, cached)
    again = cached.plans([turn.history for turn in turns[::-1]])
    assert [plan.reasoning.context for plan in again] == ["3", "1", "2", "0"]
    assert (thinker.asked, cached.name) == (4, "thinker")
    histories = [item.history for item in message_view(dialogues)]
    expected = question_planner.strategy_probabilities(histories)
    assert np.array_equal(cached.strategy_probabilities(histories), expected)


def test_a_planner_without_reasoning_is_refused(dialogues, question_planner):
    with pytest.raises(ValueError, match="planner majority does not reason"):
        planned_reasoning(turn_view(dialogues), question_planner)
