"""Which strategies follow each other over a conversation: k-hop transitions, as in Table 6 of the 2021 paper."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from corpus.dialogue import Dialogue, message_view
from corpus.strategy import Strategy
from corpus.turn_statistics import collapse


@dataclass(frozen=True)
class Transitions:
    """Runs of ``hops`` strategies.

    Attributes:
        hops: Strategies in each run.
        total: Runs in all dialogues together.
        counts: How often each run occurs, most frequent first.
    """

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
    say so, but its Table 6 has no run of equal strategies, and this reading alone has the paper's five most frequent
    3-hop transitions as its own five (``benchmarks/corpus.md``). The denominator is all windows of this length.

    Source: Liu et al., ACL 2021, appendix, Table 6.

    Args:
        dialogues: What is counted.
        hops: Strategies in a window; at least 2. (The paper calls a window of three "3-hop".)
        collapsed: Whether repeats count once.

    Raises:
        ValueError: ``hops`` is below 2.
        CorpusError: A supporter message has no strategy.
    """
    if hops < 2:
        raise ValueError(f"got {hops} hops, expected at least 2")
    counts: Counter[tuple[Strategy, ...]] = Counter()
    for dialogue in dialogues:
        sequence = tuple(utterance.strategy for utterance in message_view([dialogue]))
        if collapsed:
            sequence = collapse(sequence)
        counts.update(sequence[start : start + hops] for start in range(len(sequence) - hops + 1))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Transitions(hops, counts.total(), dict(ranked))
