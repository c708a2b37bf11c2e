import numpy as np
import pytest

from corpus.dialogue import message_view, turn_view
from corpus.strategy import ESCONV_COUNTS, Strategy
from evaluation.plan_source import ESCONV_TURN_LENGTHS, choose_plans

Q, RE, AF, SU = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_oracle_and_joint(dialogues):
    assert choose_plans(message_view(dialogues), "oracle", rng=rng()) == [(Q,), (RE,), (AF,), (Q,), (SU,)]
    assert choose_plans(turn_view(dialogues), "oracle", rng=rng()) == [(Q,), (RE, AF), (Q,), (SU,)]
    assert choose_plans(turn_view(dialogues), "joint", rng=rng()) == [None] * 4


def test_random_follows_the_corpus(dialogues):
    utterance = message_view(dialogues)[0]
    plans = choose_plans([utterance] * 4000, "random", rng=rng())
    counts = np.bincount([plan[0] for plan in plans], minlength=8)
    expected = np.array([ESCONV_COUNTS[strategy] for strategy in Strategy]) / sum(ESCONV_COUNTS.values())
    assert all(len(plan) == 1 for plan in plans)
    assert np.abs(counts / 4000 - expected).max() < 0.025  # three standard deviations
    assert plans == choose_plans([utterance] * 4000, "random", rng=rng())


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
