"""All text metrics of as many responses as the official test split has, intervals included, within seconds."""

import os
import time

import numpy as np
import pytest

from metrics.text import tokens
from metrics.text.scores import score_text

pytestmark = pytest.mark.slow

RESPONSES, DIALOGUES = 2800, 195  # official test split: 2,793 responses of 195 dialogues
SECONDS = 5.0
BUSY = 3.0  # the limit is so many times longer where other processes take the cores
WORDS = ("I", "you", "feel", "that", "sad", "work", "friend", "try", "it's", "don't", "really", "maybe", "because")
LENGTH = 22  # words: somewhat more than ESConv's mean


def _texts(rng: np.random.Generator) -> list[str]:
    invented = np.array([*WORDS, *(f"word{number}" for number in range(5000))])
    drawn = invented[rng.integers(0, len(invented), size=(RESPONSES, 2, LENGTH // 2))]
    return [f"{' '.join(first)}. {' '.join(second)}?" for first, second in drawn.tolist()]


def test_metrics_take_five_seconds_at_most(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    hypotheses, references = _texts(rng), _texts(rng)
    dialogue = np.sort(rng.integers(0, DIALOGUES, size=RESPONSES))
    tokens.tokenize.cache_clear()
    busy = os.getloadavg()[0] > 1 or "PYTEST_XDIST_WORKER" in os.environ
    start, used = time.perf_counter(), time.process_time()
    score_text(hypotheses, references, dialogue, rng=rng)
    seconds, used = time.perf_counter() - start, time.process_time() - used
    with capsys.disabled():
        print(f"\n{RESPONSES} responses: {seconds:.1f} s ({used:.1f} s of a core)")
    assert min(seconds, used) < SECONDS * (BUSY if busy else 1.0)
