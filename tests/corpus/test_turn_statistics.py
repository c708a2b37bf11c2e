from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.analysis.turns import OrderedPair, collapse, turn_statistics
from corpus.dialogue import Dialogue, Message, Role
from corpus.load import load_corpus
from corpus.strategy import Strategy

Q, RE, AF, SU = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


def conversation(*plans: tuple[Strategy, ...]) -> Dialogue:
    """A seeker's message before every plan."""
    messages: list[Message] = []
    for plan in plans:
        messages.append(Message(Role.SEEKER, "my words"))
        messages += [Message(Role.SUPPORTER, "their words", strategy) for strategy in plan]
    return Dialogue(1, tuple(messages))


def test_counts_by_hand() -> None:
    found = turn_statistics([conversation((Q,), (AF, Q), (Q, Q)), conversation((Q, AF), (AF, Q, Q), (AF, Q))])
    assert found.turns == 6
    assert found.lengths == {1: 1, 2: 4, 3: 1}
    assert found.collapsed_lengths == {1: 2, 2: 4}  # (Q, Q) is one strategy, (AF, Q, Q) two
    assert found.multi_share == pytest.approx(100 * 5 / 6)
    assert found.collapsed_multi_share == pytest.approx(100 * 4 / 6)
    assert list(found.plans.items()) == [((AF, Q), 2), ((Q,), 1), ((Q, Q), 1), ((Q, AF), 1), ((AF, Q, Q), 1)]
    assert list(found.collapsed_plans.items()) == [((AF, Q), 3), ((Q,), 2), ((Q, AF), 1)]
    assert found.pairs == (OrderedPair(AF, Q, forward=3, backward=1),)
    assert found.pairs[0].total == 4
    assert found.pairs[0].lopsidedness == 75
    assert (found.repeats, found.neighbours) == (2, 6)


def test_a_tie_names_the_lower_class_first_and_pairs_are_ranked_by_both_orders() -> None:
    found = turn_statistics([conversation((SU, RE), (RE, SU), (AF, Q))])
    assert found.pairs == (OrderedPair(RE, SU, 1, 1), OrderedPair(AF, Q, 1, 0))
    assert found.pairs[0].lopsidedness == 50


def test_without_any_turn_there_is_no_share() -> None:
    found = turn_statistics([Dialogue(1, (Message(Role.SEEKER, "hello"),))])
    assert (found.turns, found.lengths, found.plans, found.pairs) == (0, {}, {}, ())
    assert found.multi_share is None
    assert found.collapsed_multi_share is None


plans = st.lists(st.sampled_from(Strategy), min_size=1, max_size=5).map(tuple)


@given(plan=plans)
def test_collapsing_leaves_no_repeat_and_no_new_order(plan: tuple[Strategy, ...]) -> None:
    short = collapse(plan)
    assert all(first != second for first, second in pairwise(short))
    assert set(short) == set(plan) and collapse(short) == short
    rest = iter(plan)
    assert all(strategy in rest for strategy in short)  # a subsequence


@given(several=st.lists(plans, max_size=8))
def test_every_message_and_neighbour_is_counted_once(several: list[tuple[Strategy, ...]]) -> None:
    found = turn_statistics([conversation(*several)] if several else [])
    assert sum(found.lengths.values()) == sum(found.collapsed_lengths.values()) == found.turns == len(several)
    assert sum(length * count for length, count in found.lengths.items()) == sum(map(len, several))
    assert found.neighbours == sum(len(plan) - 1 for plan in several)
    assert sum(pair.total for pair in found.pairs) == found.neighbours - found.repeats
    assert all(pair.forward >= pair.backward for pair in found.pairs)


@pytest.mark.real_data
def test_real_turns(esconv: Path) -> None:
    dialogues = load_corpus(esconv).split("all")
    assert len(dialogues) == 910 + 195
    found = turn_statistics(dialogues)
    assert found.turns == 10679 + 2257
    assert sum(count for length, count in found.lengths.items() if length > 1) == 1842 + 423
    assert found.collapsed_multi_share < found.multi_share
