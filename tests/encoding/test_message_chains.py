"""Histories that share their messages are told from chains; every history can be read back."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.dialogue import Message, Role, turn_view
from corpus.load import load_corpus
from corpus.strategy import Strategy
from encoding.observation import MessageChains

MESSAGES = [
    Message(Role.SEEKER, "a"),
    Message(Role.SEEKER, "b"),
    Message(Role.SUPPORTER, "a", Strategy.QUESTION),
]
A, B, C = MESSAGES
dialogues = st.lists(st.sampled_from(MESSAGES), max_size=6)
# Prefixes of few dialogues, in any order: chains begin, grow, are left and met again.
histories = st.lists(dialogues, min_size=1, max_size=3).flatmap(
    lambda whole: st.lists(
        st.tuples(st.sampled_from(whole), st.integers(0, 6)).map(lambda cut: tuple(cut[0][: cut[1]])), max_size=8
    )
)


@settings(max_examples=200, deadline=None)
@given(histories)
def test_every_history_can_be_read_back(histories: list[tuple[Message, ...]]) -> None:
    chains = MessageChains.link(histories)
    for history, start, length in zip(histories, chains.starts, chains.lengths, strict=True):
        assert chains.messages[start : start + length] == history
    # No two chains overlap.
    stops = {start: max(chains.lengths[chains.starts == start]) + start for start in chains.starts.tolist()}
    assert sum(stop - start for start, stop in stops.items()) == len(chains.messages)
    begun = [start for start, stop in sorted(stops.items()) if stop > start]
    assert chains.first_of_chain.nonzero()[0].tolist() == begun


def test_by_hand() -> None:
    chains = MessageChains.link([(), (A,), (A, B), (A,), (A, C), [C], (C, A, B)])
    # In the order of their texts: (), (A,), (A,), [C], (A, C), (C, A, B), (A, B); A and C have the same text.
    assert chains.messages == (A, C, A, C, C, A, B, A, B)
    assert chains.starts.tolist() == [0, 0, 7, 0, 2, 1, 4]
    assert chains.lengths.tolist() == [0, 1, 2, 1, 2, 1, 3]
    assert chains.first_of_chain.nonzero()[0].tolist() == [0, 1, 2, 4, 7]


def test_turns_of_a_dialogue_are_one_chain() -> None:
    sample = load_corpus(None).split("train")
    chains = MessageChains.link([turn.history for turn in turn_view(sample)])
    assert len(set(chains.starts.tolist())) == len(sample)
    assert len(chains.messages) < sum(len(dialogue.messages) for dialogue in sample)


def test_turns_in_any_order_make_the_same_chains() -> None:
    turns = turn_view(load_corpus(None).split("train"))
    order = np.random.default_rng(0).permutation(len(turns))
    chains = MessageChains.link([turn.history for turn in turns])
    mixed = MessageChains.link([turns[number].history for number in order])
    assert mixed.messages == chains.messages
    assert mixed.starts.tolist() == chains.starts[order].tolist()
