"""The best of several samples."""

import numpy as np
import pytest

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from generator.choosing import ChoiceWeights, SampleChooser

HISTORY = [
    Message(Role.SEEKER, "I can't sleep."),
    Message(Role.SUPPORTER, "you could try some warm tea", Strategy.SUGGESTIONS),
    Message(Role.SEEKER, "I did."),
]


class ByMark:
    """A tagger by hand: a question mark is a question, all else are suggestions."""

    with_history = False
    digest = "0123456789abcdef"

    def probabilities(self, texts, histories=None):
        """Shape: (N, 8)."""
        rows = np.full((len(texts), len(Strategy)), 0.02)
        for row, text in zip(rows, texts, strict=True):
            row[Strategy.QUESTION if "?" in text else Strategy.SUGGESTIONS] = 0.86
        return rows


def chooser(candidates: int = 2, **weights: float) -> SampleChooser:
    settings = {"strategy": 0.0, "relevance": 0.0, "repetition": 0.0} | weights
    return SampleChooser(ByMark(), candidates, ChoiceWeights(**settings))


def best(one: SampleChooser, *texts: str, strategy: Strategy | None = Strategy.QUESTION, information=None) -> list[int]:
    samples = [[(strategy, text)] for text in texts]
    known = np.zeros(len(texts)) if information is None else np.array(information)
    return one.best([HISTORY] * (len(texts) // one.candidates), samples, known).tolist()


def test_each_part_of_the_score_decides_alone():
    assert best(chooser(strategy=1.0), "It helps.", "Does it help?") == [1]
    assert best(chooser(relevance=1.0), "a b", "c d", information=[0.2, 0.1]) == [0]
    assert best(chooser(repetition=1.0), "it is it is it is", "it is what we see") == [1]
    assert best(chooser(repetition=1.0), "you could try some warm tea", "or we speak of other things") == [1]
    assert best(chooser(), "first", "second") == [0]  # of equal ones the first


def test_every_history_gets_its_own():
    assert best(chooser(strategy=1.0), "It helps.", "Why?", "Why?", "It helps.") == [1, 2]


def test_weights_add_up():
    texts, information = ("Why?", "It helps."), [0.0, 1.0]
    assert best(chooser(strategy=1.0, relevance=1.0), *texts, information=information) == [0]
    assert best(chooser(strategy=1.0, relevance=9.0), *texts, information=information) == [1]


def test_texts_without_strategies_are_chosen_by_the_rest():
    texts = ("Why?", "It helps.")
    assert best(chooser(strategy=1.0, relevance=1.0), *texts, strategy=None, information=[0, 1]) == [1]


def test_what_is_refused():
    with pytest.raises(ValueError, match="candidates: got 1, expected at least 2"):
        chooser(candidates=1)
    with pytest.raises(ValueError, match="relevance: got nan"):
        ChoiceWeights(relevance=float("nan"))


@pytest.mark.parametrize("variant", ["strategy", "one-by-one", "all-in-one", "vanilla"])
@pytest.mark.parametrize("name", ["tiny-blenderbot", "tiny-smollm2"])
def test_a_realizer_takes_the_best_of_its_samples(make_realizer, variant, name):
    plan = None if variant == "vanilla" else [Strategy.QUESTION, Strategy.SUGGESTIONS]
    plans = [plan, plan and plan[:1]]
    alone = make_realizer(name, variant)
    first = alone.realize_all([HISTORY] * 2, plans, rng=np.random.default_rng(0))
    unweighted = make_realizer(name, variant, chooser=chooser(candidates=8))
    assert unweighted.realize_all([HISTORY] * 2, plans, rng=np.random.default_rng(0)) == first
    for weights in ({"strategy": 1.0}, {"relevance": 1.0}):
        realizer = make_realizer(name, variant, chooser=chooser(candidates=8, **weights))
        turns = realizer.realize_all([HISTORY] * 2, plans, rng=np.random.default_rng(0))
        assert [[pair[0] for pair in turn] for turn in turns] == [[pair[0] for pair in turn] for turn in first]
    assert turns != first  # by relevance another sample is best
