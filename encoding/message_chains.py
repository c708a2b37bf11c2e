"""Many histories as stretches of few message chains: the turns of a dialogue share their messages.

What is computed once per message of a chain, with running sums, serves every history that ends somewhere in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.dialogue import Message

_ALIKE = 4  # messages by which dialogues are told apart; if all are the same, they are only joined less


@dataclass(frozen=True)
class MessageChains:
    """N histories over T messages: history i is ``messages[starts[i] : starts[i] + lengths[i]]``.

    Attributes:
        messages: The messages of all chains, one chain after another.
        starts: Where the chain of each history begins. Shape: (N,), int.
        lengths: Number of messages of each history. Shape: (N,), int.
    """

    messages: tuple[Message, ...]
    starts: np.ndarray
    lengths: np.ndarray

    @classmethod
    def link(cls, histories: Sequence[Sequence[Message]]) -> "MessageChains":
        """Joins histories of which one begins with the other, as the turns of a dialogue do, whatever their order."""
        finished: list[Message] = []
        chain: tuple[Message, ...] = ()
        starts = np.zeros(len(histories), np.int64)
        # Side by side those that begin alike: of one dialogue, as far as dialogues differ in their first messages.
        for number in sorted(range(len(histories)), key=lambda one: [first.text for first in histories[one][:_ALIKE]]):
            messages = tuple(histories[number])
            shared = min(len(messages), len(chain))
            if messages[:shared] != chain[:shared]:  # compares by identity first, so mostly without looking inside
                finished += chain
                chain = messages
            elif len(messages) > len(chain):
                chain = messages
            starts[number] = len(finished)
        lengths = [len(history) for history in histories]
        return cls((*finished, *chain), starts, np.array(lengths, np.int64))

    @property
    def first_of_chain(self) -> np.ndarray:
        """Whether each message begins a chain. Shape: (T,), bool."""
        first = np.zeros(len(self.messages), bool)
        first[self.starts[self.lengths > 0]] = True
        return first
