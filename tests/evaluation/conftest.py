"""Small dialogues, planners and a generator whose every number can be computed by hand."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role, Turn, Utterance
from corpus.strategy import Strategy
from planner.plan import Plan

Q, RE, AF, SU = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


def seeker(text: str) -> Message:
    return Message(Role.SEEKER, text)


def supporter(text: str, strategy: Strategy) -> Message:
    return Message(Role.SUPPORTER, text, strategy)


class TablePlanner:
    """Says the same plan every time, or what a function of the gold plan gives."""

    def __init__(self, name: str, choose: Callable[[tuple[Strategy, ...]], tuple[Strategy, ...]]) -> None:
        self.name = name
        self.choose = choose

    def plans(self, turns: Sequence[Turn]) -> list[Plan]:
        chosen = [self.choose(turn.plan) for turn in turns]
        return [Plan(plan, np.eye(8)[[int(one) for one in plan]].reshape(-1, 8), "table") for plan in chosen]

    def strategy_probabilities(self, utterances: Sequence[Utterance]) -> np.ndarray:
        return np.eye(8)[[int(self.choose((utterance.strategy,))[0]) for utterance in utterances]]


class EchoGenerator:
    """Writes the strategy's name; two nats a token and five tokens for every gold message."""

    def __init__(self) -> None:
        self.scored_plans: list[tuple[Strategy, ...]] = []

    def realize_all(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
        *,
        rng: np.random.Generator,
    ) -> list[list[tuple[Strategy | None, str]]]:
        assert len(histories) == len(plans)
        return [[(one, f"a {one.label.lower()} reply") for one in plan or (Strategy.OTHERS,)] for plan in plans]

    def negative_log_likelihood(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy]],
        responses: Sequence[Sequence[str]],
    ) -> tuple[np.ndarray, np.ndarray]:
        self.scored_plans += [tuple(plan) for plan in plans]
        tokens = np.array([5 * len(texts) for texts in responses])
        return 2.0 * tokens, tokens


@pytest.fixture()
def dialogues() -> tuple[Dialogue, ...]:
    """Two dialogues, five supporter messages, four turns, one of them with two messages; the first one opens."""
    return (
        Dialogue(
            1,
            (
                supporter("Hello, what brings you here?", Q),  # 0 of 6
                seeker("My shop is failing."),
                supporter("So the shop does badly.", RE),  # 2 of 6
                supporter("You did all you could.", AF),  # 3 of 6
                seeker("Maybe."),
                seeker("I am tired."),
            ),
        ),
        Dialogue(
            1,  # the same number as the first: two files, each counting from 1
            (
                seeker("I cannot sleep."),
                supporter("How long has it been?", Q),  # 1 of 4
                seeker("A month."),
                supporter("Try to keep regular hours.", SU),  # 3 of 4
            ),
        ),
    )


@pytest.fixture()
def gold_planner() -> TablePlanner:
    return TablePlanner("gold", lambda plan: plan)


@pytest.fixture()
def question_planner() -> TablePlanner:
    return TablePlanner("majority", lambda _: (Q,))


@pytest.fixture()
def make_planner() -> type[TablePlanner]:
    return TablePlanner


@pytest.fixture()
def generator() -> EchoGenerator:
    return EchoGenerator()
