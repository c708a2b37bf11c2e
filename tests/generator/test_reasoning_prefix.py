import numpy as np
import pytest

from corpus.reasoning import Need, Reasoning, ReasoningLabels
from corpus.strategy import Stage
from generator.inputs import reasoning_words, with_prefix

CONCLUDED = Reasoning("job crisis", "anxiety", 4, Need.HEARD, Stage.EXPLORATION, (0.9, 0.5, 0.3, 0.6, 0.7))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (("job crisis", "anxiety", 4, Need.HEARD, Stage.EXPLORATION), str),
        (("job crisis", None, None, None, None), "problem: job crisis"),
        ((None, "sadness", None, Need.ACT, None), "feels sadness, needs to act"),
        ((None, None, 2, None, Stage.COMFORTING), "feels 2 of 5, comforting"),
        ((None, None, None, None, None), ""),
    ],
)
def test_what_is_unknown_is_left_out(labels, words):
    expected = "problem: job crisis, feels anxiety 4 of 5, needs to be heard, exploration" if words is str else words
    assert reasoning_words(ReasoningLabels(*labels)) == expected


def test_a_conclusion_reads_like_the_labels_it_was_learned_from():
    labels = ReasoningLabels("job crisis", "anxiety", 4, Need.HEARD, Stage.EXPLORATION)
    assert reasoning_words(CONCLUDED) == reasoning_words(labels)


@pytest.mark.parametrize(("share", "number"), [(0.0, 0), (0.5, 10), (0.33, 7), (1.0, 20)])
def test_the_share_is_kept_and_the_choice_is_the_generators(share, number):
    one, two, other = (with_prefix(20, share, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.sum() == other.sum() == number
    assert (one == two).all()
    assert (one != other).any() == (0 < number < 20)
