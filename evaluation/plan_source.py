"""Where plans and reasoning come from: the annotation (the oracle), the generator itself, chance, or a planner.

Oracle, Joint and Random are the three settings of Liu et al., ACL 2021, section 6.1. A message's reasoning is that of
its turn, concluded from the history before the turn: generators are trained so, and a planner reasons once a turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.dialogue import Message, SupporterMessage, Turn
from corpus.reasoning import Reasoning
from corpus.strategy import ESCONV_COUNTS, Strategy
from planner.plan import Plan, Planner

PLAN_SOURCES = ("oracle", "joint", "random", "planner")

# Turns of ESConv (1,300 dialogues) with 1, 2, ... messages: what a random plan of a whole turn takes its length from.
ESCONV_TURN_LENGTHS: dict[int, int] = {1: 12608, 2: 2427, 3: 256, 4: 26, 5: 7, 7: 1}

ScoredItem = SupporterMessage | Turn


def gold_plan(item: ScoredItem) -> tuple[Strategy, ...]:
    """The annotated strategies: one of a message, all of a turn."""
    return item.plan if isinstance(item, Turn) else (item.strategy,)


@dataclass(frozen=True)
class PlanTable:
    """One plan for every item of a benchmark, in the items' order. It is looked up where a planner is asked.

    Attributes:
        name: What tables and JSON call it.
        plans: In the message protocol of one strategy each. Length: N.
    """

    name: str
    plans: tuple[tuple[Strategy, ...], ...]


PlannedSystem = Planner | PlanTable


def oracle(items: Sequence[ScoredItem]) -> PlanTable:
    """The annotated plans of the items, uncut, as a system called ``gold``: the ceiling of both protocols."""
    return PlanTable("gold", tuple(gold_plan(item) for item in items))


def choose_plans(
    items: Sequence[ScoredItem], source: str, *, rng: np.random.Generator, planner: Planner | None = None
) -> list[tuple[Strategy, ...] | None]:
    """The plan of every item.

    Args:
        items: All messages, or all turns.
        source: ``oracle`` takes the gold plan; ``joint`` leaves it to the generator (``None``); ``random`` samples
            strategies by their share in ESConv (and of a turn its length); ``planner`` asks a planner.
        rng: For ``random``.
        planner: For ``planner`` and only for it.

    Raises:
        ValueError: Unknown source, or a planner given or missing against the source.
    """
    if source not in PLAN_SOURCES:
        raise ValueError(f"unknown plan source {source!r}, expected one of {', '.join(PLAN_SOURCES)}")
    if source == "planner":
        if planner is None:
            raise ValueError("plan source 'planner' needs a planner")
        return _planned(planner, items)
    if planner is not None:
        raise ValueError(f"plan source {source!r} takes no planner, got {planner.name}")
    if source == "joint":
        return [None] * len(items)
    if source == "oracle":
        return [gold_plan(item) for item in items]
    return [_random_plan(rng, isinstance(item, Turn)) for item in items]


class CachedPlanner:
    """A planner that plans every history once, so that plan and reasoning are one decision though asked for apart."""

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        self.name = planner.name
        self._plans: dict[tuple[Message, ...], Plan] = {}

    def plans(self, histories: Sequence[Sequence[Message]]) -> list[Plan]:
        """Plans the turn that follows each history."""
        keys = [tuple(history) for history in histories]
        if new := [key for key in dict.fromkeys(keys) if key not in self._plans]:
            self._plans |= zip(new, self.planner.plans(new), strict=True)
        return [self._plans[key] for key in keys]

    def strategy_probabilities(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Strategies of the message that follows each history. Shape: (N, 8)."""
        return self.planner.strategy_probabilities(histories)


def planned_reasoning(items: Sequence[ScoredItem], planner: Planner) -> list[Reasoning]:
    """The planner's reasoning about the turn of every item.

    Raises:
        ValueError: The planner does not reason.
    """
    plans = planner.plans([_history_of_turn(item) for item in items])
    if any(plan.reasoning is None for plan in plans):
        raise ValueError(f"planner {planner.name} does not reason: --reasoning needs one that was trained to")
    return [plan.reasoning for plan in plans if plan.reasoning is not None]


def _planned(planner: Planner, items: Sequence[ScoredItem]) -> list[tuple[Strategy, ...] | None]:
    turns = sum(isinstance(item, Turn) for item in items)
    if 0 < turns < len(items):
        raise ValueError(f"expected all messages or all turns, got {len(items) - turns} and {turns}")
    histories = [item.history for item in items]
    if turns:
        return [plan.strategies for plan in planner.plans(histories)]
    return [(Strategy(int(best)),) for best in planner.strategy_probabilities(histories).argmax(axis=1)]


def _history_of_turn(item: ScoredItem) -> tuple[Message, ...]:
    """What was said before the turn, without the turn's own messages."""
    if isinstance(item, Turn):
        return item.history
    history = item.history
    while history and history[-1].role is item.message.role:
        history = history[:-1]
    return history


def _random_plan(rng: np.random.Generator, whole_turn: bool) -> tuple[Strategy, ...]:
    count = int(rng.choice(list(ESCONV_TURN_LENGTHS), p=_shares(ESCONV_TURN_LENGTHS))) if whole_turn else 1
    return tuple(Strategy(int(one)) for one in rng.choice(len(Strategy), size=count, p=_shares(ESCONV_COUNTS)))


def _shares(counts: dict[int, int] | dict[Strategy, int]) -> np.ndarray:
    values = np.array(list(counts.values()), dtype=np.float64)
    return values / values.sum()
