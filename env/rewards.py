"""What a plan is worth, term by term; every term is a pure function of the plan and the gold plan.

Source: Zhu et al. 2026 (arXiv 2604.17972) reward All-in-One with the Levenshtein ratio to the gold sequence and
One-by-One additionally with a match of the stop decision. The bonus for exact plans, the reward of reasoning and the
balance over strategies are this project's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from encoding.plan_codec import PlanCodec
from metrics.strategy.edit_distance import levenshtein_ratio, levenshtein_ratio_table


def similarity(plan: Sequence[int], gold: Sequence[int]) -> float:
    """Levenshtein ratio of a whole plan to the gold plan, 0..1: the metric LR, so that reward and report agree."""
    return levenshtein_ratio(plan, gold)


def similarity_gain(before: Sequence[int], after: Sequence[int], gold: Sequence[int]) -> float:
    """What one more strategy adds to the similarity, -1..1.

    Summed over the steps of One-by-One this telescopes to :func:`similarity` of the final plan, because an empty plan
    has similarity 0 to every gold plan (a turn has at least one message): both environments pay alike for a plan.
    """
    return similarity(after, gold) - similarity(before, gold)


def stop_match(plan: Sequence[int], gold: Sequence[int], *, max_strategies: int) -> float:
    """1 if the plan stopped where the gold plan does (both cut at ``max_strategies``), else 0.

    Paid once, when the plan is complete: paid per decision it would reward long plans for having more decisions.
    """
    return float(min(len(plan), max_strategies) == min(len(gold), max_strategies))


def exact_match(plan: Sequence[int], gold: Sequence[int], *, max_strategies: int) -> float:
    """1 if the plan is the gold plan cut at ``max_strategies``, else 0. Paid once, when the plan is complete."""
    return float(tuple(plan) == tuple(gold[:max_strategies]))


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
class RewardWeights:
    """How much each reward term counts.

    Attributes:
        similarity: Weight of the Levenshtein ratio to the gold plan.
        stop: Weight of stopping where the gold plan stops.
        reasoning: Weight of each reasoning slot that is right; nothing is paid where the label is unknown.
        exact: Weight of planning exactly the gold plan.
        balance: Exponent of :func:`balance_factors`, from 0.
    """

    similarity: float = 1.0
    stop: float = 0.2
    reasoning: float = 0.1
    exact: float = 0.0
    balance: float = 0.0

    def __post_init__(self) -> None:
        if self.balance < 0:
            raise ValueError(f"balance: got {self.balance}, expected an exponent from 0")


class RewardTable:
    """The reward terms of every possible plan against every distinct gold plan, computed once.

    Args:
        golds: The G gold plans of a task, repeats allowed.
        codec: Which plans there are.

    Attributes:
        gold_index: Row of each gold plan. Shape: (G,), int.
        similarity: :func:`similarity` by row and plan code. Shape: (rows, 9^K), float32.
        stop_match: :func:`stop_match` by row and plan code. Shape: (rows, 9^K), float32.
        exact_match: :func:`exact_match` by row and plan code. Shape: (rows, 9^K), float32.
    """

    def __init__(self, golds: Sequence[tuple[int, ...]], *, codec: PlanCodec) -> None:
        distinct = sorted(set(golds))
        row = {gold: number for number, gold in enumerate(distinct)}
        self.gold_index = np.array([row[gold] for gold in golds])
        most = codec.max_strategies

        def tabulated(term: Callable[..., float]) -> np.ndarray:
            by_plan = [[term(plan, gold, max_strategies=most) for plan in codec.plans] for gold in distinct]
            return np.array(by_plan, np.float32)[:, codec.plan_of_code]

        self.similarity = levenshtein_ratio_table(distinct, codec.plans)[:, codec.plan_of_code]
        self.stop_match = tabulated(stop_match)
        self.exact_match = tabulated(exact_match)
