"""Examples in an order of batches that wastes little on padding, for training, scoring and decoding."""

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Dataset, Sampler

from language_models.families.family import Example

BLANK = -1  # in an order of examples: one that nothing is learned from
MEGABATCH = 50  # batches that are sorted together: enough to match lengths, few enough to stay random


class ExampleList(Dataset[Example]):
    """Examples as a torch dataset; ``BLANK`` is one without a target, which nothing is learned from."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = list(examples)

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        return Example([], []) if index == BLANK else self.examples[index]

    @property
    def lengths(self) -> list[int]:
        """Context and target together, in tokens."""
        return [len(example.context) + len(example.target) for example in self.examples]


def length_order(lengths: Sequence[int]) -> list[int]:
    """Indices from the longest to the shortest: batches without waste, and too large a batch fails at once."""
    return sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))


def scoring_order(examples: Sequence[Example], *, batch_size: int) -> list[int]:
    """Indices in an order whose batches waste little on padding of contexts and of targets.

    Sorted by context; as many contexts are as long as a context may be, targets mostly come sorted too. Where contexts
    differ, two batches at a time are sorted by target. On ESConv's valid split, in batches of 64, 5 to 7 % of the work
    goes into padding; in order of total length 14 to 16 % (causal models 5 %), in the corpus's order 25 %.
    """
    contexts = np.array([len(example.context) for example in examples])
    targets = np.array([len(example.target) for example in examples])
    order = np.lexsort((-targets, -contexts))
    groups = [order[first : first + 2 * batch_size] for first in range(0, len(order), 2 * batch_size)]
    return [int(index) for group in groups for index in group[np.lexsort((-contexts[group], -targets[group]))]]


class LengthGroupedSampler(Sampler[int]):
    """Random order in which neighbours are about equally long.

    Every epoch has its own order, which depends on seed and epoch number alone. Unlike transformers' own sampler it
    does not use the global random state, so a resumed training meets the very batches an uninterrupted one does.

    Args:
        lengths: Of every example, in tokens.
        batch_size: Examples per optimizer step.
        seed: Of the order.
        whole_batches: Fill up a short last step with ``BLANK``.
    """

    def __init__(self, lengths: Sequence[int], *, batch_size: int, seed: int, whole_batches: bool = False) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.blanks = -len(lengths) % batch_size if whole_batches else 0
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch whose order is next; called by the data loader."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths) + self.blanks

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(len(self.lengths))
        size = self.batch_size * MEGABATCH
        batches: list[np.ndarray] = []
        for first in range(0, len(order), size):
            part = order[first : first + size]
            part = part[np.argsort(-self.lengths[part], kind="stable")]
            batches += [part[start : start + self.batch_size] for start in range(0, len(part), self.batch_size)]
        # A short last batch stays last; the others are mixed so that lengths come in no order.
        last = [batches.pop()] if batches and len(batches[-1]) < self.batch_size else []
        for index in rng.permutation(len(batches)):
            yield from batches[index].tolist()
        for batch in last:
            yield from batch.tolist()
        yield from [BLANK] * self.blanks
