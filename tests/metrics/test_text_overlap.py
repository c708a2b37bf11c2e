"""Words in common and variety of words: by hand, against NLTK and the textbook, and against stored reference values."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu

from metrics.text.bleu import bleu, bleu_counts
from metrics.text.distinct import distinct_left_out
from metrics.text.rouge_l import longest_common_subsequence, rouge_l
from metrics.text.scores import score_text
from metrics.text.tokens import tokenize, tokenize_all
from metrics.text.unigram_f1 import unigram_f1

DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("  \n ", []),
        ("Yes", ["yes"]),
        # Sentences first: the inner full stop is a token of its own; by words alone it would stay at "morning.".
        ("Good morning. I DON'T know.", ["good", "morning", ".", "i", "do", "n't", "know", "."]),
        ("Really?! Wow... ok", ["really", "?", "!", "wow", "...", "ok"]),
        ("I'm fine, you're kind", ["i", "'m", "fine", ",", "you", "'re", "kind"]),
    ],
)
def test_hand_made_texts(text: str, tokens: list[str]) -> None:
    assert list(tokenize(text)) == tokens


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(alphabet="aB .,?'", max_size=20), max_size=6))
def test_all_texts_at_once_are_each_text(texts: list[str]) -> None:
    assert tokenize_all(texts) == [tokenize(text) for text in texts]
    assert tokenize_all([text.upper() for text in texts]) == [tokenize(text.lower()) for text in texts]


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


@SETTINGS
@given(st.lists(st.tuples(responses, responses), min_size=1, max_size=5))
def test_equals_nltk(pairs: list) -> None:
    assert _score(pairs) == pytest.approx(_nltk(pairs), rel=1e-12)


def _textbook(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, left in enumerate(a):
        for j, right in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if left == right else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


@SETTINGS
@given(responses, responses)
def test_subsequence_equals_the_textbook_table(a: tuple[str, ...], b: tuple[str, ...]) -> None:
    assert longest_common_subsequence(a, b) == longest_common_subsequence(b, a) == _textbook(a, b)


def test_subsequence_longer_than_a_machine_word() -> None:
    assert longest_common_subsequence(tuple("ab" * 100), tuple("a" * 150)) == 100


def test_hand_worked_f() -> None:
    # "a b c d" against "a c e": common "a c"; P = 2/4, R = 2/3; beta^2 = 1.44:
    # F = 2.44 * 1/2 * 2/3 / (2/3 + 1.44 * 1/2) = 0.813333 / 1.386667 = 0.586538
    assert rouge_l(tuple("abcd"), tuple("ace")) == pytest.approx(0.586538, abs=1e-6)
    # Swapped: P = 2/3, R = 1/2: 0.813333 / (1/2 + 1.44 * 2/3) = 0.813333 / 1.46 = 0.557078: recall weighs more.
    assert rouge_l(tuple("ace"), tuple("abcd")) == pytest.approx(0.557078, abs=1e-6)


@pytest.mark.parametrize(
    ("hypothesis", "reference", "score"),
    [("", "", 0.0), ("", "a", 0.0), ("a", "", 0.0), ("a", "a", 1.0), ("a", "b", 0.0)],
)
def test_empty_and_one_token(hypothesis: str, reference: str, score: float) -> None:
    assert rouge_l(tuple(hypothesis), tuple(reference)) == score


@pytest.mark.parametrize(
    ("hypothesis", "reference", "score"),
    [
        ("", "", 0.0),
        ("", "a", 0.0),
        ("a", "a", 1.0),
        ("a", "b", 0.0),
        ("aab", "abbb", 4 / 7),  # shared a once and b once: 2 * 2 / (3 + 4); P = 2/3, R = 2/4, harmonic mean 4/7
        ("ba", "ab", 1.0),  # order does not count
    ],
)
def test_hand_worked_pairs(hypothesis: str, reference: str, score: float) -> None:
    assert unigram_f1(tuple(hypothesis), tuple(reference)) == pytest.approx(score)


corpora = st.lists(st.tuples(st.lists(st.sampled_from("abc"), max_size=6).map(tuple), st.integers(0, 3)), min_size=1)


def _distinct(texts: list[str], order: int, leave_out_last: bool = False) -> float:
    responses = [tuple(text) for text in texts]
    return distinct_left_out(responses, np.arange(len(texts)), order=order, leave_out_last=leave_out_last).value


@pytest.mark.parametrize(
    ("order", "value", "value_esconv2021"),
    [
        # Responses "a b a" and "b a".
        (1, 2 / 5, 2 / 3),  # a b a b a: 2 of 5; without the last of each: a b b, 2 of 3
        (2, 2 / 3, 1 / 1),  # ab ba ba: 2 of 3; without the last of each: ab, 1 of 1
        (3, 1 / 1, 0.0),  # aba; without it nothing is left
    ],
)
def test_hand_worked_table(order: int, value: float, value_esconv2021: float) -> None:
    assert _distinct(["aba", "ba"], order) == pytest.approx(100.0 * value)
    assert _distinct(["aba", "ba"], order, leave_out_last=True) == pytest.approx(100.0 * value_esconv2021)


@SETTINGS
@given(corpora, st.integers(1, 3))
def test_equals_the_authors_loop_and_the_definition(rows: list, order: int) -> None:
    responses = [response for response, _ in rows]
    position = np.unique([dialogue for _, dialogue in rows], return_inverse=True)[1]
    for leave_out_last in (False, True):
        grams = [
            response[start : start + order]
            for response in responses
            for start in range(len(response) - order + (0 if leave_out_last else 1))
        ]
        expected = 100.0 * len(set(grams)) / len(grams) if grams else 0.0
        result = distinct_left_out(responses, position, order=order, leave_out_last=leave_out_last)
        assert result.value == pytest.approx(expected)
        assert ((result.left_out >= 0.0) & (result.left_out <= 100.0)).all()


@SETTINGS
@given(corpora)
def test_one_dialogue_at_a_time_is_left_out(rows: list) -> None:
    position = np.unique([dialogue for _, dialogue in rows], return_inverse=True)[1]
    left_out = []
    for dialogue in range(position.max() + 1):
        rest = [response for (response, _), other in zip(rows, position, strict=True) if other != dialogue]
        left_out.append(distinct_left_out(rest, np.zeros(len(rest), dtype=int), order=2).value if rest else 0.0)
    whole = distinct_left_out([response for response, _ in rows], position, order=2)
    assert whole.left_out == pytest.approx(np.array(left_out))


def test_twenty_invented_pairs_score_as_the_reference_formulas_say() -> None:
    stored = json.loads((DATA / "text_scores.json").read_text(encoding="utf-8"))
    hypotheses, references = zip(*stored["pairs"], strict=True)
    scores = score_text(hypotheses, references, range(len(hypotheses)), rng=np.random.default_rng(0), samples=2)
    assert {name: scores[name].value for name in stored["scores"]} == pytest.approx(stored["scores"], abs=1e-6)
