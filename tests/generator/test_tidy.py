import pytest

from generator.tidy import tidy


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("i can ' t sleep . it ' s hard , you know ?", "I can't sleep. It's hard, you know?"),
        (" I can't sleep. It's hard, you know?", "I can't sleep. It's hard, you know?"),
        ("we ' ll see ( maybe ) !", "We'll see (maybe)!"),
        ("do  you\nthink   so", "Do you think so"),
        ("broken \ufffd\ufffd end", "Broken end"),
        ("NASA works", "NASA works"),
        ("the students ' rooms", "The students ' rooms"),
        ("", ""),
    ],
)
def test_both_backbones_end_up_alike(raw, expected):
    assert tidy(raw) == expected
    assert tidy(expected) == expected
