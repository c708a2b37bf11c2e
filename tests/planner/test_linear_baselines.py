"""Logistic regression over nine decisions: learns what can be learned, stops where it should, tells no future."""

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role, message_view, turn_view
from corpus.load import load_corpus
from corpus.strategy import Strategy
from encoding.observation import Observer
from metrics.strategy.edit_distance import levenshtein_ratio
from planner.baselines.frequencies import MajorityPlanner
from planner.baselines.linear import LinearPlanner, fit_embedding, fit_tfidf
from tests.planner.toy_task import ANSWERS, FakeTextEncoder, histories, observer, toy_dialogues

FITS = {"tfidf": fit_tfidf, "embedding": fit_embedding}


@pytest.fixture(scope="module", params=FITS)
def planner(request: pytest.FixtureRequest) -> LinearPlanner:
    return FITS[request.param](toy_dialogues(80, seed=0), observer=observer())


def test_learns_what_each_message_asks_for(planner):
    turns = turn_view(toy_dialogues(20, seed=1))
    plans = planner.plans(histories(turns))
    majority = MajorityPlanner(toy_dialogues(80, seed=0), max_strategies=3).plans(histories(turns))

    def exact(answers):
        return np.mean([answer.strategies == turn.plan for answer, turn in zip(answers, turns, strict=True)])

    assert exact(majority) == 0.25  # four answers, equally frequent
    assert exact(plans) > 0.95  # one and two strategies: STOP is learned from the plan so far


def test_message_protocol_uses_the_turns_earlier_messages(planner):
    items = message_view(toy_dialogues(20, seed=1))
    predicted = planner.strategy_probabilities(histories(items)).argmax(axis=1)
    gold = np.array([item.strategy for item in items])
    assert (predicted == gold).mean() > 0.95


def test_probabilities_are_distributions_over_strategies(planner):
    dialogues = toy_dialogues(5, seed=3)
    probabilities = planner.strategy_probabilities(histories(message_view(dialogues)))
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    for plan in planner.plans(histories(turn_view(dialogues))):
        np.testing.assert_allclose(plan.probabilities.sum(axis=1), 1.0)
        assert plan.strategies == tuple(plan.probabilities.argmax(axis=1))


def test_fitting_twice_gives_the_same(planner):
    again = FITS[planner.name](toy_dialogues(80, seed=0), observer=observer())
    items = message_view(toy_dialogues(5, seed=4))
    np.testing.assert_array_equal(*(one.strategy_probabilities(histories(items)) for one in (planner, again)))


def test_nothing_asked_nothing_answered(planner):
    assert planner.plans([]) == []
    assert planner.strategy_probabilities([]).shape == (0, 8)


def test_plans_are_cut_at_the_longest_plan():
    train = toy_dialogues(40, seed=0)
    short = Observer(FakeTextEncoder(), window=2, max_strategies=1)
    for fit in FITS.values():
        turns = turn_view(train)[:20]
        plans = [plan.strategies for plan in fit(train, observer=short).plans(histories(turns))]
        assert plans == [ANSWERS[turn.history[-1].text][:1] for turn in turns]


@pytest.mark.parametrize("name", FITS)
def test_one_kind_of_decision_is_refused(name):
    alike = Dialogue(1, (Message(Role.SEEKER, "hello"), Message(Role.SUPPORTER, "hi", Strategy.OTHERS)))
    with pytest.raises(ValueError, match=f"^{name}: all training decisions are alike"):
        FITS[name]([alike], observer=Observer(FakeTextEncoder(), max_strategies=1))


@pytest.mark.parametrize("name", FITS)
def test_two_kinds_of_decision_are_enough(name):
    alike = Dialogue(1, (Message(Role.SEEKER, "hello"), Message(Role.SUPPORTER, "hi", Strategy.OTHERS)))
    planner = FITS[name]([alike], observer=observer())
    assert planner.plans(histories(turn_view([alike])))[0].strategies == (Strategy.OTHERS,)
    assert planner.strategy_probabilities(histories(message_view([alike])))[0, Strategy.OTHERS] == pytest.approx(1.0)


@pytest.mark.parametrize("name", FITS)
def test_a_turn_never_begins_with_stop(name):
    """Half of these decisions are STOP, each strategy is a sixteenth: too few to learn when STOP comes."""
    train = [
        Dialogue(number, (Message(Role.SEEKER, "hello"), Message(Role.SUPPORTER, "hi", strategy)))
        for number, strategy in enumerate(Strategy, start=1)
    ]
    assert all(
        len(plan.strategies) == 1 for plan in FITS[name](train, observer=observer()).plans(histories(turn_view(train)))
    )


@pytest.mark.real_data
def test_words_beat_the_majority_on_esconv(esconv):
    corpus = load_corpus(esconv)
    train, turns = corpus.split("train")[:120], turn_view(corpus.split("valid")[:60])

    def ratio(planner):
        pairs = zip(planner.plans(histories(turns)), turns, strict=True)
        return 100 * np.mean([levenshtein_ratio(turn.plan, plan.strategies) for plan, turn in pairs])

    words = ratio(fit_tfidf(train, observer=Observer(FakeTextEncoder(), window=3)))
    assert words > ratio(MajorityPlanner(train, max_strategies=3)) + 5  # with all of train: 34.5 against 20.9
