"""Protocol text: generated responses against the reference responses, one each.

Each metric is defined in the file of its name; here the texts are tokenised once and the intervals are drawn.
"""

from collections.abc import Callable, Sequence

import numpy as np

from metrics.bleu import COLUMNS, bleu, bleu_counts
from metrics.bootstrap import Tally, dialogue_index, dialogue_totals, estimates
from metrics.distinct import ORDERS, distinct
from metrics.embedding_scores import average_score, extrema_score, greedy_score
from metrics.estimate import Estimate
from metrics.rouge_l import BETA, rouge_l
from metrics.signature import signature
from metrics.tokens import TOKENS, Tokens, tokenize_all
from metrics.unigram_f1 import unigram_f1
from metrics.word_vectors import WordVectors

_EMBEDDING_SCORES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "extrema": extrema_score,
    "average": average_score,
    "greedy": greedy_score,
}


def text_signature(
    *, samples: int = 1000, vectors: WordVectors | None = None, unit: str = "dialogue", **fields: object
) -> str:
    """Signature of :func:`score_text`.

    Args:
        samples: As given to :func:`score_text`.
        vectors: As given to :func:`score_text`.
        unit: What the caller numbered: ``dialogue``, or ``line`` where files of single lines tell no dialogues apart.
        **fields: Added as they are, e.g. how the text was decoded.
    """
    embedding = {} if vectors is None else {"vectors": vectors.name, "unknown": "mean-vector"}
    return signature(
        "text",
        tokens=TOKENS,
        case="lower",
        smooth=3,
        beta=BETA,
        **embedding,
        bootstrap=f"{unit}-{samples}",
        distinct=f"jackknife-{unit}",
        **fields,
    )


def _paired_tokens(hypotheses: Sequence[str], references: Sequence[str]) -> tuple[list[Tokens], list[Tokens]]:
    """Tokens of both sides, every distinct text tokenised once."""
    if len(hypotheses) != len(references):
        raise ValueError(f"got {len(hypotheses)} hypotheses but {len(references)} references")
    tokens = tokenize_all([*hypotheses, *references])
    return tokens[: len(hypotheses)], tokens[len(hypotheses) :]


def _tally(
    hypotheses: Sequence[Tokens],
    references: Sequence[Tokens],
    dialogue: Sequence[int] | np.ndarray,
    vectors: WordVectors | None,
) -> Tally:
    """Each dialogue's sums of BLEU counts and of the metrics that are means over responses."""
    dialogues, position = dialogue_index(dialogue, items=len(hypotheses))
    names = ["rouge_l", "unigram_f1", "length", *(_EMBEDDING_SCORES if vectors is not None else ())]
    statistics = []
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        row = [
            *bleu_counts(hypothesis, reference),
            1,
            100.0 * rouge_l(hypothesis, reference),
            100.0 * unigram_f1(hypothesis, reference),
            len(hypothesis),
        ]
        if vectors is not None:
            left, right = vectors.vectors(hypothesis), vectors.vectors(reference)
            row += [100.0 * score(left, right) for score in _EMBEDDING_SCORES.values()]
        statistics.append(row)

    def formula(sums: np.ndarray) -> dict[str, np.ndarray]:
        responses = sums[:, COLUMNS]
        means = {name: sums[:, COLUMNS + 1 + column] / responses for column, name in enumerate(names)}
        return bleu(sums[:, :COLUMNS]) | means

    return Tally(dialogues, dialogue_totals(np.array(statistics, dtype=np.float64), position), formula)


def text_tally(
    hypotheses: Sequence[str],
    references: Sequence[str],
    dialogue: Sequence[int] | np.ndarray,
    *,
    vectors: WordVectors | None = None,
) -> Tally:
    """Tally of every metric of :func:`score_text` but distinct, for paired tests. Arguments as there."""
    return _tally(*_paired_tokens(hypotheses, references), dialogue, vectors)


def score_text(
    hypotheses: Sequence[str],
    references: Sequence[str],
    dialogue: Sequence[int] | np.ndarray,
    *,
    rng: np.random.Generator,
    samples: int = 1000,
    vectors: WordVectors | None = None,
) -> dict[str, Estimate]:
    """Scores one generated response per reference response.

    Args:
        hypotheses: N generated responses; an empty one is scored as having no words.
        references: N reference responses.
        dialogue: (N,) the dialogue number of every response; what is resampled.
        rng: Source of the resamples.
        samples: How many.
        vectors: Word vectors; without them the three embedding metrics are left out.

    Returns:
        ``bleu_1``..``bleu_4``, ``rouge_l``, ``unigram_f1``, ``distinct_1``..``distinct_3``,
        ``distinct_1_esconv2021``..``distinct_3_esconv2021``: 0..100. ``length``: mean tokens of a hypothesis. With
        vectors ``extrema``, ``average``, ``greedy``: -100..100.

    Raises:
        ValueError: Different lengths, or nothing to score.
    """
    hypothesis_tokens, reference_tokens = _paired_tokens(hypotheses, references)
    tally = _tally(hypothesis_tokens, reference_tokens, dialogue, vectors)
    _, position = dialogue_index(dialogue, items=len(hypotheses))
    scores = estimates(tally, rng=rng, samples=samples)
    for order in ORDERS:
        scores[f"distinct_{order}"] = distinct(hypothesis_tokens, position, order=order)
        scores[f"distinct_{order}_esconv2021"] = distinct(hypothesis_tokens, position, order=order, leave_out_last=True)
    return scores
