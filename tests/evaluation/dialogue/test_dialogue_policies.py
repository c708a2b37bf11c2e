"""Each rung of the ladder does what it is called."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from corpus.dialogue import Message, Role
from corpus.strategy import ESCONV_COUNTS, Strategy
from env.conversation import Conversation, seeker_profiles
from evaluation.dialogue.policies import (
    DialoguePolicy,
    FixedPolicy,
    MarkovPolicy,
    PlannerPolicy,
    RandomPolicy,
    ReplayPolicy,
    fixed_policies,
    gold_plans,
)
from planner.baselines.frequencies import MajorityPlanner
from planner.baselines.markov import MarkovPlanner
from planner.plan import Plan
from tests.evaluation.dialogue.dialogue_worlds import DIALOGUES, PLANS

PROFILES = seeker_profiles(DIALOGUES)
GOLDS = gold_plans(DIALOGUES, max_strategies=3)


def decide(policy: DialoguePolicy, conversation: Conversation, turns: int, *, seed: int = 0) -> list[tuple[int, ...]]:
    """The plans of some turns, each answered by the same words."""
    rng = np.random.default_rng(seed)
    for _ in range(turns):
        (plan,) = policy.plans([conversation], rng=rng)
        conversation.history += [Message(Role.SUPPORTER, "...", strategy=strategy) for strategy in plan]
        conversation.history.append(Message(Role.SEEKER, "Go on."))
        conversation.plans.append(plan)
    return [tuple(map(int, plan)) for plan in conversation.plans]


@pytest.mark.parametrize("row", range(len(PROFILES)))
def test_gold_is_replayed_and_its_last_plan_stays(row: int) -> None:
    gold = PLANS[PROFILES[row].dialogue]
    plans = decide(ReplayPolicy(GOLDS, shuffled=False), Conversation.start(PROFILES[row]), 14)
    assert plans == [*gold, *[gold[-1]] * (14 - len(gold))]


@pytest.mark.parametrize("row", range(len(PROFILES)))
def test_shuffled_gold_has_the_same_plans_in_any_order(row: int) -> None:
    gold = PLANS[PROFILES[row].dialogue]
    orders = [
        decide(ReplayPolicy(GOLDS, shuffled=True), Conversation.start(PROFILES[row]), 13, seed=seed)
        for seed in range(60)
    ]
    assert all(Counter(order[: len(gold)]) == Counter(gold) for order in orders)
    assert all(set(order[len(gold) - 1 :]) == {order[len(gold) - 1]} for order in orders)
    assert {order[0] for order in orders} == set(gold)


def test_longer_gold_plans_are_cut() -> None:
    assert gold_plans(DIALOGUES, max_strategies=1)[1] == ((0,), (4,))


def test_random_follows_esconv() -> None:
    conversations = [Conversation.start(PROFILES[0])] * 20_000
    plans = RandomPolicy(max_strategies=3).plans(conversations, rng=np.random.default_rng(0))
    lengths = np.bincount([len(plan) for plan in plans])
    np.testing.assert_allclose(lengths[1:] / 20_000, np.array([12608, 2427, 256]) / 15291, atol=0.01)
    used = np.bincount([strategy for plan in plans for strategy in plan])
    shares = np.array(list(ESCONV_COUNTS.values())) / sum(ESCONV_COUNTS.values())
    np.testing.assert_allclose(used / used.sum(), shares, atol=0.01)


def test_markov_draws_from_its_tables() -> None:
    chain = MarkovPlanner(DIALOGUES, max_strategies=3)
    policy = MarkovPolicy(chain, max_strategies=3)
    conversations = [Conversation.start(PROFILES[0])] * 20_000  # the supporter has greeted: Others
    plans = policy.plans(conversations, rng=np.random.default_rng(0))
    first = np.bincount([plan[0] for plan in plans], minlength=8) / len(plans)
    np.testing.assert_allclose(first, chain.opening[Strategy.OTHERS], atol=0.015)
    ends = [len(plan) == 1 for plan in plans if plan[0] == Strategy.QUESTION]
    assert np.mean(ends) == pytest.approx(chain.following[Strategy.QUESTION, 8], abs=0.02)
    assert max(map(len, plans)) == 3
    # of what follows, STOP aside, everything is possible (Laplace)
    assert {plan[1] for plan in plans if len(plan) > 1} == set(Strategy)


def test_fixed_rules() -> None:
    policies = fixed_policies()
    assert len({policy.name for policy in policies}) == len(policies) == 8 + 28
    assert decide(policies[3], Conversation.start(PROFILES[0]), 3) == [(3,)] * 3
    pair = FixedPolicy(Strategy.INFORMATION, Strategy.OTHERS)
    assert pair.name == "Information / Others"
    assert decide(pair, Conversation.start(PROFILES[0]), 3) == [(6,), (7,), (6,)]


class Watching(MajorityPlanner):
    """Keeps what it was asked; draws one strategy after the other."""

    asked: Sequence[Sequence[Message]] = ()

    def plans(self, histories: Sequence[Sequence[Message]]) -> list[Plan]:
        self.asked = histories
        return super().plans(histories)

    def sampled_plans(self, histories: Sequence[Sequence[Message]], *, rng: np.random.Generator) -> list[Plan]:
        self.asked = histories
        row = np.full((1, len(Strategy)), 1 / len(Strategy))
        return [Plan((Strategy(int(rng.integers(8))),), row, "drawing") for _ in histories]


def test_a_planner_acts_as_planned_from_the_history_as_the_turn_protocol_shows_it() -> None:
    planner = Watching(DIALOGUES, max_strategies=3)
    policy = PlannerPolicy(planner, acting="expected-lr")
    conversations = [Conversation.start(profile) for profile in PROFILES[:2]]
    assert policy.plans(conversations, rng=np.random.default_rng(0)) == [(Strategy.OTHERS,)] * 2
    assert [list(history) for history in planner.asked] == [one.history for one in conversations]
    assert policy.name == "majority, planned"


def test_a_planner_acts_by_drawing_from_the_history() -> None:
    planner = Watching(DIALOGUES, max_strategies=3)
    policy = PlannerPolicy(planner)
    conversations = [Conversation.start(profile) for profile in PROFILES[:2]] * 10
    plans = policy.plans(conversations, rng=np.random.default_rng(0))
    assert len(set(plans)) > 3
    assert plans == policy.plans(conversations, rng=np.random.default_rng(0))
    assert [list(history) for history in planner.asked] == [one.history for one in conversations]
    assert policy.name == "majority"


def test_what_cannot_be_replayed_is_refused() -> None:
    with pytest.raises(ValueError, match="gold replay: no plans of dialogue 1 to replay"):
        ReplayPolicy({}, shuffled=False).plans([Conversation.start(PROFILES[0])], rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match="two dialogues have the number 1"):
        gold_plans([*DIALOGUES, DIALOGUES[0]], max_strategies=3)
