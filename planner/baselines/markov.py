"""First-order Markov chain over strategies: what follows depends on the supporter's previous strategy alone.

The chain runs over all messages by the supporter and knows one more thing: whether the seeker has spoken since the
previous one, because a turn can only end after it began. So there are two tables:

``opening``, shape (9, 8): the first strategy of a turn, given the last strategy of the supporter's turn before it;
row 8 (START) is for the first turn of a dialogue. STOP is no option.
``following``, shape (8, 9): what follows a strategy within its turn: one of the eight, or STOP (column 8).

Every probability is (count + 1) / (row's count + columns), Laplace's rule, so that a transition never seen has one.
"""

from collections.abc import Sequence

import numpy as np

from corpus.dialogue import Dialogue, Message
from corpus.strategy import Strategy
from encoding.observation import Observer, turn_prefix
from encoding.plan_codec import STOP
from planner.baselines.ladder import Baseline
from planner.decisions import training_turns
from planner.plan import Plan

START = len(Strategy)  # row of ``opening`` for a dialogue's first turn


class MarkovPlanner:
    """Follows the most probable transition, equally probable ones by the strategies' numbers.

    Turn protocol: opens with the arg-max of ``opening``, then takes the arg-max of ``following`` until it is STOP or
    the plan holds K strategies. Message protocol: the row of ``opening`` for the first message of a turn, else the row
    of ``following`` without STOP, renormalised, because a message is known to follow.

    Args:
        max_strategies: K, longest plan made; counting cuts nothing.

    Attributes:
        opening: See the module. Shape: (9, 8), rows sum to 1.
        following: See the module. Shape: (8, 9), rows sum to 1.

    Raises:
        ValueError: No turn to learn from.
    """

    name = "markov"

    def __init__(self, train: Sequence[Dialogue], *, max_strategies: int) -> None:
        opening = np.ones((START + 1, len(Strategy)))
        following = np.ones((len(Strategy), STOP + 1))
        for turn in training_turns(train, name=self.name):
            opening[last_strategy(turn.history), turn.plan[0]] += 1
            for strategy, after in zip(turn.plan, (*turn.plan[1:], STOP), strict=True):
                following[strategy, after] += 1
        self.opening = opening / opening.sum(axis=1, keepdims=True)
        self.following = following / following.sum(axis=1, keepdims=True)
        self._next_strategy = self.following[:, :STOP] / self.following[:, :STOP].sum(axis=1, keepdims=True)  # (8, 8)
        self._plans = [self._plan(state, max_strategies) for state in range(START + 1)]  # one per row of opening

    def plans(self, histories: Sequence[Sequence[Message]]) -> list[Plan]:
        """The most probable chain after the last strategy of each history."""
        return [self._plans[last_strategy(history)] for history in histories]

    def strategy_probabilities(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Rows of the tables. Shape: (N, 8)."""
        rows = np.zeros((len(histories), len(Strategy)))
        for row, history in zip(rows, histories, strict=True):
            prefix = turn_prefix(history)
            row[:] = self._next_strategy[prefix[-1]] if prefix else self.opening[last_strategy(history)]
        return rows

    def _plan(self, state: int, max_strategies: int) -> Plan:
        rows = [self.opening[state]]
        strategies = [Strategy(int(rows[0].argmax()))]
        while len(strategies) < max_strategies:
            decision = int(self.following[strategies[-1]].argmax())
            if decision == STOP:
                break
            rows.append(self._next_strategy[strategies[-1]])
            strategies.append(Strategy(decision))
        return Plan(tuple(strategies), np.stack(rows), self.name)


def last_strategy(history: Sequence[Message]) -> int:
    """The supporter's last strategy, START where there is none."""
    return next((int(message.strategy) for message in reversed(history) if message.strategy is not None), START)


def _fit(train: Sequence[Dialogue], *, observer: Observer, seed: int) -> MarkovPlanner:  # noqa: ARG001
    return MarkovPlanner(train, max_strategies=observer.codec.max_strategies)


BASELINES = (Baseline("markov", _fit, rank=2),)
