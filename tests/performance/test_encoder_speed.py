"""MPNet embeds all of ESConv in minutes and a new message at once: on two quiet cores that multiply bfloat16.

``OMP_NUM_THREADS=2 pytest -n 0 -s -m slow tests/performance/test_encoder_speed.py``
"""

import time
from pathlib import Path

import numpy as np
import pytest

from corpus.load import load_corpus
from encoding.packaged_weights import cached_model
from encoding.sentence_encoder import SentenceEncoder
from tests.required import missing

NAME, SAMPLE = "all-mpnet-base-v2", 2048


@pytest.mark.slow
@pytest.mark.real_data
def test_esconv_in_eight_minutes_and_a_message_in_25_ms(esconv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if cached_model(NAME) is None:
        missing("weights", f"{NAME} is not in the cache (ESC_CACHE)")
    encoder = SentenceEncoder(NAME)
    if encoder.precision == "fp32":
        pytest.skip("no native bfloat16 here")
    texts = sorted(
        {message.text for dialogue in load_corpus(str(esconv)).split("all") for message in dialogue.messages}
    )
    texts = [texts[row] for row in np.random.default_rng(0).permutation(len(texts))]
    encoder.encode(texts[-200:])  # loads the model and prepares most lengths
    began = time.perf_counter()
    encoder.encode(texts[:SAMPLE])
    minutes = (time.perf_counter() - began) * len(texts) / SAMPLE / 60
    latencies = []
    for text in texts[:100]:
        began = time.perf_counter()
        encoder.encode([text])
        latencies.append(1000 * (time.perf_counter() - began))
    with capsys.disabled():
        print(
            f"\n{len(texts):,} messages in {minutes:.1f} minutes; a message in {np.median(latencies):.0f} ms (median)"
        )
    assert minutes <= 8
    assert np.median(latencies) <= 25
