import numpy as np
import pytest

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from env.seekers.retrieval.strategy_tracks import STATISTICS, StrategyTracks, supporter_plans

Q, R, A = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION


def test_counts_are_of_turns_not_messages() -> None:
    tracks = StrategyTracks.of([[(Q, Q), (Q, A)], [], [(R,)]])
    assert tracks.turns.tolist() == [2, 0, 1]
    assert tracks.counts()[:, [Q, R, A]].tolist() == [[2, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_statistics_by_hand() -> None:
    row = StrategyTracks.of([[(Q,), (Q, A)]]).statistics()[0]
    assert row.shape == (STATISTICS,)
    assert row[[Q, A]] == pytest.approx([2 / 3, 1 / 3])  # share
    assert row[[8 + Q, 8 + A]] == pytest.approx([0.75, 0.5])  # saturated count
    assert row[[16 + Q, 16 + A, 16 + R]] == pytest.approx([1, 1, 0])  # recency: both in the last turn
    assert row[[24 + Q, 24 + A, 24 + R]].tolist() == [1, 1, 0]  # last turn
    assert row[32:].tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 0]  # two turns before


def test_statistics_are_bounded_however_long_one_keeps_on() -> None:
    values = StrategyTracks.of([[(Q,)] * 100]).statistics()
    assert values.min() >= 0 and values.max() <= 1


def test_wear() -> None:
    tracks = StrategyTracks.of([[(Q,), (Q,)], []])
    assert tracks.earlier_use(StrategyTracks.of([[(Q, A)], [(Q,)]])) == pytest.approx([0.375, 0])


def test_plans_of_a_history() -> None:
    said = [("s", None), ("h", Q), ("h", A), ("s", None), ("s", None), ("h", R)]
    history = [Message(Role.SUPPORTER if who == "h" else Role.SEEKER, "x", strategy=which) for who, which in said]
    assert supporter_plans(history) == [(Q, A), (R,)]


def test_a_supporter_without_strategy_is_refused() -> None:
    with pytest.raises(ValueError, match="supporter message 'hm' has no strategy"):
        supporter_plans([Message(Role.SUPPORTER, "hm")])


def test_no_conversations() -> None:
    assert StrategyTracks.of([]).statistics().shape == (0, STATISTICS)
    assert np.asarray(StrategyTracks.of([[]]).used).shape == (1, 0, 8)
