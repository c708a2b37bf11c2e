"""Dialogues become exchanges; what strategies were used before; how far the data reach."""

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from env.seekers.retrieval.exchanges import Exchanges, last_run, mean_embeddings
from env.seekers.retrieval.strategy_tracks import (
    STATISTICS,
    StrategyTracks,
    Support,
    effective_strategies,
    supporter_plans,
)
from tests.hash_encoder import HashEncoder
from tests.messages import seeker, supporter

Q, R, A, S = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


DIALOGUE = Dialogue(
    1,
    (
        supporter("hello", Strategy.OTHERS),
        seeker("a b"),
        seeker("c"),
        supporter("why so", Q),
        supporter("fine", A),
        seeker("d e f", 4),
        seeker("g"),
        supporter("bye", Strategy.OTHERS),
    ),
    situation="s",
)


def test_exchanges_by_hand() -> None:
    exchanges = Exchanges.of([DIALOGUE], text_encoder=HashEncoder())
    assert exchanges.plans == ((Q, A), (Strategy.OTHERS,))  # the greeting answers nobody
    assert exchanges.place.tolist() == [1, 2]
    assert exchanges.supporter_texts == (("why so", "fine"), ("bye",))
    assert exchanges.replies == (("d e f", "g"), ())
    assert exchanges.stars.tolist() == [4, 0]
    assert exchanges.supporter_words.tolist() == [3, 1]
    assert exchanges.reply_words.tolist() == [4, 0]
    said = HashEncoder().encode(["a b", "c"])
    assert exchanges.before[0] == pytest.approx(said.mean(axis=0))
    assert not exchanges.after[1].any()


def test_no_exchange_is_an_error() -> None:
    with pytest.raises(ValueError, match="no exchange in 1 dialogues"):
        Exchanges.of([Dialogue(1, (seeker("x"),))], text_encoder=HashEncoder())


def test_last_run() -> None:
    assert last_run(DIALOGUE.messages[:3]) == ("a b", "c")
    assert last_run(DIALOGUE.messages) == ()


def test_means_of_empty_runs_are_zero() -> None:
    assert not np.any(mean_embeddings([(), ()], text_encoder=HashEncoder()))


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


def test_effective_number_by_hand() -> None:
    numbers = effective_strategies(StrategyTracks.of([[(Q,), (A,), (Q,), (A,)], [(Q,), (Q,), (Q,), (A, R)]]))
    assert numbers[0] == pytest.approx([1, 2, np.exp(-(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3))), 2])
    assert numbers[1, 2] == pytest.approx(1)


def test_what_training_did_is_supported_and_what_it_never_did_is_not() -> None:
    varied = [[(Q,), (R,), (A,), (S,)], [(Q,), (A,), (R,), (S,)]] * 20
    support = Support.fit(StrategyTracks.of(varied))
    assert support(StrategyTracks.of(varied)) == pytest.approx(1)
    # The first turn of a constant is like any; none after it is.
    assert support(StrategyTracks.of([[(Q,)] * 4])) == pytest.approx(1 / 4)
    assert support(StrategyTracks.of([[(Q,), (A,)] * 4])) == pytest.approx(2 / 8)
    assert support(StrategyTracks.of([[(Q,)]])) == pytest.approx(1)


def test_nearly_all_training_conversations_are_fully_supported() -> None:
    rng = np.random.default_rng(0)
    plans = [[(Strategy(int(s)),) for s in rng.integers(0, 8, 10)] for _ in range(400)]
    tracks = StrategyTracks.of(plans)
    support = Support.fit(tracks)(tracks)
    assert (support == 1).mean() > 0.6
    assert support.mean() > 0.96
