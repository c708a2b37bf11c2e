from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.analysis.turns import transitions
from corpus.dialogue import Dialogue, Message, Role
from corpus.load import load_corpus
from corpus.strategy import Strategy

Q, RE, AF, OT = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.OTHERS
PAPER = {(Q, AF, Q): 19.65, (Q, RE, Q): 14.55, (Q, RE, AF): 12.37, (AF, Q, AF): 11.96, (OT, Q, RE): 11.64}  # Table 6


def conversation(*strategies: Strategy | None) -> Dialogue:
    """``None`` stands for a message of the seeker."""
    return Dialogue(
        1,
        tuple(
            Message(Role.SEEKER, "words") if one is None else Message(Role.SUPPORTER, "words", one)
            for one in strategies
        ),
    )


TWO = [conversation(Q, None, Q, AF, None, Q, RE), conversation(AF, None, Q)]


def test_counts_by_hand() -> None:
    found = transitions(TWO, hops=3)  # Q Q AF Q RE collapses to Q AF Q RE; the second has two strategies only
    assert (found.hops, found.total) == (3, 2)
    assert found.counts == {(Q, AF, Q): 1, (AF, Q, RE): 1}
    assert found.permille((Q, AF, Q)) == 500
    assert found.permille((Q, Q, Q)) == 0


def test_raw_counts_keep_repeats_and_none_spans_two_conversations() -> None:
    found = transitions(TWO, hops=2, collapsed=False)
    assert found.counts == {(Q, Q): 1, (Q, AF): 1, (AF, Q): 2, (Q, RE): 1}
    assert next(iter(found.counts)) == (AF, Q)  # the most frequent first
    assert (RE, AF) not in found.counts


def test_nothing_to_take_a_share_of() -> None:
    found = transitions([conversation(Q, None, Q)], hops=3)
    assert (found.total, found.counts) == (0, {})
    with pytest.raises(ValueError, match="no 3-hop transitions"):
        found.permille((Q, AF, Q))
    with pytest.raises(ValueError, match="got 1 hops, expected at least 2"):
        transitions(TWO, hops=1)


@given(strategies=st.lists(st.none() | st.sampled_from(Strategy), min_size=1, max_size=20), hops=st.integers(2, 4))
def test_shares_add_up(strategies: list[Strategy | None], hops: int) -> None:
    dialogue = conversation(*strategies)
    said = sum(one is not None for one in strategies)
    assert transitions([dialogue], hops=hops, collapsed=False).total == max(0, said - hops + 1)
    found = transitions([dialogue], hops=hops)
    assert all(first != second for run in found.counts for first, second in pairwise(run))
    if found.total:
        assert sum(map(found.permille, found.counts)) == pytest.approx(1000)


@pytest.mark.real_data
def test_the_papers_most_frequent_transitions_are_ours_too(esconv: Path) -> None:
    """In the part of the file that the 2021 release had they rank as in Table 6 (benchmarks/corpus.md)."""
    dialogues = sorted(load_corpus(esconv / "ESConv-trainvalid.json").split("all"), key=lambda one: one.number)
    everything = transitions(dialogues, hops=3)
    assert set(list(everything.counts)[:5]) == set(PAPER)
    early = transitions(dialogues[:809], hops=3)
    assert list(early.counts)[:5] == list(PAPER)
    assert all(abs(early.permille(run) - share) < 1.5 for run, share in PAPER.items())
    assert set(list(transitions(dialogues, hops=3, collapsed=False).counts)[:5]) != set(PAPER)
