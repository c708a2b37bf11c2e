"""BLEU from summed counts: a hand-worked table, and equality with NLTK's corpus_bleu."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu

from metrics.text.bleu import bleu, bleu_counts

SETTINGS = settings(max_examples=100, deadline=None)
responses = st.lists(st.sampled_from("abcd"), max_size=8).map(tuple)


def _score(pairs: list[tuple[tuple[str, ...], tuple[str, ...]]]) -> list[float]:
    sums = np.array([bleu_counts(hypothesis, reference) for hypothesis, reference in pairs]).sum(axis=0, keepdims=True)
    return [float(bleu(sums.astype(float), order)[0]) for order in (1, 2, 3, 4)]


def _nltk(pairs: list[tuple[tuple[str, ...], tuple[str, ...]]]) -> list[float]:
    hypotheses, references = [hypothesis for hypothesis, _ in pairs], [[reference] for _, reference in pairs]
    return [
        # As the authors of ESConv call it: four weights, the last ones 0.
        100.0 * corpus_bleu(references, hypotheses, [1 / n] * n + [0.0] * (4 - n), SmoothingFunction().method3)
        for n in range(1, 5)
    ]


def test_counts_by_hand() -> None:
    # "a a b" against "a b b": a 1 (clipped) + b 1; "a b" 1 of 2; trigram 0 of 1; no 4-gram counts as 0 of 1; lengths.
    assert bleu_counts(("a", "a", "b"), ("a", "b", "b")) == [2, 1, 0, 0, 3, 2, 1, 1, 3, 3]
    assert bleu_counts((), ("a",)) == [0, 0, 0, 0, 1, 1, 1, 1, 0, 1]


def test_hand_worked_smoothing() -> None:
    # "the cat sat" against "the cat ran": 2/3 words, 1/2 pairs, 0 of 1 triple -> 1/2, 0 of "1" quadruple -> 1/4.
    expected = [2 / 3, (2 / 3 / 2) ** (1 / 2), (2 / 3 / 2 / 2) ** (1 / 3), (2 / 3 / 2 / 2 / 4) ** (1 / 4)]
    assert _score([(("the", "cat", "sat"), ("the", "cat", "ran"))]) == pytest.approx([100.0 * x for x in expected])


def test_hand_worked_brevity_penalty() -> None:
    # Two of four words, all right: precision 1, penalty exp(1 - 4/2) = 1/e. Longer than the reference: no penalty.
    assert _score([(("a", "b"), ("a", "b", "c", "d"))])[:2] == pytest.approx([100.0 / math.e] * 2)
    assert _score([(("a", "b", "c", "d"), ("a", "b"))])[0] == pytest.approx(50.0)


@pytest.mark.parametrize("pair", [((), ("a",)), ((), ()), (("a",), ()), (("b",), ("a",))])
def test_no_common_word_scores_zero(pair: tuple) -> None:
    assert _score([pair]) == [0.0] * 4


def test_one_token() -> None:
    # Precision 1, then 1/2, 1/4, 1/8 by smoothing.
    expected = [1.0, 2 ** (-1 / 2), 2 ** (-3 / 3), 2 ** (-6 / 4)]
    assert _score([(("a",), ("a",))]) == pytest.approx([100.0 * x for x in expected])


@SETTINGS
@given(st.lists(st.tuples(responses, responses), min_size=1, max_size=5))
def test_equals_nltk(pairs: list) -> None:
    assert _score(pairs) == pytest.approx(_nltk(pairs), rel=1e-12)


@SETTINGS
@given(st.lists(st.lists(st.sampled_from("abcd"), min_size=4, max_size=8).map(tuple), min_size=1, max_size=4))
def test_identity_is_100(texts: list) -> None:
    assert _score([(text, text) for text in texts]) == pytest.approx([100.0] * 4)
