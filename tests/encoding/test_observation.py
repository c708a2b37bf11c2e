"""Every block of the history features against numbers worked by hand from the table in ``encoding/observation.py``."""

from collections.abc import Sequence
from itertools import chain
from math import log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.dialogue import Dialogue, Message, Role, turn_view
from corpus.load import load_corpus
from corpus.strategy import Strategy
from encoding.observation import MessageChains, Observer, plan_features
from tests.encoding.slow_observation import slow_features
from tests.hash_encoder import DIMENSION, HashEncoder, vector
from tests.messages import seeker, supporter

WINDOW = 3
SIZES = {
    "position": 10,
    "share": 8,
    "count": 8,
    "recency": 8,
    "last_run": 4,
    "habits": 4,
    "opening": 3,
}


LOST = seeker("I lost my job and I am scared")  # 8 words
ASK = supporter("When did that happen", Strategy.QUESTION)
PRAISE = supporter("You are brave to say so", Strategy.AFFIRMATION)
WEEK = seeker("last week")
HELP = seeker("what can I do?")  # 4 words
ADVISE = supporter("Try to rest first", Strategy.SUGGESTIONS)
ADVISE_MORE = supporter("Then write a list", Strategy.SUGGESTIONS)
CONVERSATION = (LOST, ASK, PRAISE, WEEK, HELP)

random_messages = st.one_of(
    st.builds(seeker, st.sampled_from(["yes", "no?", "it is hard " * 60 + "now"])),
    st.builds(supporter, st.sampled_from(["I see", "why?", "go on"]), st.sampled_from([*Strategy, None])),
)
random_histories = st.lists(random_messages, max_size=60).map(tuple)


def blocks(history: Sequence[Message], *, window: int = WINDOW) -> dict[str, np.ndarray]:
    """The features of a history, cut as the table says."""
    (features,) = Observer(HashEncoder(), window=window).encode_histories([history])
    parts = {"window": features[: window * (DIMENSION + 10)].reshape(window, DIMENSION + 10)}
    start = window * (DIMENSION + 10)
    for name, size in {"problem": DIMENSION, **SIZES}.items():
        parts[name] = features[start : start + size]
        start += size
    assert start == len(features)
    return parts


def strategies(**values: float) -> list[float]:
    """Eight entries, zero but for the named strategies."""
    return [values.get(strategy.name, 0.0) for strategy in Strategy]


def close(found: np.ndarray, expected: Sequence[float] | np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_window_holds_the_last_messages_in_order_with_speaker_and_strategy() -> None:
    window = blocks((*CONVERSATION, ADVISE))["window"]
    for slot, message in zip(window, (WEEK, HELP, ADVISE), strict=True):
        close(slot[:DIMENSION], vector(message.text))
    assert window[:, DIMENSION : DIMENSION + 2].tolist() == [[1, 0], [1, 0], [0, 1]]
    assert window[:, DIMENSION + 2 :].tolist() == [[0.0] * 8, [0.0] * 8, strategies(SUGGESTIONS=1)]


def test_problem_is_the_mean_over_the_seekers_messages() -> None:
    close(blocks(CONVERSATION)["problem"], (vector(LOST.text) + vector(WEEK.text) + vector(HELP.text)) / 3)


@pytest.mark.parametrize(
    ("lengths", "bucket"),
    [
        ([0], 0),
        ([1], 1),
        ([2], 2),
        ([3, 4], 3),
        ([5, 7], 4),
        ([8, 11], 5),
        ([12, 17], 6),
        ([18, 25], 7),
        ([26, 39], 8),
        ([40, 41, 120], 9),
    ],
)
def test_position_buckets(lengths: list[int], bucket: int) -> None:
    for length in lengths:
        position = blocks((LOST, ASK) * (length // 2) + (LOST,) * (length % 2))["position"]
        assert position.tolist() == [float(index == bucket) for index in range(10)]


def test_strategy_use() -> None:
    # In order: question, affirmation, question, suggestion: the last of each 1st, 3rd, 2nd from the end.
    parts = blocks((LOST, ASK, PRAISE, WEEK, ASK, HELP, ADVISE))
    close(parts["share"], strategies(QUESTION=1 / 2, AFFIRMATION=1 / 4, SUGGESTIONS=1 / 4))
    one, two = log(2) / log(21), log(3) / log(21)
    close(parts["count"], strategies(QUESTION=two, AFFIRMATION=one, SUGGESTIONS=one))
    close(parts["recency"], strategies(SUGGESTIONS=1.0, QUESTION=0.7, AFFIRMATION=0.7**2))


def test_last_run_and_habits_before_a_turn() -> None:
    parts = blocks(CONVERSATION)
    close(parts["last_run"], [log(5) / log(101), 1, 2 / 5, 0])  # four words, a question, run of two
    close(parts["habits"], [1, 2 / 5, 2 / 5, log(2) / log(41)])  # one finished turn, of two messages
    assert parts["opening"].tolist() == [0, 0, 0]


def test_messages_of_the_turn_under_way_are_its_trailing_run() -> None:
    parts = blocks((*CONVERSATION, ADVISE, ADVISE_MORE))
    close(parts["last_run"], [log(5) / log(101), 1, 2 / 5, 2 / 5])
    close(parts["habits"], [1, 2 / 5, 2 / 5, log(2) / log(41)])  # the turn under way is not finished
    close(parts["share"], strategies(QUESTION=1 / 4, AFFIRMATION=1 / 4, SUGGESTIONS=1 / 2))


def test_empty_history() -> None:
    parts = blocks(())
    assert parts["position"].tolist() == [1] + [0] * 9
    assert parts["opening"].tolist() == [1, 1, 1]
    for name in ("window", "problem", "share", "count", "recency", "last_run", "habits"):
        assert not parts[name].any(), name


@settings(max_examples=60, deadline=None)
@given(st.lists(random_histories, max_size=4), st.integers(1, 5))
def test_bounds_size_and_independence(histories: list[tuple[Message, ...]], window: int) -> None:
    observer = Observer(HashEncoder(), window=window)
    encoded = observer.encode_histories(histories)
    assert observer.history_size == window * (DIMENSION + 10) + DIMENSION + 45
    assert encoded.shape == (len(histories), observer.history_size)
    assert encoded.dtype == np.float32
    assert (np.abs(encoded) <= 1.0).all()
    for history, features in zip(histories, encoded, strict=True):
        np.testing.assert_array_equal(observer.encode_histories([history])[0], features)


# Prefixes of dialogues in order, as the turns of a corpus come, beside single histories in any order.
prefixes = random_histories.map(lambda history: [history[:end] for end in range(0, len(history) + 1, 3)])
in_any_order = st.lists(random_histories | st.just(()), max_size=4)
batches = st.one_of(in_any_order, st.lists(prefixes, max_size=3).map(lambda parts: [*chain(*parts)]))


@settings(max_examples=100, deadline=None)
@given(batches, st.integers(1, 4))
def test_equals_the_slow_reference(histories: list[tuple[Message, ...]], window: int) -> None:
    encoded = Observer(HashEncoder(), window=window).encode_histories(histories)
    for history, features in zip(histories, encoded, strict=True):
        np.testing.assert_allclose(
            features, slow_features(history, text_encoder=HashEncoder(), window=window), atol=1e-6
        )


def check_turns(dialogues: Sequence[Dialogue]) -> None:
    """The turns of these dialogues, and every third in reverse order, against the reference."""
    histories = [turn.history for turn in turn_view(dialogues)]
    encoded = Observer(HashEncoder()).encode_histories(histories)
    reference = [slow_features(history, text_encoder=HashEncoder(), window=3) for history in histories]
    np.testing.assert_allclose(encoded, reference, atol=1e-6)
    np.testing.assert_array_equal(Observer(HashEncoder()).encode_histories(histories[::-3]), encoded[::-3])


def test_bundled_sample_equals_the_slow_reference() -> None:
    check_turns(load_corpus(None).split("train")[:10])


def test_each_distinct_message_is_embedded_once() -> None:
    encoder = HashEncoder()
    histories = [CONVERSATION[:length] for length in range(len(CONVERSATION) + 1)]
    Observer(encoder).encode_histories([*histories, (seeker(ASK.text), ASK)])
    assert sorted(encoder.embedded) == sorted(message.text for message in CONVERSATION)
    assert len(encoder.calls) == 1


def test_window_of_no_message_is_refused() -> None:
    with pytest.raises(ValueError, match="window: got 0"):
        Observer(HashEncoder(), window=0)


def test_plan_features_by_hand() -> None:
    features = plan_features(np.array([[0, 7, 8], [8, 8, 8], [3, 3, 3]]))
    expected = np.zeros((3, 28))
    expected[0, [0, 9 + 7, 18 + 8]], expected[0, 27] = 1, 2 / 3
    expected[1, [8, 9 + 8, 18 + 8]], expected[1, 27] = 1, 0
    expected[2, [3, 9 + 3, 18 + 3]], expected[2, 27] = 1, 1
    close(features, expected)
    assert features.dtype == np.float32


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


def test_turns_of_a_dialogue_are_one_chain_in_whatever_order() -> None:
    sample = load_corpus(None).split("train")
    turns = turn_view(sample)
    order = np.random.default_rng(0).permutation(len(turns))
    chains = MessageChains.link([turn.history for turn in turns])
    assert len(set(chains.starts.tolist())) == len(sample)
    mixed = MessageChains.link([turns[number].history for number in order])
    assert mixed.messages == chains.messages
    assert mixed.starts.tolist() == chains.starts[order].tolist()
