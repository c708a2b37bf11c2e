"""Reward functions of the turn and dialogue environments: every reward term is one function and one weight.

A weight is a field of :class:`RewardWeights` (turns) or :class:`DialogueRewardWeights` (dialogues), made with
:func:`term`, which ties the field to its function. The reward of a step is the weighted sum of the terms; infos and
learning curves hold each weighted term under its field's name. To add a term, write a function and a field.

Source: Zhu et al. 2026 (arXiv 2604.17972) reward All-in-One with the Levenshtein ratio to the gold sequence and
One-by-One additionally with a match of the stop decision. The other terms are this project's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from math import inf
from typing import Any

import numpy as np

from encoding.plan_codec import PlanCodec
from env.conversation import Conversation, ConversationStatus, SeekerReply
from metrics.strategy.edit_distance import levenshtein_ratio_table

# Scores of every plan against every gold plan: (G gold plans, P plans) -> shape (G, P).
PlanScore = Callable[[Sequence[tuple[int, ...]], Sequence[tuple[int, ...]]], np.ndarray]


class PlanTables:
    """Scores of all plans against the gold plans of a task, tabulated when first asked for: a step is then a look-up.

    Args:
        golds: The N gold plans, repeats allowed.
    """

    def __init__(self, golds: Sequence[tuple[int, ...]], *, codec: PlanCodec) -> None:
        self._golds = sorted(set(golds))
        self._codec = codec
        row = {gold: number for number, gold in enumerate(self._golds)}
        self._row = np.array([row[gold] for gold in golds])
        self._tables: dict[tuple[PlanScore, bool], np.ndarray] = {}

    def look_up(self, score: PlanScore, turns: np.ndarray, codes: np.ndarray, *, cut: bool = False) -> np.ndarray:
        """Scores of plans against the gold plans of turns.

        Args:
            score: What is tabulated: a named function, since every new function is tabulated anew.
            turns: Which gold plan. Shape: (B,), 0..N-1.
            codes: Which plan (:meth:`encoding.plan_codec.PlanCodec.code`). Shape: (B,).
            cut: Whether gold plans are cut at the most strategies that can be planned.

        Returns:
            Shape: (B,), float32.
        """
        key = (score, cut)
        if key not in self._tables:
            longest = self._codec.max_strategies if cut else None
            table = score([gold[:longest] for gold in self._golds], self._codec.plans)
            self._tables[key] = np.asarray(table, np.float32)[:, self._codec.plan_of_code]
        return self._tables[key][self._row[turns], codes]


@dataclass(frozen=True)
class TurnStep:
    """One step in B turns, as the reward terms see it.

    Attributes:
        turn: Which turn each episode plays. Shape: (B,), rows of the task.
        before: Code of each plan before the step. Shape: (B,).
        after: Code of each plan after it. Shape: (B,).
        complete: Whether the step completed the plan. Shape: (B,), bool.
        right_reasoning: Reasoning slots chosen in the step that equal the known label. Shape: (B,), int.
    """

    tables: PlanTables
    turn: np.ndarray
    before: np.ndarray
    after: np.ndarray
    complete: np.ndarray
    right_reasoning: np.ndarray

    def gain(self, score: PlanScore) -> np.ndarray:
        """How much the step raised the plans' score against the whole gold plans. Shape: (B,)."""
        after = self.tables.look_up(score, self.turn, self.after)
        return after - self.tables.look_up(score, self.turn, self.before)

    def when_complete(self, score: PlanScore) -> np.ndarray:
        """Score of the plans that the step completed against the gold plans cut at K, 0 for others. Shape: (B,)."""
        return self.complete * self.tables.look_up(score, self.turn, self.after, cut=True)


def similarity_gain(step: TurnStep) -> np.ndarray:
    """What the step adds to the Levenshtein ratio (the metric LR), -1..1.

    Summed over the steps of One-by-One it is the ratio of the final plan, because an empty plan has ratio 0 to every
    gold plan (a turn has at least one message): both modes are paid alike for a plan.
    """
    return step.gain(levenshtein_ratio_table)


def right_stop(step: TurnStep) -> np.ndarray:
    """1 if the plan stops where the gold plan does (cut at K), else 0.

    Paid once, when the plan is complete: paid per decision it would reward long plans for having more decisions.
    """
    return step.when_complete(equal_length)


def exact_plan(step: TurnStep) -> np.ndarray:
    """1 if the plan is the gold plan cut at K, else 0. Paid once, when the plan is complete."""
    return step.when_complete(equal_plan)


def right_reasoning(step: TurnStep) -> np.ndarray:
    """Number of reasoning slots chosen right, paid when they are chosen; an unknown label pays nothing."""
    return step.right_reasoning


def equal_length(golds: Sequence[tuple[int, ...]], plans: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Whether plan and gold plan have as many strategies. Shape: (G, P), bool."""
    return np.equal.outer([len(gold) for gold in golds], [len(plan) for plan in plans])


def equal_plan(golds: Sequence[tuple[int, ...]], plans: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Whether plan and gold plan are the same. Shape: (G, P), bool."""
    return np.array([[plan == gold for plan in plans] for gold in golds])


def balance_factors(golds: Sequence[tuple[int, ...]], *, balance: float) -> np.ndarray:
    """What every term of a turn is multiplied by, so that turns of rare strategies weigh more.

    (mean frequency / frequency of the gold plan's first strategy) ^ balance, scaled to mean 1 over the turns: 0 leaves
    all turns alike, at 1 every strategy earns as much in sum. Holds preference bias down, which is a planner's gain
    from serving frequent strategies at the cost of rare ones.

    Args:
        golds: The N gold plans, none empty.
        balance: The exponent, from 0.

    Returns:
        Shape: (N,), float64, of mean 1.
    """
    first = np.array([gold[0] for gold in golds])
    factors = np.bincount(first)[first].astype(np.float64) ** -balance  # the mean frequency cancels in the scaling
    return factors / factors.mean()


@dataclass(frozen=True)
class DialogueTurn:
    """One supporter turn that has been answered, as the reward terms see it.

    Attributes:
        conversation: With the turn and its reply.
        reply: What the seeker answered; without messages where the supporter said nothing.
        status: Whether the conversation is over, and how it ended.
    """

    conversation: Conversation
    reply: SeekerReply
    status: ConversationStatus


def intensity_fall(turn: DialogueTurn) -> float:
    """How many points of intensity the seeker feels better after the turn, -4..4.

    The falls of all turns sum to the fall of the whole conversation.
    """
    before, after = turn.conversation.intensities[-2:]
    return before - after


def rating(turn: DialogueTurn) -> float:
    """The seeker's rating from -1 (1 star) to 1 (5 stars), 0 where it gave none.

    Few turns are rated and nearly all of those well, so it should count little.
    """
    return (turn.reply.feedback - 3) / 2 if turn.reply.feedback else 0.0


def every_turn(turn: DialogueTurn) -> float:  # noqa: ARG001 - every term gets the turn
    """-1 for every supporter turn: short help is better than long help."""
    return -1.0


def success_or_loss(turn: DialogueTurn) -> float:
    """1 for a success, -1 where the seeker gives up: sets success apart from a fall that stops short of it."""
    return {ConversationStatus.SUCCESS: 1.0, ConversationStatus.GAVE_UP: -1.0}.get(turn.status, 0.0)


def term(function: Callable[..., Any], weight: float) -> Any:
    """A field of reward weights: the default weight of the term that a function computes."""
    return field(default=weight, metadata={"term": function})


class _Weights:
    """What the weights of turns and of dialogues share."""

    def __post_init__(self) -> None:
        for each in fields(self):  # type: ignore[arg-type]  # subclasses are dataclasses
            value = getattr(self, each.name)
            if not 0 <= value < inf:
                raise ValueError(f"{each.name}: got {value}, expected 0 or more")

    @property
    def terms(self) -> dict[str, Callable[..., Any]]:
        """Function of each term by its name, in the order of the fields."""
        each = fields(self)  # type: ignore[arg-type]
        return {named.name: named.metadata["term"] for named in each if "term" in named.metadata}

    def weighted(self, step: TurnStep | DialogueTurn) -> dict[str, Any]:
        """Every term of a step times its weight, by name."""
        return {name: getattr(self, name) * function(step) for name, function in self.terms.items()}


@dataclass(frozen=True)
class RewardWeights(_Weights):
    """What a supporter turn of the corpus is rewarded for."""

    similarity: float = term(similarity_gain, 1.0)
    """Weight of the Levenshtein ratio between plan and annotated plan (0 or more)."""
    stop: float = term(right_stop, 0.2)
    """Reward for a plan that is as long as the annotated plan (0 or more)."""
    reasoning: float = term(right_reasoning, 0.1)
    """Reward for each reasoning slot that agrees with the annotation (0 or more)."""
    exact: float = term(exact_plan, 0.0)
    """Reward for a plan that equals the annotated plan (0 or more)."""
    balance: float = 0.0
    """Turns count by the frequency of their first strategy to the power of minus this (0: all turns count alike)."""


@dataclass(frozen=True)
class DialogueRewardWeights(_Weights):
    """What a supporter turn in a conversation with a simulated seeker is rewarded for."""

    fall: float = term(intensity_fall, 1.0)
    """Reward per point by which the seeker's emotion intensity (1 to 5) falls over the turn (0 or more)."""
    feedback: float = term(rating, 0.1)
    """Weight of the seeker's rating, which counts from -1 (1 star) to 1 (5 stars) (0 or more)."""
    turn_cost: float = term(every_turn, 0.05)
    """Subtracted for every supporter turn (0 or more)."""
    ending: float = term(success_or_loss, 0.5)
    """Added for a success, subtracted where the seeker gives up (0 or more)."""
