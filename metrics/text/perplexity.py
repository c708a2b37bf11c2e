"""Perplexity of reference responses under a generator, in the two ways papers print it."""

from collections.abc import Sequence

import numpy as np

from metrics.metric import Metric
from metrics.statistics.bootstrap import Tally, dialogue_index, dialogue_totals


def perplexity_tally(
    negative_log_likelihood: Sequence[float] | np.ndarray,
    tokens: Sequence[int] | np.ndarray,
    dialogue: Sequence[int] | np.ndarray,
    *,
    suffix: str = "",
) -> Tally:
    """Perplexity per token over the corpus, and the mean of the responses' own perplexities.

    Args:
        negative_log_likelihood: (N,) sum of -ln p over the tokens of every response, in nats.
        tokens: (N,) how many tokens that is, at least 1.
        dialogue: (N,) the dialogue number of every response; what is resampled.
        suffix: Of the names of both metrics: ``_with_strategy`` where strategy tokens are counted too.

    Returns:
        Each dialogue's sums, all that both metrics depend on: ``ppl`` = exp(sum of nll / sum of tokens), and
        ``ppl_mean`` = mean of exp(nll / tokens), which the 2021 paper's Table 4 prints. Both >= 1.

    Raises:
        ValueError: Different lengths, nothing to score, a likelihood that is no finite number >= 0, a count below 1.
    """
    losses = np.asarray(negative_log_likelihood, dtype=np.float64)
    counts = np.asarray(tokens)
    if losses.ndim != 1 or losses.shape != counts.shape:
        raise ValueError(f"got likelihoods of shape {losses.shape} but token counts of shape {counts.shape}")
    dialogues, position = dialogue_index(dialogue, items=len(losses))
    if not np.issubdtype(counts.dtype, np.integer):
        raise ValueError(f"got token counts of type {counts.dtype}, expected whole numbers")
    (wrong,) = np.nonzero(~np.isfinite(losses) | (losses < 0))
    if wrong.size:
        raise ValueError(f"negative log-likelihood {losses[wrong[0]]} of item {wrong[0]} is not a finite number >= 0")
    (wrong,) = np.nonzero(counts < 1)
    if wrong.size:
        raise ValueError(f"item {wrong[0]} has {counts[wrong[0]]} tokens, expected at least 1")
    statistics = np.stack([losses, counts, np.exp(losses / counts), np.ones(len(losses))], axis=1)

    def formula(sums: np.ndarray) -> dict[str, np.ndarray]:
        """Both perplexities from sums (R, 4)."""
        loss, counted, perplexities, responses = sums.T
        return {f"ppl{suffix}": np.exp(loss / counted), f"ppl_mean{suffix}": perplexities / responses}

    return Tally(dialogues, dialogue_totals(statistics, position), formula)


METRICS = tuple(
    Metric(name, label, meaning, better="lower", protocols=("text",), requires="likelihoods")
    for name, label, meaning in (
        ("ppl", "PPL", "perplexity per token over the corpus"),
        ("ppl_mean", "PPL mean", "mean of per-response perplexities"),
        ("ppl_with_strategy", "PPL+S", "perplexity per token, strategy tokens counted too"),
        ("ppl_mean_with_strategy", "PPL mean+S", "PPL mean, strategy tokens counted too"),
    )
)
