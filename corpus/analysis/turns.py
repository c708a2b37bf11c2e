"""Which strategies follow each other: within turns (lengths, plans, pairs) and over a conversation (k-hop transitions).

Transitions are those of the 2021 paper (Liu et al., ACL 2021, appendix, Table 6).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from corpus.dialogue import Dialogue, message_view, turn_view
from corpus.strategy import Strategy

StrategySequence = tuple[Strategy, ...]


@dataclass(frozen=True, slots=True)
class OrderedPair:
    """Two different strategies that stand side by side in a turn, by their order.

    Attributes:
        first: The strategy that comes first more often (in a tie the one of the lower class).
        second: The other one.
        forward: How often ``second`` directly follows ``first``.
        backward: How often ``first`` directly follows ``second``; at most ``forward``.
    """

    first: Strategy
    second: Strategy
    forward: int
    backward: int

    @property
    def total(self) -> int:
        """How often the two stand side by side, in either order."""
        return self.forward + self.backward

    @property
    def lopsidedness(self) -> float:
        """Share of the more frequent order, percent: 50 = no order, 100 = always the same one."""
        return 100 * self.forward / self.total


@dataclass(frozen=True)
class TurnStatistics:
    """What the supporter's turns look like.

    Attributes:
        turns: Supporter turns.
        lengths: Turns by number of messages, ascending.
        collapsed_lengths: Turns by number of strategies when a strategy that is repeated by the next message of
            the turn counts once, ascending.
        plans: Turns per plan, repeats included, most frequent first.
        collapsed_plans: The same with such repeats collapsed.
        pairs: Pairs of different strategies side by side in a turn, most frequent (either order) first.
        repeats: Places in a turn where a message repeats the strategy of the one before.
        neighbours: Places in a turn where one message follows another.
    """

    turns: int
    lengths: dict[int, int]
    collapsed_lengths: dict[int, int]
    plans: dict[StrategySequence, int]
    collapsed_plans: dict[StrategySequence, int]
    pairs: tuple[OrderedPair, ...]
    repeats: int
    neighbours: int

    @property
    def multi_share(self) -> float | None:
        """Turns of two or more messages, percent; ``None`` without any turn."""
        return _multi_share(self.lengths, self.turns)

    @property
    def collapsed_multi_share(self) -> float | None:
        """Turns of two or more *different* strategies, percent; ``None`` without any turn."""
        return _multi_share(self.collapsed_lengths, self.turns)


def collapse(plan: Sequence[Strategy]) -> StrategySequence:
    """The plan with every run of one strategy reduced to one: (Q, Q, A, Q) becomes (Q, A, Q)."""
    return tuple(strategy for strategy, _ in groupby(plan))


def turn_statistics(dialogues: Sequence[Dialogue]) -> TurnStatistics:
    """Counts the turns, plans and pairs of all dialogues.

    Raises:
        CorpusError: A supporter message has no strategy.
    """
    plans = [turn.plan for turn in turn_view(dialogues)]
    collapsed = [collapse(plan) for plan in plans]
    neighbours = Counter(pair for plan in plans for pair in pairwise(plan))
    return TurnStatistics(
        turns=len(plans),
        lengths=dict(sorted(Counter(map(len, plans)).items())),
        collapsed_lengths=dict(sorted(Counter(map(len, collapsed)).items())),
        plans=_ranked(Counter(plans)),
        collapsed_plans=_ranked(Counter(collapsed)),
        pairs=_pairs(neighbours),
        repeats=sum(count for (first, second), count in neighbours.items() if first == second),
        neighbours=neighbours.total(),
    )


def _pairs(neighbours: Counter[tuple[Strategy, Strategy]]) -> tuple[OrderedPair, ...]:
    pairs = []
    for low, high in {(min(pair), max(pair)) for pair in neighbours if pair[0] != pair[1]}:
        forward, backward = neighbours[low, high], neighbours[high, low]
        if forward >= backward:
            pairs.append(OrderedPair(low, high, forward, backward))
        else:
            pairs.append(OrderedPair(high, low, backward, forward))
    return tuple(sorted(pairs, key=lambda pair: (-pair.total, pair.first, pair.second)))


def _ranked(counts: Counter[StrategySequence]) -> dict[StrategySequence, int]:
    """Most frequent first; ties by length, then by class, so that the order never depends on the data's order."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], len(item[0]), item[0])))


def _multi_share(lengths: dict[int, int], turns: int) -> float | None:
    return 100 * sum(count for length, count in lengths.items() if length > 1) / turns if turns else None


@dataclass(frozen=True)
class Transitions:
    """How often each run of ``hops`` strategies occurs, most frequent first; ``total`` is the number of all runs."""

    hops: int
    total: int
    counts: dict[tuple[Strategy, ...], int]

    def permille(self, run: tuple[Strategy, ...]) -> float:
        """Share of a run among all runs of this length, per mille.

        Raises:
            ValueError: There are no runs at all.
        """
        if not self.total:
            raise ValueError(f"no {self.hops}-hop transitions to take a share of")
        return 1000 * self.counts.get(run, 0) / self.total


def transitions(dialogues: Sequence[Dialogue], *, hops: int, collapsed: bool = True) -> Transitions:
    """Counts every window of ``hops`` strategies over the supporter's messages of a conversation.

    The seeker's messages in between do not matter, and no window spans two conversations. With ``collapsed`` a strategy
    that the next supporter message repeats counts once, whether in the same turn or in the next. The paper does not
    say so, but its Table 6 has no run of equal strategies, and only under this rule are the corpus's five most frequent
    3-hop transitions those of the paper (``benchmarks/corpus.md``). The denominator is all windows of this length.

    Source: Liu et al., ACL 2021, appendix, Table 6.

    Raises:
        ValueError: ``hops`` is below 2. (The paper calls a window of three strategies "3-hop".)
        CorpusError: A supporter message has no strategy.
    """
    if hops < 2:
        raise ValueError(f"got {hops} hops, expected at least 2")
    counts: Counter[tuple[Strategy, ...]] = Counter()
    for dialogue in dialogues:
        sequence = tuple(item.strategy for item in message_view([dialogue]))
        if collapsed:
            sequence = collapse(sequence)
        counts.update(sequence[start : start + hops] for start in range(len(sequence) - hops + 1))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Transitions(hops, counts.total(), dict(ranked))
