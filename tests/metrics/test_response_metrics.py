"""Metrics that ask for more than a reference: hand-worked tables, enumeration, and what must hold for all texts."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.response.memorised import TrainingTexts, words
from metrics.response.repetition import repeated
from metrics.response.response_data import ResponseData
from metrics.response.retrieval_rank import CANDIDATES, DECAY, history_vectors
from metrics.text.scores import response_scores, score_text
from metrics.text.tokens import tokenize
from tests.hash_encoder import HashEncoder, vector
from tests.messages import seeker, supporter

SETTINGS = settings(max_examples=40, deadline=None)
TABLE = {"east": (1, 0), "north": (0, 1), "west": (-1, 0), "north-east": (0.6, 0.8)}
sentences = st.lists(st.sampled_from(["so", "sad", "day", "?", "you", "Are"]), min_size=1, max_size=12).map(" ".join)


def directions(texts: Sequence[str]) -> np.ndarray:
    return np.array([TABLE.get(text, (0, 0)) for text in texts], np.float32).reshape(len(texts), 2)


def data(texts: Sequence[str], references: Sequence[str], *, dialogue: Sequence[int], **known: object) -> ResponseData:
    return ResponseData([(text,) for text in texts], references, np.array(dialogue), **known)


def scores(given: ResponseData) -> dict[str, float]:
    estimates = score_text(
        given.generations, given.references, given.dialogue, rng=np.random.default_rng(0), samples=10,
        response_scores=response_scores(given),
    )  # fmt: skip
    return {metric: estimate.value for metric, estimate in estimates.items()}


@pytest.mark.parametrize(
    ("text", "duplicates", "pairs"),
    [
        ("", 0, 0), ("be", 0, 0), ("be be", 0, 1), ("be be be be", 2, 3), ("I am sad and I am", 1, 5),
        ("Are you? are you?", 2, 5),
    ],
)  # fmt: skip
def test_duplicate_pairs_by_hand(text: str, duplicates: int, pairs: int) -> None:
    assert repeated(tokenize(text), ()) == [duplicates, pairs]


@SETTINGS
@given(sentences)
def test_a_text_said_twice_repeats_all_but_the_seam(text: str) -> None:
    duplicates, pairs = repeated(tokenize(text), ())
    assert 0 <= duplicates <= max(0, pairs - 1)
    tokens = tokenize(text)
    twice, all_pairs = repeated(tokens + tokens, ())
    assert twice >= pairs  # every pair comes again
    assert all_pairs == 2 * len(tokens) - 1


def test_repetition_is_summed_over_texts() -> None:
    found = scores(data(["be be be be", "I am sad and I am"], ["x", "y"], dialogue=[1, 2]))
    assert found["repetition"] == pytest.approx(100 * 3 / 8)


def test_what_the_supporter_said_before_by_hand() -> None:
    history = [supporter("I am here for you."), seeker("you are so kind to me")]
    given = data(
        ["I am here for me", "You are so kind to me", "no"], [""] * 3, dialogue=[1, 1, 1], histories=[history] * 3
    )
    # 4-grams: "I am here for" is known and "am here for me" is not; the seeker's words do not count; "no" has none.
    np.testing.assert_array_equal(response_scores(given)["repetition_history"], [[1, 2], [0, 3], [0, 0]])
    assert scores(given)["repetition_history"] == pytest.approx(20.0)


def test_four_grams_do_not_reach_from_one_message_into_the_next() -> None:
    given = ResponseData([("a b", "c d")], ["x"], np.array([1]), histories=[[supporter("a b c d")]])
    np.testing.assert_array_equal(response_scores(given)["repetition_history"], [[0, 0]])


def test_similarity_by_hand() -> None:
    given = data(["east", "east", "east", ""], ["east", "west", "north-east", "east"], dialogue=[1, 1, 2, 2])
    assert "similarity" not in scores(given)
    given = data(given.generations, given.references, dialogue=[1, 1, 2, 2], encoder=directions)
    np.testing.assert_allclose(response_scores(given)["similarity"][:, 0], [100, -100, 60, 0], atol=1e-5)
    assert scores(given)["similarity"] == pytest.approx(15.0)


def test_history_vectors_weigh_later_messages_more() -> None:
    histories = [[seeker("east"), supporter("north")], [seeker("west")], []]
    given = data(["east"] * 3, ["x"] * 3, dialogue=[1, 2, 3], histories=histories, encoder=directions)
    expected = np.array([DECAY, 1.0]) / np.hypot(DECAY, 1.0)
    np.testing.assert_allclose(history_vectors(given), [expected, [-1, 0], [0, 0]], atol=1e-6)


def test_rank_by_hand() -> None:
    histories = [[seeker("east")], [seeker("north")], [seeker("west")], [seeker("north")]]
    given = data(
        ["east", "north", "east", "north"], ["x"] * 4, dialogue=[1, 2, 3, 1], histories=histories, encoder=directions
    )
    ranks = response_scores(given)["retrieval_rank"]
    # Others of the first: north and west, neither closer. Of the second: east, west, and north, which ties and counts
    # half. Of the third, whose history is opposite: all three are closer. Of the last: north (a tie) and west.
    np.testing.assert_allclose(ranks, [[1, 1], [1 + 19 * 0.5 / 3, 1], [20, 1], [1 + 19 * 0.5 / 2, 1]])
    assert scores(given)["retrieval_rank"] == pytest.approx(ranks[:, 0].mean())


def test_rank_equals_the_mean_over_drawn_histories() -> None:
    rng = np.random.default_rng(0)
    texts = [f"text {number}" for number in range(30)]
    histories = [[seeker(f"history {number}")] for number in range(30)]
    dialogue = np.arange(30) // 3
    given = data(texts, texts, dialogue=dialogue, histories=histories, encoder=HashEncoder().encode)
    expected = response_scores(given)["retrieval_rank"][4, 0]
    others = np.flatnonzero(dialogue != dialogue[4])
    cosines = np.array([vector(texts[4]) @ vector(f"history {number}") for number in range(30)])
    drawn = rng.choice(others, size=(20_000, CANDIDATES - 1))
    assert (1 + (cosines[drawn] > cosines[4]).sum(axis=1)).mean() == pytest.approx(expected, abs=0.1)


@SETTINGS
@given(st.lists(st.tuples(sentences, sentences, st.integers(0, 2)), min_size=1, max_size=6))
def test_ranks_stay_in_bounds_and_a_single_dialogue_has_none(rows: list) -> None:
    texts, spoken, dialogue = (list(column) for column in zip(*rows, strict=True))
    histories = [[seeker(text)] for text in spoken]
    encoder = HashEncoder().encode
    ranks = response_scores(data(texts, texts, dialogue=dialogue, histories=histories, encoder=encoder))
    assert all((1 <= rank <= CANDIDATES) if counted else rank == 0 for rank, counted in ranks["retrieval_rank"])
    alone = data(texts, texts, dialogue=[1] * len(texts), histories=histories, encoder=encoder)
    assert np.isnan(scores(alone)["retrieval_rank"])


def question_or_suggestion(texts: Sequence[str]) -> np.ndarray:
    return np.array([0 if "?" in text else 5 for text in texts])


def test_adherence_beside_that_of_the_corpus_by_hand() -> None:
    given = ResponseData(
        texts=[("why?",), ("do this.", "why?"), ("do that.",)],
        references=["what?", "go.", "go."],
        dialogue=np.array([1, 2, 3]),
        strategies=[(0,), (0, 0), (0,)],  # right, wrong, right, wrong
        gold_texts=[("what?",), ("go.",), ("go.",)],
        gold_strategies=[(0,), (5,), (0,)],  # right, right, wrong
        tagger=question_or_suggestion,
    )
    found = scores(given)
    assert found["adherence"] == pytest.approx(50.0)
    assert found["adherence_gold"] == pytest.approx(100 * 2 / 3)
    assert found["adherence_ratio"] == pytest.approx(0.75)


def test_adherence_without_plans_is_left_out_and_without_right_gold_has_no_ratio() -> None:
    known = {"gold_texts": [("go.",)], "gold_strategies": [(0,)], "tagger": question_or_suggestion}
    found = scores(data(["why?"], ["go."], dialogue=[1], **known))
    assert "adherence" not in found and found["adherence_gold"] == 0.0
    assert np.isnan(scores(data(["why?"], ["go."], dialogue=[1], strategies=[(0,)], **known))["adherence_ratio"])


def test_memorised_by_hand() -> None:
    train = TrainingTexts.of(
        ["One two three four five six seven eight nine.", "That is good.", "It’s all about you now"]
    )
    assert words("It’s fine - don't!") == ("it's", "fine", "don't")
    copied = "one, two; THREE four five six seven eight ten"  # one 8-gram known, one not
    assert train.count([copied]) == (1, 2, 0, 1)
    # A whole message of five words is known; one of three words is too short to count.
    assert train.count(["It's all about you, now!", "That is good."]) == (0, 0, 1, 1)
    found = scores(data([copied, "it's all about you now"], ["a", "b"], dialogue=[1, 2], training=train,
                        gold_texts=[("a",), ("a b c d e f g h i",)]))  # fmt: skip
    assert (found["memorised_8grams"], found["memorised_messages"]) == (50.0, 50.0)
    assert (found["memorised_8grams_gold"], found["memorised_messages_gold"]) == (0.0, 0.0)


@SETTINGS
@given(st.lists(sentences, min_size=1, max_size=5))
def test_training_texts_are_memorised_whole(texts: list[str]) -> None:
    known_grams, grams, known_messages, messages = TrainingTexts.of(texts).count(texts)
    assert known_grams == grams and known_messages == messages


def test_training_texts_are_named_by_their_words_and_not_by_their_punctuation() -> None:
    assert TrainingTexts.of(["So sad."]).name == TrainingTexts.of(["so, sad!"]).name != TrainingTexts.of(["sad"]).name
    with pytest.raises(ValueError, match="training texts: got none"):
        TrainingTexts.of([])


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"histories": []}, "histories: got 0, expected one for each of 1 responses"),
        ({"strategies": [(0, 1)]}, "strategies: expected one for each of a response's texts"),
        ({"gold_texts": [("a",)], "gold_strategies": [()]}, "gold_strategies: expected one for each of a response's"),
    ],
)
def test_data_that_do_not_match_are_refused(wrong: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        data(["a"], ["a"], dialogue=[1], **wrong)
