"""The learned screening keeps its budget: 15 ms on a message beyond its vector, 40 ms on a reply with its vector."""

import time
from collections.abc import Callable, Sequence

import pytest

from safety.care import default_care, default_encoder

pytestmark = pytest.mark.slow


def milliseconds(screen: Callable[[str], object], texts: Sequence[str]) -> float:
    start = time.process_time()
    for text in texts:
        screen(text)
    return 1000 * (time.process_time() - start) / len(texts)


@pytest.mark.parametrize("sentences", [1, 9])
def test_a_message(sentences: int) -> None:
    texts = [f"Day {number} was long, and my boss was unkind to me again. " * sentences for number in range(40)]
    default_encoder().encode(texts)
    assert milliseconds(default_care().screener.screen, texts) < 15


def test_a_reply() -> None:
    default_care().replies.screen("That sounds hard.")  # loads the encoder
    texts = [f"I am sorry to hear that day {number} was so hard. What would help you now?" for number in range(40)]
    assert milliseconds(default_care().replies.screen, texts) < 40
