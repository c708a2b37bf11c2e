"""Orders of examples: every one once, little padding, the same again from the same seed."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from language_models.batching import BLANK, LengthGroupedSampler, scoring_order
from language_models.families.family import Example


def padding(examples, order, *, size):
    """Share of padding in the context and in the target tensors of batches in an order."""
    shares = []
    for lengths in ([len(one.context) for one in examples], [len(one.target) for one in examples]):
        batches = [[lengths[index] for index in order[first : first + size]] for first in range(0, len(order), size)]
        shares.append(1 - sum(lengths) / sum(len(batch) * max(batch) for batch in batches))
    return shares


def test_scoring_batches_waste_little_on_padding():
    # Lengths as of ESConv under 160 + 40 tokens: two thirds of the contexts are cut, targets spread over all lengths.
    rng = np.random.default_rng(0)
    contexts = np.where(rng.random(2700) < 0.65, 160, rng.integers(1, 160, 2700))
    targets = np.minimum(40, 1 + rng.geometric(1 / 22, 2700))
    examples = [Example([5] * context, [6] * target) for context, target in zip(contexts, targets, strict=True)]
    context, target = padding(examples, scoring_order(examples, batch_size=64), size=64)
    assert context < 0.04
    assert target < 0.22
    by_total = sorted(range(2700), key=lambda index: -contexts[index] - targets[index])
    assert target < padding(examples, by_total, size=64)[1] / 1.8


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), max_size=40), st.integers(1, 7))
def test_scoring_order_holds_every_example_once(lengths, size):
    examples = [Example([1] * context, [1] * target) for context, target in lengths]
    assert sorted(scoring_order(examples, batch_size=size)) == list(range(len(lengths)))


def test_scoring_order_by_hand():
    lengths = [(1, 9), (5, 1), (5, 3), (2, 1), (5, 2), (1, 1)]  # context, target
    examples = [Example([1] * context, [1] * target) for context, target in lengths]
    # By context: 2, 4, 1 (5 tokens), 3, 0, 5. Two batches of two at a time by target: 2, 4, 1, 3 and 0, 5.
    assert scoring_order(examples, batch_size=2) == [2, 4, 1, 3, 0, 5]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 8), st.integers(0, 3))
def test_an_epoch_holds_every_example_once_and_blanks_only_to_fill_the_last_step(lengths, size, epoch):
    short, whole = (LengthGroupedSampler(lengths, batch_size=size, seed=1, whole_batches=one) for one in (False, True))
    for sampler in (short, whole):
        sampler.set_epoch(epoch)
    order = list(whole)
    assert len(order) == len(whole) == -(-len(lengths) // size) * size
    assert sorted(order[: len(lengths)]) == list(range(len(lengths)))
    assert order[: len(lengths)] == list(short)
    assert set(order[len(lengths) :]) <= {BLANK}


def test_sampler_is_a_permutation_by_length_that_depends_on_seed_and_epoch_alone():
    lengths = torch.randint(1, 50, (203,), generator=torch.Generator().manual_seed(0)).tolist()
    sampler = LengthGroupedSampler(lengths, batch_size=4, seed=3)
    first = list(sampler)
    assert sorted(first) == list(range(203))
    assert list(sampler) == first
    batches = [[lengths[index] for index in first[k : k + 4]] for k in range(0, 200, 4)]
    spread = [max(batch) - min(batch) for batch in batches]
    assert sum(spread) / len(spread) < 3  # unsorted: about 30
    sampler.set_epoch(1)
    assert list(sampler) != first
    assert list(LengthGroupedSampler(lengths, batch_size=4, seed=4)) != first
