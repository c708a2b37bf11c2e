"""What an evaluation asks of a generator: to write, and to say how unlikely it finds the gold texts.

What the planner concluded before every item: the reasoning a generator is given as prefix.

A message's reasoning is that of its turn, concluded from the history before the turn: so generators are trained
(labels belong to turns), and so a planner works (it reasons once, then plans the whole turn).
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from tqdm import tqdm

from corpus.dialogue import Message, Turn, Utterance
from corpus.reasoning import Reasoning
from corpus.strategy import Strategy
from evaluation.generator.responses import Loss
from evaluation.plan_source import gold_plan
from planner.plan import Plan, Planner


class RememberingPlanner:
    """A planner that plans every turn once: its plan and its reasoning may be asked for separately.

    Args:
        planner: The planner behind it.
    """

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
    histories = [turn.history for turn in turns]
    distinct = list(dict.fromkeys(histories))
    concluded = {}
    for history, plan in zip(distinct, planner.plans(distinct), strict=True):
        if plan.reasoning is None:
            raise ValueError(f"planner {planner.name} does not reason: --reasoning needs one that was trained to")
        concluded[history] = plan.reasoning
    return [concluded[history] for history in histories]


CHUNK = 256  # items written between two steps of the progress bar; the texts drawn depend on it

Realized = list[list[tuple[Strategy | None, str]]]


class TextGenerator(Protocol):
    """What this benchmark needs of a generator (``generator.realizer.Realizer`` has it)."""

    @property
    def variant(self) -> str:
        """``vanilla``, ``strategy``, ``all-in-one`` or ``one-by-one``."""
        ...

    @property
    def with_reasoning(self) -> bool:
        """Whether it was trained on histories that begin with reasoning, and may be given some."""
        ...

    def realize_all(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
        *,
        rng: np.random.Generator,
        reasoning: Sequence[Reasoning | None] | None = None,
    ) -> Realized:
        """Texts of every plan; a plan of ``None`` lets the generator choose."""
        ...

    def negative_log_likelihood(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy]],
        responses: Sequence[Sequence[str]],
        *,
        with_strategies: bool = False,
        reasoning: Sequence[Reasoning | None] | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Summed negative log-likelihood (nats) and tokens of every given response under its plan; (N,) each.

        ``progress`` is called with the number of newly scored sequences, as :func:`scored_sequences` counts them.
        """
        ...


def realize_items(
    generator: TextGenerator,
    items: Sequence[Utterance | Turn],
    plans: Sequence[tuple[Strategy, ...] | None],
    reasoning: Sequence[Reasoning] | None,
    *,
    rng: np.random.Generator,
    bar: tqdm,
) -> Realized:
    """Texts of every item under its plan, with its reasoning where given, whole chunks at a time."""
    realized: Realized = []
    for first in range(0, len(items), CHUNK):
        part = slice(first, first + CHUNK)
        given = reasoning[part] if reasoning is not None else None
        histories = [item.history for item in items[part]]
        realized += generator.realize_all(histories, plans[part], rng=rng, reasoning=given)
        bar.update(len(histories))
    return realized


def gold_losses(
    generator: TextGenerator,
    items: Sequence[Utterance | Turn],
    reasoning: Sequence[Reasoning] | None,
    *,
    with_strategies: bool,
    bar: tqdm,
) -> list[Loss]:
    """How unlikely the generator finds every item's gold texts under their gold plan."""
    # All at once: the more the generator may choose from, the less padding its batches of about one length hold.
    nats, tokens = generator.negative_log_likelihood(
        [item.history for item in items],
        [gold_plan(item) for item in items],
        [gold_texts(item) for item in items],
        with_strategies=with_strategies,
        reasoning=reasoning,
        progress=bar.update,
    )
    return [Loss(float(loss), int(count)) for loss, count in zip(nats, tokens, strict=True)]


def scored_sequences(generator: TextGenerator, items: Sequence[Utterance | Turn]) -> int:
    """How many sequences the gold texts are scored as: whole turns in ``all-in-one``, else single messages."""
    return len(items) if generator.variant == "all-in-one" else sum(len(gold_texts(item)) for item in items)


def gold_texts(item: Utterance | Turn) -> list[str]:
    """The corpus's texts: one of a message, all of a turn."""
    return [message.text for message in item.messages] if isinstance(item, Turn) else [item.message.text]
