"""Tokens: sentences first, then words, lower-cased."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.text.tokens import tokenize, tokenize_all


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("  \n ", []),
        ("Yes", ["yes"]),
        # Sentences first: the inner full stop is a token of its own; by words alone it would stay at "morning.".
        ("Good morning. I DON'T know.", ["good", "morning", ".", "i", "do", "n't", "know", "."]),
        ("Really?! Wow... ok", ["really", "?", "!", "wow", "...", "ok"]),
        ("I'm fine, you're kind", ["i", "'m", "fine", ",", "you", "'re", "kind"]),
    ],
)
def test_hand_made_texts(text: str, tokens: list[str]) -> None:
    assert list(tokenize(text)) == tokens


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(alphabet="aB .,?'", max_size=20), max_size=6))
def test_all_texts_at_once_are_each_text(texts: list[str]) -> None:
    assert tokenize_all(texts) == [tokenize(text) for text in texts]
    assert tokenize_all([text.upper() for text in texts]) == [tokenize(text.lower()) for text in texts]
