"""Histories that share their messages are told from chains; every history can be read back."""

from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.dialogue import Message, Role, turn_view
from corpus.load import load_corpus
from corpus.strategy import Strategy
from encoding.message_chains import MessageChains

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
    # Histories of a chain stand side by side; no two chains overlap.
    assert sorted(chains.starts) == chains.starts.tolist()
    stops = {start: max(chains.lengths[chains.starts == start]) + start for start in chains.starts.tolist()}
    assert sum(stop - start for start, stop in stops.items()) == len(chains.messages)
    assert chains.first_of_chain.nonzero()[0].tolist() == [start for start, stop in stops.items() if stop > start]


def test_by_hand() -> None:
    chains = MessageChains.link([(), (A,), (A, B), (A,), (A, C), [C], (C, A, B)])
    assert chains.messages == (A, B, A, C, C, A, B)
    assert chains.starts.tolist() == [0, 0, 0, 0, 2, 4, 4]
    assert chains.lengths.tolist() == [0, 1, 2, 1, 2, 1, 3]
    assert chains.first_of_chain.nonzero()[0].tolist() == [0, 2, 4]


def test_turns_of_a_dialogue_are_one_chain() -> None:
    sample = load_corpus(None).split("train")
    chains = MessageChains.link([turn.history for turn in turn_view(sample)])
    assert len(set(chains.starts.tolist())) == len(sample)
    assert len(chains.messages) < sum(len(dialogue.messages) for dialogue in sample)
