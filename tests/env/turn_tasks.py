"""Small tasks whose histories are random numbers: what an environment does does not depend on where they come from."""

from collections.abc import Sequence

import numpy as np

from encoding.plan_codec import PlanCodec
from encoding.reasoning_codec import ReasoningCodec
from env.actions import Mode
from env.environments import SupportEnv, SupportVectorEnv
from env.rewards import RewardWeights
from env.turns import TurnProcess, TurnTask

# One to five strategies, so that some are longer than three slots; a repeat; the same plan twice.
GOLDS = ((3,), (0, 4), (5,), (2, 2, 5), (0, 1, 2, 3), (1, 2, 3, 4, 5), (0, 4), (7,))
CODECS = {size: PlanCodec(size) for size in (1, 2, 3)}
# More contexts than strategies and STOP, so that One-by-One has actions beyond them; sizes (11, 2, 5, 4, 3).
REASONING = ReasoningCodec(tuple(f"problem {number}" for number in range(11)), ("fear", "anger"))
LABELS = np.array(
    [
        [10, 1, 4, 0, 2],
        [0, 0, 0, 0, 0],
        [3, 0, 2, 3, -1],
        [-1, -1, -1, 2, 1],
        [9, -1, 1, 1, 1],
        [5, 1, -1, -1, 2],
        [-1, -1, -1, -1, -1],
        [7, 0, 3, 2, 0],
    ]
)


def random_task(
    golds: Sequence[tuple[int, ...]] = GOLDS,
    *,
    max_strategies: int = 3,
    history_size: int = 12,
    labels: np.ndarray | None = None,
    scale: float = 1.0,
) -> TurnTask:
    """A task of these gold plans; every row has a history of its own, -scale..scale; with labels, of REASONING."""
    history = np.random.default_rng(0).uniform(-scale, scale, (len(golds), history_size)).astype(np.float32)
    return TurnTask(
        history=history,
        golds=tuple(golds),
        codec=CODECS[max_strategies],
        reasoning=labels,
        reasoning_codec=None if labels is None else REASONING,
    )


def reasoned_task(**settings: int | float) -> TurnTask:
    """The task of GOLDS with the reasoning labels LABELS."""
    return random_task(labels=LABELS, **settings)


def turn_env(task: TurnTask, mode: Mode = "one-by-one", **weights: float) -> SupportEnv:
    """One turn at a time."""
    return SupportEnv(TurnProcess(task, mode=mode, reward=RewardWeights(**weights)))


def turn_vector_env(episodes: int, task: TurnTask, mode: Mode = "one-by-one", **weights: float) -> SupportVectorEnv:
    """Turns side by side."""
    return SupportVectorEnv(TurnProcess(task, episodes=episodes, mode=mode, reward=RewardWeights(**weights)))
