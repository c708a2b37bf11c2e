"""Small tasks whose histories are random numbers: what an environment does does not depend on where they come from."""

from collections.abc import Sequence

import numpy as np

from encoding.plan_codec import PlanCodec
from env.turn_task import TurnTask

# One to five strategies, so that some are longer than three slots; a repeat; the same plan twice.
GOLDS = ((3,), (0, 4), (5,), (2, 2, 5), (0, 1, 2, 3), (1, 2, 3, 4, 5), (0, 4), (7,))
CODECS = {size: PlanCodec(size) for size in (1, 2, 3)}


def random_task(
    golds: Sequence[tuple[int, ...]] = GOLDS, *, max_strategies: int = 3, history_size: int = 12
) -> TurnTask:
    """A task of these gold plans; every row has a history of its own, -1..1."""
    history = np.random.default_rng(0).uniform(-1, 1, (len(golds), history_size)).astype(np.float32)
    return TurnTask(history=history, golds=tuple(golds), codec=CODECS[max_strategies])
