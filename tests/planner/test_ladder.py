"""The whole ladder: names, order, the protocol every rung keeps, and the one error."""

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role, message_view, turn_view
from corpus.strategy import Strategy
from planner.baselines.ladder import fit_ladder
from planner.plan import Planner
from tests.planner.toy_task import histories, observer, toy_dialogues

NAMES = ("random", "majority", "markov", "tfidf", "embedding")

# A turn longer than any plan that can be made, an opening supporter, and an opening that nobody answers.
ODD = Dialogue(
    1,
    (
        Message(Role.SUPPORTER, "hi", Strategy.OTHERS),
        Message(Role.SEEKER, "hello there"),
        *(Message(Role.SUPPORTER, f"reply {number}", Strategy(number)) for number in range(5)),
    ),
)
VALID = (*toy_dialogues(6, seed=9), ODD, Dialogue(2, (Message(Role.SEEKER, "alone"),)))


@pytest.fixture(scope="module")
def ladder() -> dict[str, Planner]:
    return {planner.name: planner for planner in fit_ladder(toy_dialogues(30, seed=0), observer=observer(), seed=5)}


def test_names_in_order(ladder):
    assert tuple(ladder) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_turn_protocol(ladder, name):
    turns = turn_view(VALID)
    plans = ladder[name].plans(histories(turns))
    assert len(plans) == len(turns)
    assert all(plan.mode == name for plan in plans)
    assert all(1 <= len(plan.strategies) <= 3 for plan in plans)
    for plan in plans:
        assert all(isinstance(strategy, Strategy) for strategy in plan.strategies)
        np.testing.assert_allclose(plan.probabilities.sum(axis=1), 1.0)
        # Nothing is chosen that could not be.
        assert (plan.probabilities[range(len(plan.strategies)), list(plan.strategies)] > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_message_protocol(ladder, name):
    items = message_view(VALID)
    probabilities = ladder[name].strategy_probabilities(histories(items))
    assert probabilities.shape == (len(items), 8)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)


@pytest.mark.parametrize("name", NAMES)
def test_an_item_is_answered_alike_alone_and_in_a_batch(ladder, name):
    turns, items = turn_view(VALID), message_view(VALID)
    assert (
        ladder[name].plans(histories(turns[-1:]))[0].strategies == ladder[name].plans(histories(turns))[-1].strategies
    )
    np.testing.assert_allclose(
        ladder[name].strategy_probabilities(histories(items[-1:]))[0],
        ladder[name].strategy_probabilities(histories(items))[-1],
        rtol=1e-4,  # float32 products of matrices of another height round otherwise
    )


def test_the_same_seed_gives_the_same_answers(ladder):
    for again in fit_ladder(toy_dialogues(30, seed=0), observer=observer(), seed=5):
        turns = turn_view(VALID)
        assert [plan.strategies for plan in again.plans(histories(turns))] == [
            plan.strategies for plan in ladder[again.name].plans(histories(turns))
        ]


@pytest.mark.parametrize("train", [(), (Dialogue(1, (Message(Role.SEEKER, "alone"),)),)])
def test_refuses_to_fit_on_nothing(train):
    with pytest.raises(ValueError, match="no supporter turn to learn from"):
        fit_ladder(train, observer=observer(), seed=0)
