"""Supporter policies compared in simulated conversations: planners, the annotation (oracle), chance, fixed rules.

A simulator must not reward the fixed rules (one strategy always, two in turn): a seeker who gets better whatever is
said, or by one trick, would be exploited by every planner trained with it.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal, Protocol

import numpy as np

from corpus.dialogue import Dialogue, Message
from corpus.strategy import ESCONV_COUNTS, Strategy
from encoding.plan_codec import STOP
from env.conversation import Conversation
from evaluation.plan_source import ESCONV_TURN_LENGTHS
from planner.baselines.markov import MarkovPlanner, last_strategy
from planner.plan import Plan, Planner

Acting = Literal["sampled", "expected-lr"]
StrategyPlan = tuple[Strategy, ...]

GOLD, SHUFFLED, RANDOM, MARKOV = "gold replay", "shuffled gold", "random", "markov"


class DialoguePolicy(Protocol):
    """Decides the next plan in many conversations at once; ``name`` is what tables call it."""

    name: str

    def plans(self, conversations: Sequence[Conversation], *, rng: np.random.Generator) -> list[StrategyPlan]:
        """One plan for every conversation, none empty.

        Args:
            conversations: What has happened. A policy that may serve people reads ``history`` alone.
            rng: Makes every random choice.
        """


class SamplingPlanner(Planner, Protocol):
    """A planner that can also sample from its own distribution over plans."""

    def sampled_plans(self, histories: Sequence[Sequence[Message]], *, rng: np.random.Generator) -> list[Plan]:
        """A sampled plan for every history, none empty where the seeker has just spoken."""


class PlannerPolicy:
    """A planner, asked for every turn with the history alone.

    Args:
        acting: ``sampled``: plans are sampled from its distribution, as PPO trains it to act and as people vary;
            ``expected-lr``: the plan of the highest expected score, as in the turn protocol. The plan that is best for
            one turn is much the same in the next, so that such a conversation is one-sided.

    Attributes:
        name: The planner's; ``NAME, planned`` where plans are not sampled.
    """

    def __init__(self, planner: SamplingPlanner, *, acting: Acting = "sampled") -> None:
        self.name = planner.name if acting == "sampled" else f"{planner.name}, planned"
        self._planner = planner
        self._acting = acting

    def plans(self, conversations: Sequence[Conversation], *, rng: np.random.Generator) -> list[StrategyPlan]:
        """The planner's plans."""
        histories = [conversation.history for conversation in conversations]
        if self._acting == "sampled":
            plans = self._planner.sampled_plans(histories, rng=rng)
        else:
            plans = self._planner.plans(histories)
        return [plan.strategies for plan in plans]


class ReplayPolicy:
    """The oracle of conversations: replays the annotated plans of the profile's dialogue, whatever the seeker says.

    After the last of them the supporter repeats that last plan. To leave instead would count as a failure by rule, to
    begin anew would greet in the middle, and a real supporter's last plan is its way of closing.

    Args:
        golds: Plans of every profile's dialogue from the profile's first turn on, by the dialogue's number.
        shuffled: Whether each conversation gets them in a random order: the annotation without its timing.
    """

    def __init__(self, golds: Mapping[int, Sequence[StrategyPlan]], *, shuffled: bool) -> None:
        self.name = SHUFFLED if shuffled else GOLD
        self._golds = golds
        self._shuffled = shuffled

    def plans(self, conversations: Sequence[Conversation], *, rng: np.random.Generator) -> list[StrategyPlan]:
        """The plan whose turn it is.

        Raises:
            ValueError: There is no plan to replay for a profile.
        """
        chosen = []
        for conversation in conversations:
            number = conversation.profile.dialogue
            if number not in self._golds:
                raise ValueError(f"{self.name}: no plans of dialogue {number} to replay")
            gold = self._golds[number]
            turn = min(len(conversation.plans), len(gold) - 1)
            chosen.append(self._shuffle(conversation, gold, rng) if self._shuffled else gold[turn])
        return chosen

    @staticmethod
    def _shuffle(conversation: Conversation, gold: Sequence[StrategyPlan], rng: np.random.Generator) -> StrategyPlan:
        """One of the plans not used yet, which makes a random order turn by turn; after the last, the last one."""
        left = list(gold)
        for plan in conversation.plans[: len(gold)]:
            left.remove(plan)
        return left[int(rng.integers(len(left)))] if left else conversation.plans[-1]


class RandomPolicy:
    """Length and strategies by their shares in ESConv, independently, as in :mod:`evaluation.plan_source`.

    Args:
        max_strategies: K, longest plan.
    """

    name = RANDOM

    def __init__(self, *, max_strategies: int) -> None:
        lengths = np.array([ESCONV_TURN_LENGTHS.get(length, 0) for length in range(1, max_strategies + 1)], float)
        counts = np.array([ESCONV_COUNTS[strategy] for strategy in Strategy], float)
        self._lengths, self._shares = lengths / lengths.sum(), counts / counts.sum()

    def plans(self, conversations: Sequence[Conversation], *, rng: np.random.Generator) -> list[StrategyPlan]:
        """A random plan for every conversation."""
        lengths = 1 + rng.choice(len(self._lengths), size=len(conversations), p=self._lengths)
        strategies = rng.choice(len(self._shares), size=(len(conversations), len(self._lengths)), p=self._shares)
        return [_plan(row[:length]) for row, length in zip(strategies.tolist(), lengths.tolist(), strict=True)]


class MarkovPolicy:
    """Samples from the transitions of the training supporters (:class:`planner.baselines.markov.MarkovPlanner`).

    The most probable transitions soon come to a circle and would be one more fixed rule.

    Args:
        max_strategies: K, longest plan.
    """

    name = MARKOV

    def __init__(self, chain: MarkovPlanner, *, max_strategies: int) -> None:
        self._opening, self._following = chain.opening.cumsum(axis=1), chain.following.cumsum(axis=1)
        self._longest = max_strategies

    def plans(self, conversations: Sequence[Conversation], *, rng: np.random.Generator) -> list[StrategyPlan]:
        """A sampled plan for every conversation, given the supporter's last strategy."""
        uniform = rng.random((len(conversations), self._longest))
        chosen = []
        for conversation, (first, *rest) in zip(conversations, uniform, strict=True):
            plan = [_sample(self._opening[last_strategy(conversation.history)], first)]
            for one in rest:
                following = _sample(self._following[plan[-1]], one)
                if following == STOP:
                    break
                plan.append(following)
            chosen.append(_plan(plan))
        return chosen


class FixedPolicy:
    """One strategy a turn, from a fixed cycle: always the same, or two in turn."""

    def __init__(self, *cycle: Strategy) -> None:
        self.cycle = cycle
        labels = " / ".join(strategy.short_label for strategy in cycle)
        self.name = f"always {labels}" if len(cycle) == 1 else labels

    def plans(self, conversations: Sequence[Conversation], *, rng: np.random.Generator) -> list[StrategyPlan]:  # noqa: ARG002
        """The strategy whose turn it is."""
        return [(self.cycle[len(conversation.plans) % len(self.cycle)],) for conversation in conversations]


def fixed_policies() -> list[FixedPolicy]:
    """Every constant strategy, then every pair in turn: 8 and 28."""
    return [FixedPolicy(strategy) for strategy in Strategy] + [FixedPolicy(*pair) for pair in combinations(Strategy, 2)]


def gold_plans(dialogues: Sequence[Dialogue], *, max_strategies: int) -> dict[int, tuple[StrategyPlan, ...]]:
    """What :class:`ReplayPolicy` replays: plans of all answers of each dialogue, cut at K, by the dialogue's number.

    Raises:
        ValueError: Two dialogues have one number: they are of different files.
    """
    golds = {}
    for dialogue in dialogues:
        if dialogue.number in golds:
            raise ValueError(
                f"two dialogues have the number {dialogue.number}; gold plans are replayed of one file only"
            )
        answers = [turn for turn in dialogue.turns() if turn.start > 0]
        if answers:
            golds[dialogue.number] = tuple(turn.plan[:max_strategies] for turn in answers)
    return golds


def _sample(bounds: np.ndarray, uniform: float) -> int:
    """Which interval of a cumulative distribution a number in 0..1 falls in."""
    return min(int(np.searchsorted(bounds, uniform, side="right")), len(bounds) - 1)


def _plan(strategies: Sequence[int]) -> StrategyPlan:
    return tuple(Strategy(strategy) for strategy in strategies)
