"""Examples as padded tensors, and an order of batches that wastes little on padding."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Sampler

IGNORED = -100  # label of positions without a loss, torch's convention
BLANK = -1  # stands in an order of examples for one that nothing is learned from
MEGABATCH = 50  # batches that are sorted together: enough to match lengths, few enough to stay random


class Example(NamedTuple):
    """One training or scoring example.

    Attributes:
        context: Token ids of reasoning and history; empty without both, where the supporter opens a dialogue.
        target: Token ids that are learned: strategy tokens, text, end or continue token.
    """

    context: list[int]
    target: list[int]


class Collator:
    """Pads examples to the longest of their batch.

    An encoder-decoder gets ``input_ids`` and ``attention_mask`` (B, T) of the context, ``decoder_input_ids`` and
    ``labels`` (B, L) of the target; padding is on the right. A decoder-only model gets context, start token and target
    in one ``input_ids`` (B, T + L) with ``attention_mask``, ``position_ids`` and ``labels``, where all labels but the
    target's are ignored; padding is on the left, so that all targets end together and logits are needed for the last
    positions alone. An empty target has no loss.

    Args:
        encoder_decoder: Which of the two.
        start: Token id before every target.
        padding: Token id of padding; it may be a real token's, masks decide.
    """

    def __init__(self, *, encoder_decoder: bool, start: int, padding: int) -> None:
        self.encoder_decoder = encoder_decoder
        self.start = start
        self.padding = padding

    def __call__(self, examples: Sequence[Example]) -> dict[str, torch.Tensor]:
        """One batch of tensors (int64), keyed by the model's argument names."""
        if self.encoder_decoder:
            # An encoder needs a token to attend to: an empty history is one start token.
            contexts = [example.context or [self.start] for example in examples]
            return {
                "input_ids": pad(contexts, value=self.padding),
                "attention_mask": pad([[1] * len(one) for one in contexts], value=0),
                "decoder_input_ids": pad([[self.start, *one.target[:-1]] for one in examples], value=self.padding),
                "labels": pad([one.target or [IGNORED] for one in examples], value=IGNORED),
            }
        sequences = [[*one.context, self.start, *one.target] for one in examples]
        mask = pad([[1] * len(one) for one in sequences], value=0, left=True)
        ignored = [len(sequence) - len(one.target) for sequence, one in zip(sequences, examples, strict=True)]
        labels = [[IGNORED] * number + one.target for number, one in zip(ignored, examples, strict=True)]
        return {
            "input_ids": pad(sequences, value=self.padding, left=True),
            "attention_mask": mask,
            "position_ids": positions(mask),
            "labels": pad(labels, value=IGNORED, left=True),
        }


def pad(rows: Sequence[Sequence[int]], *, value: int, left: bool = False) -> torch.Tensor:
    """Rows of different lengths as one (B, longest) int64 tensor, filled up with ``value`` on one side."""
    width = max(len(row) for row in rows)
    table = torch.full((len(rows), width), value, dtype=torch.long)
    for index, row in enumerate(rows):
        table[index, width - len(row) if left else 0 : width if left else len(row)] = torch.tensor(row)
    return table


def positions(mask: torch.Tensor) -> torch.Tensor:
    """Position numbers that count real tokens only, 0 on left padding; (B, T) from an attention mask (B, T)."""
    return (mask.cumsum(dim=-1) - 1).clamp(min=0)


def length_order(lengths: Sequence[int]) -> list[int]:
    """Indices from the longest to the shortest: batches without waste, and too large a batch fails at once."""
    return sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))


def scoring_order(examples: Sequence[Example], *, batch_size: int) -> list[int]:
    """Indices in an order whose batches waste little on padding of contexts and of targets.

    Sorted by context; as many contexts are as long as a context may be, targets mostly come sorted too. Where contexts
    differ, two batches at a time are sorted by target. On ESConv's valid split, in batches of 64, 5 to 7 % of the work
    goes into padding; in order of total length 14 to 16 % (decoder-only 5 %), in the corpus's order 25 %.
    """
    contexts = np.array([len(example.context) for example in examples])
    targets = np.array([len(example.target) for example in examples])
    order = np.lexsort((-targets, -contexts))
    groups = [order[first : first + 2 * batch_size] for first in range(0, len(order), 2 * batch_size)]
    return [int(index) for group in groups for index in group[np.lexsort((-contexts[group], -targets[group]))]]


class LengthGroupedSampler(Sampler[int]):
    """Random order in which neighbours are about equally long.

    Every epoch has its own order, drawn from seed and epoch number alone. Unlike transformers' own sampler it does not
    use the global random state, so a resumed training meets the very batches an uninterrupted one does.

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
        for index in [*rng.permutation(len(batches))]:
            yield from batches[index].tolist()
        for batch in last:
            yield from batch.tolist()
        yield from [BLANK] * self.blanks
