"""Decoded tokens as people write them: the same spacing and case whatever the backbone's tokenizer does to text."""

import re

_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufffd]")  # control characters, halves of characters
_BEFORE_PUNCTUATION = re.compile(r"\s+([.,!?%)\]}])")
_SAD_FACE = re.compile(r"([:;])\s+\((?=\s|$)(?![^()]*\))")  # a bracket that nothing closes
_BEFORE_COLON = re.compile(r"\s+([:;])(?![-()DP])")  # but a face keeps its blank: great :)
_AFTER_BRACKET = re.compile(r"(?<![:;])([(\[{])\s+")
_CONTRACTION = re.compile(r"(\w)\s*(['\u2019])\s*(s|t|m|re|ve|ll|d)\b", re.IGNORECASE)
_INNER_APOSTROPHE = re.compile(r"\b(o|y|ma)\s*(['\u2019])\s*(clock|all|am)\b", re.IGNORECASE)
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
        The text without outer blanks; control characters, and halves of characters that a cut left over, are gone.
    """
    text = _NO_TEXT.sub("", text)
    text = _REPEATED_BLANKS.sub(" ", text)
    text = _BEFORE_PUNCTUATION.sub(r"\1", text)
    text = _SAD_FACE.sub(r"\1(", text)
    text = _BEFORE_COLON.sub(r"\1", text)
    text = _AFTER_BRACKET.sub(r"\1", text)
    text = _CONTRACTION.sub(r"\1\2\3", text)
    text = _INNER_APOSTROPHE.sub(r"\1\2\3", text).strip()
    if text == text.lower():
        text = _SENTENCE_START.sub(lambda match: match[1] + match[2].upper(), text)
        text = _PRONOUN.sub("I", text)
    return text
