"""Protocol text: everything together on small corpora, and resamples against literally repeated dialogues."""

from pathlib import Path

import nltk
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, corpus_bleu

from metrics.statistics.bootstrap import resample_weights
from metrics.text import tokens
from metrics.text.embedding_scores import WordVectors
from metrics.text.scores import embedding_scores, score_text, text_estimates, text_signature, text_statistics

SETTINGS = settings(max_examples=25, deadline=None)
WORDS = ["i", "see", "you", "are", "sad", "Why", "?", ".", "that"]
sentences = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
corpora = st.lists(st.tuples(sentences, sentences, st.integers(0, 3)), min_size=1, max_size=8)
BOOTSTRAPPED = ["bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "unigram_f1", "length", "repetition"]
DISTINCT = [f"distinct_{order}{version}" for order in (1, 2, 3) for version in ("", "_esconv2021")]


def _score(
    hypotheses: list[str], references: list[str], dialogue: list[int], *, vectors: WordVectors | None = None
) -> dict[str, float]:
    of_words = {} if vectors is None else embedding_scores(hypotheses, references, vectors=vectors)
    rng = np.random.default_rng(0)
    scores = score_text(hypotheses, references, dialogue, rng=rng, samples=5, response_scores=of_words)
    return {metric: estimate.value for metric, estimate in scores.items()}


@pytest.fixture
def vectors(tmp_path: Path) -> WordVectors:
    path = tmp_path / "tiny.txt"
    path.write_text("good 1 0\nnight 0 1\nbad -2 0\n", encoding="utf-8")
    return WordVectors.read(path)


def _random_corpus(responses: int, dialogues: int) -> tuple[list[str], list[str], np.ndarray]:
    rng = np.random.default_rng(4)
    hypotheses, references = (
        [" ".join(rng.choice(WORDS, size=rng.integers(1, 9))) for _ in range(responses)] for _ in range(2)
    )
    return hypotheses, references, rng.integers(0, dialogues, size=responses)


def test_hand_worked_table() -> None:
    # 1: "Good night" against "good night": 2 words right, 1 pair right, lengths 2, 2.
    # 2: "bad day." (3 tokens) against "a good day." (4): day and . right, pair "day ." right, triple wrong.
    scores = _score(["Good night", "bad day."], ["good night", "a good day."], [1, 2])
    assert set(scores) == {*BOOTSTRAPPED, *DISTINCT}
    penalty = np.exp(1 - 6 / 5)  # 5 tokens for 6
    # words 4/5, pairs (1 + 1)/(1 + 2), triples 0/(1 + 1) -> 1/2 of 2, quadruples 0/(1 + 1) -> 1/4 of 2
    precision = [4 / 5, 2 / 3, 1 / 4, 1 / 8]
    for order in range(1, 5):
        expected = 100.0 * penalty * np.prod(precision[:order]) ** (1 / order)
        assert scores[f"bleu_{order}"] == pytest.approx(expected)
    # ROUGE-L: 1 and, with P = 2/3, R = 2/4: 2.44 * 2/3 * 1/2 / (1/2 + 1.44 * 2/3) = 0.813333/1.46
    assert scores["rouge_l"] == pytest.approx(100.0 * (1 + 0.557078) / 2, abs=1e-4)
    assert scores["unigram_f1"] == pytest.approx(100.0 * (1 + 4 / 7) / 2)
    assert scores["length"] == 2.5
    # Words 5 different of 5, pairs 3 of 3, triples 1 of 1; without the last of each response 3 of 3, 1 of 1, none.
    for metric in DISTINCT[:5]:
        assert scores[metric] == pytest.approx(100.0)
    assert scores["distinct_3_esconv2021"] == 0.0


def test_embedding_metrics_only_with_vectors_and_by_hand(vectors: WordVectors) -> None:
    # "good night" against "good" (see test_word_vectors): 1/sqrt(2), 1/sqrt(2), 3/4; and "bad" against "bad": 1.
    scores = _score(["Good night", "bad"], ["good", "bad"], [1, 1], vectors=vectors)
    assert scores["average"] == pytest.approx(50.0 * (1 + 2**-0.5))
    assert scores["extrema"] == pytest.approx(50.0 * (1 + 2**-0.5))
    assert scores["greedy"] == pytest.approx(50.0 * 1.75)
    assert "average" not in _score(["good"], ["good"], [1])


def test_an_unknown_word_is_the_mean_vector(vectors: WordVectors) -> None:
    # Mean of (1,0), (0,1), (-2,0) is (-1,1)/3; against "night" = (0,1): 1/sqrt(2).
    assert _score(["xyz"], ["night"], [1], vectors=vectors)["average"] == pytest.approx(100.0 * 2**-0.5)


def test_the_signature_names_tokens_and_vectors(vectors: WordVectors) -> None:
    line = text_signature(vectors=vectors)
    assert f"tokens:nltk-{nltk.__version__}-punkt-untrained+word|case:lower|smooth:3|beta:1.2" in line
    assert f"vectors:{vectors.name}|unknown:mean-vector" in line
    assert "vectors" not in text_signature()


@pytest.mark.parametrize("hypothesis", ["", "   "])
def test_an_empty_response_scores_zero(hypothesis: str, vectors: WordVectors) -> None:
    assert set(_score([hypothesis], ["good night"], [1], vectors=vectors).values()) == {0.0}


@SETTINGS
@given(corpora)
def test_bleu_equals_nltk_and_all_stay_in_bounds(rows: list) -> None:
    hypotheses, references, dialogue = (list(column) for column in zip(*rows, strict=True))
    scores = score_text(hypotheses, references, dialogue, rng=np.random.default_rng(0), samples=10)
    expected = corpus_bleu(
        [[tokens.tokenize(text)] for text in references],
        [tokens.tokenize(text) for text in hypotheses],
        weights=(0.5, 0.5),
        smoothing_function=SmoothingFunction().method3,
    )
    assert scores["bleu_2"].value == pytest.approx(100.0 * expected)
    for estimate in scores.values():
        assert 0.0 <= estimate.low <= estimate.high <= 100.0 + 1e-9


@SETTINGS
@given(corpora, st.randoms(use_true_random=False))
def test_order_of_responses_does_not_matter(rows: list, random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert _score(*zip(*rows, strict=True)) == pytest.approx(_score(*zip(*shuffled, strict=True)))


def test_a_resample_scores_like_its_dialogues_repeated() -> None:
    hypotheses, references, dialogue = _random_corpus(40, 5)
    tally = text_statistics(hypotheses, references, dialogue).tally
    weights = resample_weights(5, rng=np.random.default_rng(1), samples=6)
    resampled = tally.formula(weights @ tally.totals)
    assert set(resampled) == set(BOOTSTRAPPED)
    for sample, row in enumerate(weights.astype(int)):
        repeated = np.repeat(np.arange(40), row[dialogue])
        expected = _score([hypotheses[k] for k in repeated], [references[k] for k in repeated], dialogue[repeated])
        for metric in BOOTSTRAPPED:
            assert resampled[metric][sample] == pytest.approx(expected[metric])


def test_interval_contains_the_value_and_repeats_under_its_seed() -> None:
    corpus = _random_corpus(300, 60)
    first, second = (score_text(*corpus, rng=np.random.default_rng(7), samples=200) for _ in range(2))
    assert first == second
    for metric in [*BOOTSTRAPPED, "distinct_2", "distinct_3"]:
        assert first[metric].low < first[metric].value < first[metric].high


def test_every_text_is_tokenised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = tokens.tokenize
    monkeypatch.setattr(tokens, "tokenize", lambda text: seen.append(text) or real(text))
    _score(["one", "two", "one"], ["two", "three", "four"], [1, 1, 1])
    assert sorted(seen) == ["four", "one", "three", "two"]


@pytest.mark.parametrize(
    ("hypotheses", "references", "dialogue", "complaint"),
    [
        ([], [], [], "the corpus is empty"),
        (["a"], ["a", "b"], [1], "got 1 hypotheses but 2 references"),
        (["a"], ["a"], [1, 1], "expected one for each of 1 items"),
    ],
)
def test_wrong_input_is_refused_in_one_line(hypotheses: list, references: list, dialogue: list, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        score_text(hypotheses, references, dialogue, rng=np.random.default_rng(0))
    assert "\n" not in str(caught.value)


def test_two_runs_are_a_mean_with_spread() -> None:
    # Lengths 2 and 4 over two runs: mean 3, sample standard deviation sqrt(2); distinct words 2/2 and 2/4.
    runs = [text_statistics([text], ["a b"], [0]) for text in ("a b", "a b a b")]
    scores = text_estimates(runs, rng=np.random.default_rng(0), samples=5)
    assert (scores["length"].value, scores["length"].spread, scores["length"].runs) == (3.0, pytest.approx(2**0.5), 2)
    assert scores["distinct_1"].value == pytest.approx(75.0)
    assert scores["distinct_1"].spread == pytest.approx(50.0 / 2**0.5)


def test_scores_of_single_responses_are_averaged() -> None:
    given = {"bertscore": [10.0, 40.0]}
    scores = score_text(["a", "b"], ["a", "b"], [0, 0], rng=np.random.default_rng(0), samples=5, response_scores=given)
    assert scores["bertscore"].value == 25.0
    assert "bertscore:tiny" in text_signature(bertscore="tiny") and "bertscore" not in text_signature()
    for wrong in ([1.0], [1.0, np.nan]):
        with pytest.raises(ValueError, match="bertscore: expected finite scores for each of 2 responses"):
            text_statistics(["a", "b"], ["a", "b"], [0, 0], response_scores={"bertscore": wrong})
