"""What the planner concluded before every item: the reasoning a generator is given as prefix.

A message's reasoning is that of its turn, concluded from the history before the turn: so generators are trained
(labels belong to turns), and so a planner works (it reasons once, then plans the whole turn).
"""

from collections.abc import Sequence

import numpy as np

from corpus.dialogue import Turn, Utterance
from corpus.reasoning import Reasoning
from planner.plan import Plan, Planner


class RememberingPlanner:
    """A planner that plans every turn once: its plan and its reasoning may be asked for separately.

    Args:
        planner: The planner behind it.
    """

    def __init__(self, planner: Planner) -> None:
        self.planner = planner
        self.name = planner.name
        self._plans: dict[tuple[int, int], tuple[Turn, Plan]] = {}  # the turn is kept, so that its id stays its own

    def plans(self, turns: Sequence[Turn]) -> list[Plan]:
        """Plans every turn from the history before it."""
        new = {_key(turn): turn for turn in turns if _key(turn) not in self._plans}
        if new:
            planned = zip(new.values(), self.planner.plans(list(new.values())), strict=True)
            self._plans |= dict(zip(new, planned, strict=True))
        return [self._plans[_key(turn)][1] for turn in turns]

    def strategy_probabilities(self, utterances: Sequence[Utterance]) -> np.ndarray:
        """Strategies of messages given all messages before. Shape: (N, 8)."""
        return self.planner.strategy_probabilities(utterances)


def planned_reasoning(items: Sequence[Utterance | Turn], planner: Planner) -> list[Reasoning]:
    """The planner's reasoning about the turn of every item.

    Args:
        items: Messages or turns.
        planner: Must reason.

    Raises:
        ValueError: The planner does not reason.
    """
    by_dialogue: dict[int, dict[int, Turn]] = {}  # dialogue -> index of a supporter message -> its turn
    for item in items:
        if id(item.dialogue) not in by_dialogue:
            by_dialogue[id(item.dialogue)] = {
                index: turn for turn in item.dialogue.turns() for index in range(turn.start, turn.stop)
            }
    turns = [by_dialogue[id(item.dialogue)][item.start if isinstance(item, Turn) else item.index] for item in items]
    distinct = {_key(turn): turn for turn in turns}
    concluded = {}
    for key, plan in zip(distinct, planner.plans(list(distinct.values())), strict=True):
        if plan.reasoning is None:
            raise ValueError(f"planner {planner.name} does not reason: --reasoning needs one that was trained to")
        concluded[key] = plan.reasoning
    return [concluded[_key(turn)] for turn in turns]


def _key(turn: Turn) -> tuple[int, int]:
    return id(turn.dialogue), turn.start
