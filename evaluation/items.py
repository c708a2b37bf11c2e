"""Items of a protocol: their dialogue (the unit of the bootstrap), and their place in the conversation."""

from collections.abc import Sequence

import numpy as np

from corpus.dialogue import SupporterMessage, Turn
from corpus.strategy import Strategy

INTERVALS = 6  # conversation progress in six equal intervals: Liu et al., ACL 2021, section 4.2 and its figure


def dialogue_units(items: Sequence[SupporterMessage] | Sequence[Turn]) -> np.ndarray:
    """The dialogue of every item, numbered by first appearance: the unit of the bootstrap.

    Not ``dialogue.number``, which starts anew in every file of a split directory: under ``--split all`` three
    dialogues would pass for one.

    Returns:
        Whole numbers from 0. Shape: (N,).
    """
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(id(item.dialogue), len(numbers)) for item in items], dtype=np.int64)


def progress_interval(index: int, messages: int) -> int:
    """Which of the six intervals of a conversation a message is in.

    Args:
        index: Position in the dialogue, from 0; a predicted plan may run past the end and counts as the last interval.
        messages: Messages of the dialogue.

    Returns:
        0 (opening) to 5 (close).
    """
    return min(INTERVALS * index // messages, INTERVALS - 1)


def strategies_by_progress(intervals: Sequence[int] | np.ndarray, strategies: Sequence[int] | np.ndarray) -> np.ndarray:
    """Counts strategies per interval of the conversation.

    Returns:
        Counts. Shape: (6 intervals, 8 strategies).
    """
    counts = np.zeros((INTERVALS, len(Strategy)), dtype=np.int64)
    np.add.at(counts, (np.asarray(intervals, dtype=np.int64), np.asarray(strategies, dtype=np.int64)), 1)
    return counts
