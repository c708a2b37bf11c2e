"""Reasoning as numbers and back: which names have values of their own, one-hot, words, JSON."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.dialogue import Dialogue, Message, Role, Survey, turn_view
from corpus.load import load_corpus
from corpus.reasoning import Need
from corpus.strategy import Stage, Strategy
from encoding.reasoning_codec import REASONING_SLOTS, UNKNOWN, ReasoningCodec
from tests.corpus.random_dialogues import corpora

SMALL = ReasoningCodec(("job crisis", "another problem"), ("fear", "anger", "sadness"))

names = st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=6, unique=True).map(tuple)
codecs = st.builds(ReasoningCodec, names, names)


def dialogue(problem: str, emotion: str, *strategies: Strategy, survey: Survey | None = None) -> Dialogue:
    """A seeker message and a turn."""
    messages = (
        Message(Role.SEEKER, "well"),
        *(Message(Role.SUPPORTER, "I see", strategy) for strategy in strategies or (Strategy.OTHERS,)),
    )
    return Dialogue(1, messages, problem=problem, emotion=emotion, survey=survey or Survey())


def test_names_by_frequency_then_alphabet_and_the_rare_ones_together() -> None:
    problems = ["Sleep"] * 2 + ["job"] * 3 + ["alcohol", "alcohol", "family", ""]
    codec = ReasoningCodec.collect([dialogue(problem, "fear") for problem in problems], least=2)
    assert codec.contexts == ("job", "alcohol", "sleep", "another problem")
    assert codec.emotions == ("fear",)


def test_spellings_that_differ_in_case_are_one_name() -> None:
    codec = ReasoningCodec.collect([dialogue("Sleep", "Fear"), dialogue("sleep", "FEAR")], least=2)
    assert (codec.contexts, codec.emotions) == (("sleep",), ("fear",))
    assert codec.labels(turn_view([dialogue("SLEEP", "fear")]))[:, :2].tolist() == [[0, 0]]


def test_corpus_without_annotation_has_one_value_that_is_nobodys_label() -> None:
    codec = ReasoningCodec.collect([dialogue("", "")] * 9)
    assert (codec.contexts, codec.emotions) == (("unknown",), ("unknown",))
    assert codec.labels(turn_view([dialogue("", ""), dialogue("unknown", "unknown")]))[:, :2].tolist() == [[-1, -1]] * 2


def test_labels_by_hand() -> None:
    turns = turn_view(
        [
            dialogue("job crisis", "anger", Strategy.REFLECTION, survey=Survey(initial_intensity=5)),
            dialogue("never met", "never met", Strategy.OTHERS, Strategy.SUGGESTIONS),
            dialogue("", "Sadness", Strategy.OTHERS, survey=Survey(initial_intensity=1, final_intensity=1)),
        ]
    )
    labels = SMALL.labels(turns)
    assert labels.dtype == np.int64
    assert labels.tolist() == [
        [0, 1, 4, Need.UNDERSTAND, Stage.COMFORTING],
        [1, -1, -1, Need.ACT, Stage.ACTION],  # a rare problem has a value, an emotion never met has none
        [-1, 2, 0, -1, -1],
    ]
    assert SMALL.labels([]).shape == (0, 5)


def test_one_hot_by_hand() -> None:
    assert SMALL.sizes == (2, 3, 5, 4, 3)
    assert SMALL.offsets == (0, 2, 5, 10, 14)
    assert SMALL.width == 17
    encoded = SMALL.one_hot(np.array([[1, 2, 0, 3, 1], [-1, -1, -1, -1, -1], [0, -1, 4, -1, -1]]))
    assert encoded.dtype == np.float32
    assert [np.flatnonzero(row).tolist() for row in encoded] == [[1, 4, 5, 13, 15], [], [0, 9]]


@settings(max_examples=100, deadline=None)
@given(codecs, st.data())
def test_one_hot_tells_the_values(codec: ReasoningCodec, data: st.DataObject) -> None:
    rows = st.tuples(*(st.integers(UNKNOWN, size - 1) for size in codec.sizes))
    values = np.array(data.draw(st.lists(rows, max_size=5)), np.int64).reshape(-1, 5)
    encoded = codec.one_hot(values)
    assert encoded.shape == (len(values), codec.width)
    assert codec.width == sum(codec.sizes)
    for slot, (start, size) in enumerate(zip(codec.offsets, codec.sizes, strict=True)):
        block = encoded[:, start : start + size]
        read = np.where(block.any(axis=1), block.argmax(axis=1), UNKNOWN)
        np.testing.assert_array_equal(read, values[:, slot])
    assert encoded.sum() == (values != UNKNOWN).sum()


@settings(max_examples=50, deadline=None)
@given(corpora(all_fields=False), st.integers(1, 3))
def test_every_label_of_the_corpus_it_was_collected_from_has_a_value(
    dialogues: tuple[Dialogue, ...], least: int
) -> None:
    codec = ReasoningCodec.collect(dialogues, least=least)
    turns = turn_view(dialogues)
    labels = codec.labels(turns)
    assert (labels >= UNKNOWN).all()
    assert (labels < np.array(codec.sizes)).all()
    for turn, (context, emotion, *_) in zip(turns, labels, strict=True):
        assert (context == UNKNOWN) == (turn.dialogue.problem.lower() in {"", "unknown"})
        assert (emotion == UNKNOWN) == (turn.dialogue.emotion.lower() in {"", "unknown"})
        if context != UNKNOWN and codec.contexts[context] != "another problem":
            assert codec.contexts[context] == turn.dialogue.problem.lower()


@settings(max_examples=50, deadline=None)
@given(codecs)
def test_json_round_trip(codec: ReasoningCodec) -> None:
    assert ReasoningCodec.from_json(json.loads(json.dumps(codec.to_json()))) == codec


@pytest.mark.parametrize("written", [{}, {"contexts": ["a"]}, {"contexts": ["a"], "emotions": ["b"], "needs": []}])
def test_other_json_is_refused(written: dict) -> None:
    with pytest.raises(ValueError, match="reasoning codec"):
        ReasoningCodec.from_json(written)


@pytest.mark.parametrize(("contexts", "emotions"), [((), ("a",)), (("a",), ()), (("a", "a"), ("b",))])
def test_no_or_double_names_are_refused(contexts: tuple[str, ...], emotions: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="expected at least one name, each once"):
        ReasoningCodec(contexts, emotions)


def test_values_in_words() -> None:
    reasoning = SMALL.reasoning(np.array([1, 0, 4, 2, 0]), np.array([0.5, 0.25, 1, 0, 0.125], np.float32))
    assert (reasoning.context, reasoning.emotion, reasoning.intensity) == ("another problem", "fear", 5)
    assert (reasoning.need, reasoning.stage) == (Need.REASSURED, Stage.EXPLORATION)
    assert reasoning.probabilities == (0.5, 0.25, 1.0, 0.0, 0.125)
    assert len(str(reasoning).splitlines()) == 4


@pytest.mark.parametrize(("slot", "value"), [(0, 2), (1, 3), (2, 5), (3, 4), (4, 3), (4, UNKNOWN)])
def test_values_that_no_slot_has_are_refused(slot: int, value: int) -> None:
    values = [0] * 5
    values[slot] = value
    with pytest.raises(ValueError, match=f"{REASONING_SLOTS[slot]}: got value {value}"):
        SMALL.reasoning(values, [0.5] * 5)


@pytest.mark.real_data
def test_real_data(esconv: Path) -> None:
    corpus = load_corpus(esconv)
    codec = ReasoningCodec.collect(corpus.split("train"))
    assert codec.sizes == (12, 9, 5, 4, 3)
    assert codec.contexts[0] == "ongoing depression"
    assert codec.contexts[-1] == "another problem"
    labels = codec.labels(turn_view(corpus.split("train")))
    assert labels.shape == (10679, 5)
    known = (labels != UNKNOWN).mean(axis=0)
    assert known[:3].tolist() == [1, 1, 1]
    assert known[3] > 0.8
    assert known[4] > 0.95
    # Every value occurs, so that each can be learned.
    assert all(set(labels[:, slot]) >= set(range(size)) for slot, size in enumerate(codec.sizes))
    assert (codec.labels(turn_view(corpus.split("valid")))[:, :3] != UNKNOWN).all()
