"""Decoded tokens as people write them: the same spacing and case whatever the backbone's tokenizer does to text."""

import re

_BEFORE_PUNCTUATION = re.compile(r"\s+([.,!?;:%)\]}])")
_AFTER_BRACKET = re.compile(r"([(\[{])\s+")
_CONTRACTION = re.compile(r"(\w)\s*(['\u2019])\s*(s|t|m|re|ve|ll|d)\b", re.IGNORECASE)
_REPEATED_BLANKS = re.compile(r"\s+")
_SENTENCE_START = re.compile(r"(^|[.!?]\s+)([a-z])")
_PRONOUN = re.compile(r"\bi\b(?!\.\w)")


def tidy(text: str) -> str:
    """Spacing and case of a decoded text put right.

    BlenderBot_small writes ``i can ' t sleep . do you ?``, DialoGPT ``I can't sleep. Do you?``; both give the latter.
    Case is restored only where a text has no capital at all, as a lower-casing tokenizer leaves it.

    Args:
        text: Decoded text without special tokens.

    Returns:
        The text without outer blanks; halves of characters that a cut left over are gone.
    """
    text = text.replace("\ufffd", "")
    text = _REPEATED_BLANKS.sub(" ", text)
    text = _BEFORE_PUNCTUATION.sub(r"\1", text)
    text = _AFTER_BRACKET.sub(r"\1", text)
    text = _CONTRACTION.sub(r"\1\2\3", text).strip()
    if text == text.lower():
        text = _SENTENCE_START.sub(lambda match: match[1] + match[2].upper(), text)
        text = _PRONOUN.sub("I", text)
    return text
