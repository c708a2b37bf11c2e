"""What a corpus holds, in counts: strategies, turns, transitions, ratings; by hand and on real data."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.analysis.ratings import feedback, intensity, mean_star
from corpus.analysis.statistics import corpus_statistics
from corpus.analysis.turns import OrderedPair, collapse, transitions, turn_statistics
from corpus.dialogue import Dialogue, Message, Role, Survey
from corpus.errors import CorpusError
from corpus.load import load_corpus
from corpus.strategy import Strategy
from tests.messages import seeker, supporter

LONG = Dialogue(
    1,
    (
        seeker("one two three"),
        supporter("a b", Strategy.QUESTION),
        supporter("a b c d", Strategy.REFLECTION),
        seeker("one"),
        supporter("a", Strategy.QUESTION),
        seeker("one two"),
    ),
    problem="job crisis",
    emotion="anger",
)
SHORT = Dialogue(2, (supporter("a", Strategy.OTHERS), seeker("one two")), problem="job crisis", emotion="fear")


def test_counts_by_hand() -> None:
    statistics = corpus_statistics([LONG, SHORT])
    assert (statistics.dialogues, statistics.messages) == (2, 8)
    assert (statistics.seeker_messages, statistics.supporter_messages) == (4, 4)
    assert (statistics.turns, statistics.multi_message_turns) == (3, 1)
    assert statistics.turn_lengths == {1: 2, 2: 1}
    assert {strategy for strategy, count in statistics.strategies.items() if count} == {
        Strategy.QUESTION,
        Strategy.REFLECTION,
        Strategy.OTHERS,
    }
    assert statistics.strategies[Strategy.QUESTION] == 2
    assert list(statistics.strategies) == list(Strategy)
    assert statistics.problems == {"job crisis": 2}
    assert statistics.emotions == {"anger": 1, "fear": 1}
    assert statistics.messages_per_dialogue == 4
    assert statistics.seeker_words == (3 + 1 + 2 + 2) / 4
    assert statistics.supporter_words == (2 + 4 + 1 + 1) / 4


def test_progress_table_by_hand() -> None:
    table = corpus_statistics([LONG, SHORT]).strategies_by_progress
    expected = [[0.0] * 8 for _ in range(6)]
    expected[0][Strategy.OTHERS] = 100.0  # SHORT: 0 / 2
    expected[1][Strategy.QUESTION] = 100.0  # LONG: 1 / 6 is where the second sixth begins
    expected[2][Strategy.REFLECTION] = 100.0
    expected[4][Strategy.QUESTION] = 100.0
    assert [list(row) for row in table] == expected


def test_progress_table_shares() -> None:
    dialogue = Dialogue(
        1, tuple(supporter("a", Strategy.OTHERS if place % 2 else Strategy.INFORMATION) for place in range(12))
    )
    for row in corpus_statistics([dialogue]).strategies_by_progress:
        assert sum(row) == 100
        assert (row[Strategy.INFORMATION], row[Strategy.OTHERS]) == (50, 50)


def test_one_side_silent_and_nothing_at_all() -> None:
    statistics = corpus_statistics([Dialogue(1, (seeker("hello"),))])
    assert (statistics.supporter_messages, statistics.turns) == (0, 0)
    assert statistics.supporter_words is None  # not 0: there is nothing to measure
    assert statistics.problems == statistics.emotions == {}
    assert statistics.turn_lengths == {}
    with pytest.raises(CorpusError, match="no dialogues, expected at least one"):
        corpus_statistics([])


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("split", "dialogues", "supporter_messages", "turns", "multi"),
    [("train", 910, 12759, 10679, 1842), ("valid", 195, 2722, 2257, 423)],
)
def test_real_splits_have_the_published_counts(
    esconv: Path, split: str, dialogues: int, supporter_messages: int, turns: int, multi: int
) -> None:
    statistics = corpus_statistics(load_corpus(esconv).split(split))
    assert statistics.dialogues == dialogues
    assert statistics.supporter_messages == supporter_messages
    assert statistics.turns == turns
    assert statistics.multi_message_turns == multi
    assert sum(statistics.turn_lengths.values()) == turns
    assert sum(length * count for length, count in statistics.turn_lengths.items()) == supporter_messages
    assert sum(statistics.strategies.values()) == supporter_messages
    assert sum(statistics.problems.values()) == sum(statistics.emotions.values()) == dialogues


@pytest.mark.real_data
def test_questions_fall_and_suggestions_rise_over_the_real_conversations(esconv: Path) -> None:
    """The phases of the 2021 paper: exploration first, action later (its figure of strategies over progress)."""
    table = corpus_statistics(load_corpus(esconv).split("train")).strategies_by_progress
    assert table[0][Strategy.QUESTION] > 2 * table[4][Strategy.QUESTION]
    assert table[4][Strategy.SUGGESTIONS] > 2 * table[0][Strategy.SUGGESTIONS]


Q, RE, AF = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION
SU, OT = Strategy.SUGGESTIONS, Strategy.OTHERS


def conversation(*plans: tuple[Strategy, ...]) -> Dialogue:
    """A seeker's message before every plan."""
    messages: list[Message] = []
    for plan in plans:
        messages.append(Message(Role.SEEKER, "my words"))
        messages += [Message(Role.SUPPORTER, "their words", strategy) for strategy in plan]
    return Dialogue(1, tuple(messages))


def test_turns_by_hand() -> None:
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


@given(spoken_plans=st.lists(plans, max_size=8))
def test_every_message_and_neighbour_is_counted_once(spoken_plans: list[tuple[Strategy, ...]]) -> None:
    found = turn_statistics([conversation(*spoken_plans)] if spoken_plans else [])
    assert sum(found.lengths.values()) == sum(found.collapsed_lengths.values()) == found.turns == len(spoken_plans)
    assert sum(length * count for length, count in found.lengths.items()) == sum(map(len, spoken_plans))
    assert found.neighbours == sum(len(plan) - 1 for plan in spoken_plans)
    assert sum(pair.total for pair in found.pairs) == found.neighbours - found.repeats
    assert all(pair.forward >= pair.backward for pair in found.pairs)


PAPER = {
    (Q, AF, Q): 19.65,
    (Q, RE, Q): 14.55,
    (Q, RE, AF): 12.37,
    (AF, Q, AF): 11.96,
    (OT, Q, RE): 11.64,
}  # Table 6


def spoken(*strategies: Strategy | None) -> Dialogue:
    """``None`` stands for a message of the seeker."""
    return Dialogue(
        1,
        tuple(
            Message(Role.SEEKER, "words") if one is None else Message(Role.SUPPORTER, "words", one)
            for one in strategies
        ),
    )


TWO = [
    spoken(Q, None, Q, AF, None, Q, RE),
    spoken(AF, None, Q),
]


def test_transitions_by_hand() -> None:
    found = transitions(TWO, hops=3)  # Q Q AF Q RE collapses to Q AF Q RE; the second has two strategies only
    assert (found.hops, found.total) == (3, 2)
    assert found.counts == {
        (Q, AF, Q): 1,
        (AF, Q, RE): 1,
    }
    assert found.permille((Q, AF, Q)) == 500
    assert found.permille((Q, Q, Q)) == 0


def test_raw_counts_keep_repeats_and_none_spans_two_conversations() -> None:
    found = transitions(TWO, hops=2, collapsed=False)
    assert found.counts == {
        (Q, Q): 1,
        (Q, AF): 1,
        (AF, Q): 2,
        (Q, RE): 1,
    }
    assert next(iter(found.counts)) == (AF, Q)  # the most frequent first
    assert (RE, AF) not in found.counts


def test_nothing_to_take_a_share_of() -> None:
    found = transitions([spoken(Q, None, Q)], hops=3)
    assert (found.total, found.counts) == (0, {})
    with pytest.raises(ValueError, match="no 3-hop transitions"):
        found.permille((Q, AF, Q))
    with pytest.raises(ValueError, match="got 1 hops, expected at least 2"):
        transitions(TWO, hops=1)


@given(strategies=st.lists(st.none() | st.sampled_from(Strategy), min_size=1, max_size=20), hops=st.integers(2, 4))
def test_shares_add_up(strategies: list[Strategy | None], hops: int) -> None:
    dialogue = spoken(*strategies)
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


def rated(*stars: int | None) -> Dialogue:
    """A conversation of seeker messages with these ratings."""
    return Dialogue(1, tuple(Message(Role.SEEKER, "words", feedback=one) for one in stars))


def surveyed(before: int | None, after: int | None, empathy: int | None = 4) -> Dialogue:
    return Dialogue(
        1,
        (Message(Role.SUPPORTER, "words", Strategy.OTHERS),),
        survey=Survey(initial_intensity=before, final_intensity=after, empathy=empathy),
    )


def test_feedback_by_hand() -> None:
    found = feedback([rated(5, None, None, 3, None, 1), rated(4, 2)])
    assert found.stars.tolist() == [1, 1, 1, 1, 1]
    assert found.total == 5
    assert found.by_phase[0].tolist() == [0, 0, 0, 1, 1]  # messages 0 of 6 and 0 of 2
    assert found.by_phase[3].tolist() == [0, 1, 1, 0, 0]  # 3 of 6 and 1 of 2 are where the fourth sixth begins
    assert found.phase_means() == (4.5, None, None, 2.5, None, 1.0)


def test_intensity_by_hand() -> None:
    found = intensity(
        [
            surveyed(5, 2),
            surveyed(4, 4),
            surveyed(3, 3, None),
            surveyed(2, 3, None),
            surveyed(5, None),
            surveyed(None, None),
        ]
    )
    assert found.total == 4
    assert (found.table[4, 1], found.table[3, 3], found.table[2, 2], found.table[1, 2]) == (1, 1, 1, 1)
    assert found.change().tolist() == [0, 0, 0, 1, 2, 0, 0, 1, 0]  # one worse by 1, two unchanged, one better by 3
    assert (found.mean_before, found.mean_after) == (3.5, 3.0)
    assert (found.before_only, found.neither) == (1, 1)
    assert found.repeated == 1  # the one without a change and without any other answer


def test_nothing_given() -> None:
    assert feedback([rated(None)]).phase_means() == (None,) * 6
    assert intensity([surveyed(None, None)]).mean_after is None
    assert mean_star(np.zeros(5)) is None


@pytest.mark.real_data
def test_unchanged_intensities_of_esconv_are_unanswered_surveys(esconv: Path) -> None:
    found = intensity(load_corpus(esconv).split("all"))
    assert found.total == 910 + 195
    assert found.repeated == found.change()[4] > 0
    assert found.change()[:4].sum() == 0  # nobody felt worse: such conversations were not accepted
