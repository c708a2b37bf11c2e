from pathlib import Path

import pytest

from corpus.analysis.statistics import corpus_statistics
from corpus.dialogue import Dialogue, Message, Role
from corpus.errors import CorpusError
from corpus.load import load_corpus
from corpus.strategy import Strategy


def seeker(text: str) -> Message:
    return Message(Role.SEEKER, text)


def supporter(text: str, strategy: Strategy) -> Message:
    return Message(Role.SUPPORTER, text, strategy=strategy)


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
