"""How the retrieval seeker is fitted: its settings, which import nothing heavy because the command line shows them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.dialogue import Dialogue


@dataclass(frozen=True)
class SeekerConfig:
    """How the models of the retrieval seeker are fitted."""

    components: int = 64
    """Principal components of the sentence embeddings that models and retrieval use."""
    folds: int = 5
    """Folds for scoring how typical a training dialogue's strategies are, by models fitted without it (2 or more)."""
    failed_share: float = 0.5
    """Share of the failed conversations that is fitted; the rest tests whether failures are recognised (0 to 1)."""

    def __post_init__(self) -> None:
        if self.components < 1:
            raise ValueError(f"components: got {self.components}, expected at least 1")
        if self.folds < 2:
            raise ValueError(f"folds: got {self.folds}, expected at least 2")
        if not 0 < self.failed_share < 1:
            raise ValueError(f"failed_share: got {self.failed_share}, expected between 0 and 1")


def divide_failed(
    failed: Sequence[Dialogue], *, share: float, rng: np.random.Generator
) -> tuple[list[Dialogue], list[Dialogue]]:
    """Deals failed conversations into those to fit with and those held out, each in their order."""
    chosen = set(rng.permutation(len(failed))[: round(share * len(failed))].tolist())
    return (
        [dialogue for row, dialogue in enumerate(failed) if row in chosen],
        [dialogue for row, dialogue in enumerate(failed) if row not in chosen],
    )
