"""Perplexity of reference responses under a generator: per token, in the two ways papers print it, and per word.

A token is what the generator's tokenizer makes of a text, so perplexities per token compare under one tokenizer only.
Per word, exp(nats / whitespace words of the references), they compare across tokenizers: the nats of a text do not
depend on how it was cut (Mielke 2019, "Can you compare perplexity across different segmentations?").
"""

from collections.abc import Sequence

import numpy as np

from metrics.metric import Metric
from metrics.statistics.bootstrap import Tally, dialogue_index, dialogue_totals
from metrics.statistics.estimate import ratio


def perplexity_tally(
    negative_log_likelihood: Sequence[float] | np.ndarray,
    tokens: Sequence[int] | np.ndarray,
    dialogue: Sequence[int] | np.ndarray,
    *,
    suffix: str = "",
    words: Sequence[int] | np.ndarray | None = None,
) -> Tally:
    """Perplexity per token over the corpus, the mean of the responses' own perplexities, and perplexity per word.

    Args:
        negative_log_likelihood: (N,) sum of -ln p over the tokens of every response, in nats.
        tokens: (N,) how many tokens that is, at least 1.
        dialogue: (N,) the dialogue number of every response; what is resampled.
        suffix: Of the names of the metrics: ``_with_strategy`` where strategy tokens are counted too.
        words: (N,) how many whitespace words every response has; without them there is no perplexity per word.

    Returns:
        Each dialogue's sums, all that the metrics depend on: ``ppl`` = exp(sum of nll / sum of tokens), ``ppl_mean`` =
        mean of exp(nll / tokens), which the 2021 paper's Table 4 prints, and ``ppl_word`` = exp(sum of nll / sum of
        words), infinite without any word. All >= 1.

    Raises:
        ValueError: Different lengths, nothing to score, a likelihood that is no finite number >= 0, a count below 1 (of
            words below 0).
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
    columns = [losses, counts, np.exp(losses / counts), np.ones(len(losses))]
    if words is not None:
        spoken = np.asarray(words)
        if spoken.shape != losses.shape or not np.issubdtype(spoken.dtype, np.integer) or (spoken < 0).any():
            raise ValueError(f"got words {spoken!r:.60}, expected a count of each of {len(losses)} responses")
        columns.append(spoken)
    statistics = np.stack(columns, axis=1)

    def formula(sums: np.ndarray) -> dict[str, np.ndarray]:
        """The perplexities from sums (R, 4), or (R, 5) with words."""
        loss, counted, perplexities, responses, *of_words = sums.T
        scores = {f"ppl{suffix}": np.exp(loss / counted), f"ppl_mean{suffix}": perplexities / responses}
        return scores | {f"ppl_word{suffix}": np.exp(ratio(loss, one, empty=np.inf)) for one in of_words}

    return Tally(dialogues, dialogue_totals(statistics, position), formula)


METRICS = tuple(
    Metric(name, label, meaning, better="lower", protocols=("text",), requires="likelihoods")
    for name, label, meaning in (
        ("ppl", "PPL", "perplexity per token over the corpus"),
        ("ppl_word", "PPL word", "perplexity per whitespace word, comparable across tokenizers"),
        ("ppl_mean", "PPL mean", "mean of per-response perplexities"),
        ("ppl_with_strategy", "PPL+S", "perplexity per token, strategy tokens counted too"),
        ("ppl_mean_with_strategy", "PPL mean+S", "PPL mean, strategy tokens counted too"),
    )
)
