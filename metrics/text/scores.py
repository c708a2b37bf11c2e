"""Protocol text: generated responses against the reference responses, one each.

Each metric is defined in the file of its name (:mod:`metrics.metric`); here texts are tokenised once, and every metric
of the protocol gets its interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from metrics.metric import all_metrics, mean, metric_tally, metrics_of
from metrics.response.response_data import ResponseData
from metrics.statistics.bootstrap import Tally, dialogue_index, dialogue_totals, joined_tally, run_estimates
from metrics.statistics.estimate import Estimate, signature
from metrics.statistics.jackknife import LeftOut, jackknife
from metrics.text.embedding_scores import WordVectors
from metrics.text.rouge_l import BETA
from metrics.text.tokens import TOKENS, Tokens, tokenize_all


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
        samples: Bootstrap resamples.
        vectors: Word vectors.
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
    """The metrics that require word vectors (``extrema``, ...) of every response, in percent. Shape of each: (N,).

    Raises:
        ValueError: Different lengths.
    """
    pairs = [
        (vectors.vectors(hypothesis), vectors.vectors(reference))
        for hypothesis, reference in _paired_tokens(hypotheses, references)
    ]
    return {
        metric.name: np.array([metric.statistics(*pair)[0] for pair in pairs], dtype=np.float64)
        for metric in metrics_of("text")
        if metric.requires == "vectors" and metric.statistics is not None
    }


def response_scores(data: ResponseData) -> dict[str, np.ndarray]:
    """Statistics of every response for each metric that asks for more than texts and is given it. Shapes: (N, k)."""
    return {
        metric.name: metric.responses(data)
        for metric in metrics_of("text")
        if metric.responses is not None and set(metric.requires.split()) <= data.known
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
        references: N responses.
        dialogue: (N,) the dialogue number of every response; what is resampled.
        response_scores: Metric -> (N,) or (N, k) statistics of single responses that were computed elsewhere
            (:func:`embedding_scores`, :func:`response_scores`, BERTScore): the metric's formula makes a score of their
            sums, where it has one; else the metric is the mean.

    Raises:
        ValueError: Different lengths, or nothing to score.
    """
    pairs = _paired_tokens(hypotheses, references)
    own = [metric for metric in metrics_of("text") if not metric.requires]
    tally = metric_tally([metric for metric in own if metric.statistics is not None], pairs, dialogue)
    if response_scores:
        tally = joined_tally([tally, _of_scores(response_scores, dialogue, responses=len(pairs))])
    _, position = dialogue_index(dialogue, items=len(pairs))
    written = [hypothesis for hypothesis, _ in pairs]
    left_out = {metric.name: metric.left_out(written, position) for metric in own if metric.left_out is not None}
    return TextStatistics(tally, left_out)


def text_estimates(runs: Sequence[TextStatistics], *, rng: np.random.Generator, samples: int) -> dict[str, Estimate]:
    """Every metric with its interval; of several runs (seeds) the mean, with its spread between them.

    Raises:
        ValueError: No runs, or different dialogues.
    """
    scores = run_estimates([run.tally for run in runs], rng=rng, samples=samples)
    for metric in runs[0].distinct:
        scores[metric] = jackknife([run.distinct[metric] for run in runs])
    return scores


def score_text(
    hypotheses: Sequence[str],
    references: Sequence[str],
    dialogue: Sequence[int] | np.ndarray,
    *,
    rng: np.random.Generator,
    samples: int = 1000,
    response_scores: Mapping[str, Sequence[float] | np.ndarray] | None = None,
) -> dict[str, Estimate]:
    """Scores one generated response per reference response.

    Args:
        hypotheses: As of :func:`text_statistics`.
        references: As of :func:`text_statistics`.
        dialogue: As of :func:`text_statistics`.
        rng: Of the resamples.
        samples: Bootstrap resamples.
        response_scores: As of :func:`text_statistics`.

    Returns:
        Every metric of the protocol that requires nothing more than texts, and those of ``response_scores``.

    Raises:
        ValueError: Different lengths, or nothing to score.
    """
    statistics = text_statistics(hypotheses, references, dialogue, response_scores=response_scores)
    return text_estimates([statistics], rng=rng, samples=samples)


def _paired_tokens(hypotheses: Sequence[str], references: Sequence[str]) -> list[tuple[Tokens, Tokens]]:
    """Tokens of hypothesis and reference of every response, every distinct text tokenised once."""
    if len(hypotheses) != len(references):
        raise ValueError(f"got {len(hypotheses)} hypotheses but {len(references)} references")
    tokens = tokenize_all([*hypotheses, *references])
    return list(zip(tokens[: len(hypotheses)], tokens[len(hypotheses) :], strict=True))


def _of_scores(
    scores: Mapping[str, Sequence[float] | np.ndarray], dialogue: Sequence[int] | np.ndarray, *, responses: int
) -> Tally:
    """Each dialogue's sums of statistics of single responses, of which the metrics are formulas, else means."""
    dialogues, position = dialogue_index(dialogue, items=responses)
    blocks = {name: np.asarray(block, dtype=np.float64) for name, block in scores.items()}
    for name, block in blocks.items():
        if block.ndim not in (1, 2) or len(block) != responses or not np.isfinite(block).all():
            raise ValueError(f"{name}: expected finite scores for each of {responses} responses")
    known = all_metrics()
    formulas = {name: (known[name].formula if name in known else None) or mean for name in blocks}
    ends = np.cumsum([block.size // responses for block in blocks.values()])

    def formula(sums: np.ndarray) -> dict[str, np.ndarray]:
        items, parts = sums[:, -1], np.split(sums, ends, axis=1)
        return {name: formulas[name](part, items) for name, part in zip(formulas, parts, strict=False)}

    return Tally(dialogues, dialogue_totals(np.column_stack([*blocks.values(), np.ones(responses)]), position), formula)
