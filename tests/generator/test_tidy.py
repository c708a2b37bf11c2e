import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.turn_writer import tidy


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("i can ' t sleep . it ' s hard , you know ?", "I can't sleep. It's hard, you know?"),
        (" I can't sleep. It's hard, you know?", "I can't sleep. It's hard, you know?"),
        ("we ' ll see ( maybe ) !", "We'll see (maybe)!"),
        ("do  you\nthink   so", "Do you think so"),
        ("broken \ufffd\ufffd end", "Broken end"),
        ("bro\x12ken\x00 \x85end\x9f", "Broken end"),
        ("NASA works", "NASA works"),
        ("thank you : )", "Thank you :)"),
        ("that hurts : ( i know ; it does", "That hurts :( I know; it does"),
        ("two things : ( one ) sleep", "Two things: (one) sleep"),
        ("y ' all at 8 o ' clock , ma ' am", "Y'all at 8 o'clock, ma'am"),
        ("the students ' rooms", "The students ' rooms"),
        ("", ""),
    ],
)
def test_both_backbones_end_up_alike(raw, expected):
    assert tidy(raw) == expected
    assert tidy(expected) == expected


@settings(deadline=None)
@given(st.from_regex(r"[A-Za-z0-9]", fullmatch=True), st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_no_text_becomes_empty_or_keeps_what_is_no_text(first, rest):
    text = tidy(f" {first}{rest}")
    assert text == " ".join(text.split()) != ""
    assert tidy(text) == text
    assert not [sign for sign in text if unicodedata.category(sign) == "Cc" or sign == "\ufffd"]
