"""Protocol text: generated responses against the reference responses, one each.

Each metric is defined in the file of its name; here the texts are tokenised once and the intervals are drawn.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from metrics.statistics.bootstrap import Tally, dialogue_index, dialogue_totals
from metrics.statistics.estimate import Estimate, signature
from metrics.statistics.jackknife import LeftOut, run_jackknife
from metrics.statistics.run_mean import run_estimates
from metrics.text.bleu import COLUMNS, bleu, bleu_counts
from metrics.text.distinct import ORDERS, distinct_left_out
from metrics.text.embedding_scores import WordVectors, average_score, extrema_score, greedy_score
from metrics.text.rouge_l import BETA, rouge_l
from metrics.text.tokens import TOKENS, Tokens, tokenize_all
from metrics.text.unigram_f1 import unigram_f1

_EMBEDDING_SCORES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "extrema": extrema_score,
    "average": average_score,
    "greedy": greedy_score,
}


@dataclass(frozen=True, eq=False)
class TextStatistics:
    """All that the metrics of one system's texts depend on, so that intervals and paired tests need no text again.

    Attributes:
        tally: Of the metrics that are bootstrapped: BLEU and the means over responses.
        distinct: Of the metrics that are jackknifed: ``distinct_1`` ... by name.
    """

    tally: Tally
    distinct: Mapping[str, LeftOut] = field(default_factory=dict)


def text_signature(
    *,
    samples: int = 1000,
    vectors: WordVectors | None = None,
    bertscore: str | None = None,
    unit: str = "dialogue",
    **fields: object,
) -> str:
    """Signature of :func:`score_text`.

    Args:
        samples: As given to :func:`score_text`.
        vectors: As given to :func:`score_text`.
        bertscore: Name of the BERTScore model (:attr:`metrics.text.bertscore.BertScore.name`), where it was computed.
        unit: What the caller numbered: ``dialogue``, or ``line`` where files of single lines tell no dialogues apart.
        **fields: Added as they are, e.g. how the text was decoded.
    """
    embedding = {} if vectors is None else {"vectors": vectors.name, "unknown": "mean-vector"}
    model = {} if bertscore is None else {"bertscore": bertscore}
    return signature(
        "text",
        tokens=TOKENS,
        case="lower",
        smooth=3,
        beta=BETA,
        **embedding,
        **model,
        bootstrap=f"{unit}-{samples}",
        distinct=f"jackknife-{unit}",
        **fields,
    )


def embedding_scores(
    hypotheses: Sequence[str], references: Sequence[str], *, vectors: WordVectors
) -> dict[str, np.ndarray]:
    """``extrema``, ``average`` and ``greedy`` of every response, -100..100. Shape of each: (N,).

    Raises:
        ValueError: Different lengths.
    """
    pairs = [
        (vectors.vectors(hypothesis), vectors.vectors(reference))
        for hypothesis, reference in zip(*_paired_tokens(hypotheses, references), strict=True)
    ]
    return {
        name: np.array([100.0 * score(*pair) for pair in pairs], dtype=np.float64)
        for name, score in _EMBEDDING_SCORES.items()
    }


def text_statistics(
    hypotheses: Sequence[str],
    references: Sequence[str],
    dialogue: Sequence[int] | np.ndarray,
    *,
    response_scores: Mapping[str, Sequence[float] | np.ndarray] | None = None,
) -> TextStatistics:
    """Statistics of one system's texts.

    Args:
        hypotheses: N generated responses; an empty one is scored as having no words.
        references: N reference responses.
        dialogue: (N,) the dialogue number of every response; what is resampled.
        response_scores: Metric -> (N,) scores of single responses that were computed elsewhere
            (:func:`embedding_scores`, BERTScore) and whose mean is the metric.

    Raises:
        ValueError: Different lengths, or nothing to score.
    """
    hypothesis_tokens, reference_tokens = _paired_tokens(hypotheses, references)
    tally = _tally(hypothesis_tokens, reference_tokens, dialogue, response_scores or {})
    _, position = dialogue_index(dialogue, items=len(hypotheses))
    distinct = {}
    for order in ORDERS:
        for suffix, last in (("", False), ("_esconv2021", True)):
            distinct[f"distinct_{order}{suffix}"] = distinct_left_out(
                hypothesis_tokens, position, order=order, leave_out_last=last
            )
    return TextStatistics(tally, distinct)


def text_estimates(runs: Sequence[TextStatistics], *, rng: np.random.Generator, samples: int) -> dict[str, Estimate]:
    """Every metric with its interval; of several runs (seeds) the mean, with its spread between them.

    Raises:
        ValueError: No runs, or different dialogues.
    """
    scores = run_estimates([run.tally for run in runs], rng=rng, samples=samples)
    for metric in runs[0].distinct:
        scores[metric] = run_jackknife([run.distinct[metric] for run in runs], low=0.0, high=100.0)
    return scores


def score_text(
    hypotheses: Sequence[str],
    references: Sequence[str],
    dialogue: Sequence[int] | np.ndarray,
    *,
    rng: np.random.Generator,
    samples: int = 1000,
    vectors: WordVectors | None = None,
    bertscore: Sequence[float] | np.ndarray | None = None,
) -> dict[str, Estimate]:
    """Scores one generated response per reference response.

    Args:
        hypotheses: N generated responses; an empty one is scored as having no words.
        references: N reference responses.
        dialogue: (N,) the dialogue number of every response; what is resampled.
        rng: Source of the resamples.
        samples: How many.
        vectors: Word vectors; without them the three embedding metrics are left out.
        bertscore: (N,) BERTScore of every response; without them it is left out.

    Returns:
        ``bleu_1``..``bleu_4``, ``rouge_l``, ``unigram_f1``, ``distinct_1``..``distinct_3``,
        ``distinct_1_esconv2021``..``distinct_3_esconv2021``: 0..100. ``length``: mean tokens of a hypothesis. With
        vectors ``extrema``, ``average``, ``greedy``: -100..100. Where given ``bertscore``.

    Raises:
        ValueError: Different lengths, or nothing to score.
    """
    scores: dict[str, Sequence[float] | np.ndarray] = {}
    if vectors is not None:
        scores |= embedding_scores(hypotheses, references, vectors=vectors)
    if bertscore is not None:
        scores["bertscore"] = bertscore
    statistics = text_statistics(hypotheses, references, dialogue, response_scores=scores)
    return text_estimates([statistics], rng=rng, samples=samples)


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
    response_scores: Mapping[str, Sequence[float] | np.ndarray],
) -> Tally:
    """Each dialogue's sums of BLEU counts and of the metrics that are means over responses."""
    dialogues, position = dialogue_index(dialogue, items=len(hypotheses))
    names = ["rouge_l", "unigram_f1", "length", *response_scores]
    statistics = np.array(
        [
            [
                *bleu_counts(hypothesis, reference),
                1,
                100.0 * rouge_l(hypothesis, reference),
                100.0 * unigram_f1(hypothesis, reference),
                len(hypothesis),
            ]
            for hypothesis, reference in zip(hypotheses, references, strict=True)
        ],
        dtype=np.float64,
    )
    columns = [np.asarray(scores, dtype=np.float64) for scores in response_scores.values()]
    for name, column in zip(response_scores, columns, strict=True):
        if column.shape != (len(hypotheses),) or not np.isfinite(column).all():
            raise ValueError(f"{name}: expected one finite score for each of {len(hypotheses)} responses")

    def formula(sums: np.ndarray) -> dict[str, np.ndarray]:
        responses = sums[:, COLUMNS]
        means = {name: sums[:, COLUMNS + 1 + column] / responses for column, name in enumerate(names)}
        return bleu(sums[:, :COLUMNS]) | means

    return Tally(dialogues, dialogue_totals(np.column_stack([statistics, *columns]), position), formula)
