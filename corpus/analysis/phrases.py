"""Words and word pairs that set a strategy apart: log-odds ratio with informative Dirichlet prior, as in Figure 3.

Source: Monroe, Colaresi and Quinn 2008, "Fightin' Words: Lexical Feature Selection and Evaluation for Identifying the
Content of Political Conflict", Political Analysis 16(4); used by Liu et al., ACL 2021, for Figure 3.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from corpus.dialogue import Dialogue, message_view
from corpus.strategy import Strategy

SIGNIFICANT = 1.96  # |z| beyond which 95 % of a standard normal lie within; not corrected for the many phrases tried

_CLAUSE_END = re.compile(r"[^\w\s'’-]+")  # punctuation that two neighbours do not form a pair across
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One word or pair of neighbouring words, and how much a strategy prefers it.

    Attributes:
        text: Lower-cased; two words are joined by a blank.
        count: How often it occurs in the strategy's messages.
        z: Standardised log-odds ratio against all other strategies; positive: preferred.
    """

    text: str
    count: int
    z: float


def phrases(text: str, *, words: int) -> list[str]:
    """The runs of ``words`` neighbouring words of a message, lower-cased, never across punctuation."""
    runs: list[str] = []
    for clause in _CLAUSE_END.split(text.lower().replace("’", "'")):
        tokens = _WORD.findall(clause)
        runs += tokens if words == 1 else [" ".join(pair) for pair in pairwise(tokens)]
    return runs


def log_odds_z(counts: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """How much every group prefers every phrase over all other groups together.

    With y the counts of a group (i) and of all others (j), n their sums, a the prior's pseudo-counts and a0 their sum,

        delta_w = log (y_iw + a_w) / (n_i + a0 - y_iw - a_w) - log (y_jw + a_w) / (n_j + a0 - y_jw - a_w)
        z_w     = delta_w / sqrt(1 / (y_iw + a_w) + 1 / (y_jw + a_w))

    Args:
        counts: (G, V) how often group g uses phrase v.
        prior: (V,) pseudo-counts, each above 0.

    Returns:
        (G, V) z-scores.

    Raises:
        ValueError: The shapes do not fit, a pseudo-count is not above 0, or there are fewer than two phrases.
    """
    if counts.ndim != 2 or prior.shape != counts.shape[1:]:
        raise ValueError(f"got counts of shape {counts.shape} and a prior of shape {prior.shape}")
    if counts.shape[1] < 2:
        raise ValueError(f"got {counts.shape[1]} phrases, expected at least two: odds need an alternative")
    if not (prior > 0).all():
        raise ValueError("got a pseudo-count that is not above 0, expected an informative prior on every phrase")
    inside = counts + prior  # (G, V)
    outside = counts.sum(axis=0) - counts + prior
    delta = np.log(inside / (inside.sum(axis=1, keepdims=True) - inside))
    delta -= np.log(outside / (outside.sum(axis=1, keepdims=True) - outside))
    return delta / np.sqrt(1 / inside + 1 / outside)


def distinctive_phrases(dialogues: Sequence[Dialogue], *, top: int) -> dict[Strategy, tuple[Phrase, ...]]:
    """The words and word pairs that each strategy prefers most.

    The prior is what all supporters say: a phrase's pseudo-count is its count over all strategies, so that frequent
    words of the language need much evidence and rare ones are held back by their variance. Single words and pairs are
    two vocabularies with their own sums, ranked together by z.

    Returns:
        All eight strategies, each with at most ``top`` phrases by falling z, all above 1.96.

    Raises:
        CorpusError: A supporter message has no strategy.
    """
    texts: dict[Strategy, list[str]] = {strategy: [] for strategy in Strategy}
    for item in message_view(dialogues):
        texts[item.strategy].append(item.message.text)
    found: dict[Strategy, list[Phrase]] = {strategy: [] for strategy in Strategy}
    for words in (1, 2):
        counters = [
            Counter(run for text in texts[strategy] for run in phrases(text, words=words)) for strategy in Strategy
        ]
        for strategy, ranked in zip(Strategy, _ranked(counters), strict=True):
            found[strategy] += ranked
    return {
        strategy: tuple(sorted(preferred, key=lambda phrase: (-phrase.z, phrase.text))[:top])
        for strategy, preferred in found.items()
    }


def _ranked(counters: Sequence[Counter[str]]) -> Iterable[list[Phrase]]:
    """Of every group the phrases with z above 1.96, in no order."""
    vocabulary = sorted(set().union(*counters))
    if len(vocabulary) < 2:
        return [[] for _ in counters]
    column = {text: place for place, text in enumerate(vocabulary)}
    counts = np.zeros((len(counters), len(vocabulary)))
    for row, counter in enumerate(counters):
        counts[row, [column[text] for text in counter]] = list(counter.values())
    z = log_odds_z(counts, counts.sum(axis=0))
    return [
        [
            Phrase(vocabulary[place], int(counts[row, place]), float(z[row, place]))
            for place in np.flatnonzero(z[row] > SIGNIFICANT)
        ]
        for row in range(len(counters))
    ]
