"""Word tokens as NLTK's ``word_tokenize`` makes them, without its downloaded model.

``word_tokenize`` splits sentences first (Punkt) and words then, which matters: a full stop is split off at the end of
a sentence only. An untrained Punkt knows no abbreviations but gives the published figures to within 0.013; words
without sentences do not. Text is lower-cased before, as the authors of ESConv do (``codes_zcj``).
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any

# Stands in the signatures; NLTK's rules change between its versions.
TOKENS = f"nltk-{version('nltk')}-punkt-untrained+word"

Tokens = tuple[str, ...]

# Texts whose tokens are remembered: tokenising takes most of the time of all text metrics, and systems and seeds share
# their references. A hundred thousand responses of 20 words take some 100 MB.
_REMEMBERED = 100_000


@cache
def _tokenizers() -> tuple[Any, Any]:
    from nltk.tokenize.destructive import NLTKWordTokenizer
    from nltk.tokenize.punkt import PunktSentenceTokenizer

    return PunktSentenceTokenizer(), NLTKWordTokenizer()


@lru_cache(maxsize=_REMEMBERED)
def tokenize(text: str) -> Tokens:
    """Lower-cased word tokens of one response; blank text has none."""
    sentences, words = _tokenizers()
    return tuple(token for sentence in sentences.tokenize(text.lower()) for token in words.tokenize(sentence))


def tokenize_all(texts: Sequence[str]) -> list[Tokens]:
    """:func:`tokenize` of every text, each distinct text once."""
    known = {text: tokenize(text) for text in set(texts)}
    return [known[text] for text in texts]
