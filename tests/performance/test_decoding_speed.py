"""Decoding of the real 90M model beside the plain loop of the 2021 authors' inference script: minutes, so asked for.

``OMP_NUM_THREADS=2 pytest -n 0 -s -m slow tests/performance/test_decoding_speed.py``
"""

import time
from functools import partial

import numpy as np
import pytest
import torch

from language_models.backbone import load_backbone
from language_models.decoding.constraints import Vocabulary
from language_models.decoding.decoder import Request, decode
from language_models.families.family import pad
from language_models.precision import default_device, resolve_precision
from language_models.settings import DecodingConfig

HISTORIES, TOKENS = 200, 20  # ESConv's mean response has 21 tokens
# Sampling as in the 2021 paper; every response has the same number of tokens.
SETTINGS = DecodingConfig(min_message_tokens=TOKENS, max_message_tokens=TOKENS)


@pytest.mark.slow
@pytest.mark.real_data
def test_three_times_the_plain_loop(shared):
    torch.manual_seed(0)
    backbone = load_backbone(shared / "models" / "blenderbot_small-90M", random_weights=True)
    rng = np.random.default_rng(0)
    # Lengths as in ESConv under the limit of 160 tokens: two thirds of the histories reach it.
    lengths = np.where(rng.random(HISTORIES) < 0.65, 160, rng.integers(5, 160, HISTORIES))
    contexts = [rng.integers(10, 50_000, length).tolist() for length in lengths]
    plain_loop(backbone, contexts[:2])  # warms up both
    ours(backbone, contexts[:2])
    rows = {}
    ways = {"plain loop, batch 2": plain_loop, "batches of 64": ours}
    if resolve_precision("auto", default_device()) == "bf16":
        ways["batches of 64, bf16"] = partial(ours, precision="bf16")
    for name, write in ways.items():
        began = time.perf_counter()
        written = write(backbone, contexts)
        seconds = time.perf_counter() - began
        assert [len(tokens) for tokens in written] == [TOKENS] * HISTORIES
        rows[name] = HISTORIES / seconds
    print(f"\n{HISTORIES} histories, {TOKENS} tokens each, {torch.get_num_threads()} threads")
    for name, speed in rows.items():
        print(f"{name:22} {speed:7.2f} responses/s {speed * TOKENS:8.1f} tokens/s")
    slow, *fast = rows.values()
    print("ratio " + ", ".join(f"{speed / slow:.1f}" for speed in fast))
    assert fast[0] >= 3 * slow  # both in fp32


def plain_loop(backbone, contexts):
    written = []
    for first in range(0, len(contexts), 2):
        rows = contexts[first : first + 2]
        with torch.no_grad():
            ids = backbone.model.generate(
                input_ids=pad(rows, value=backbone.tokenizer.pad_token_id),
                attention_mask=pad([[1] * len(row) for row in rows], value=0),
                do_sample=True,
                num_beams=1,
                temperature=SETTINGS.temperature,
                top_k=SETTINGS.top_k,
                top_p=SETTINGS.top_p,
                repetition_penalty=SETTINGS.repetition_penalty,
                min_new_tokens=TOKENS,
                max_new_tokens=TOKENS,
                use_cache=True,
            )
        written += ids[:, 1:].tolist()  # without the start token
    return written


def ours(backbone, contexts, precision="fp32"):
    end = backbone.tokenizer.eos_token_id
    vocabulary = Vocabulary(backbone, ())
    requests = [Request(context, None, (0, index), (end,)) for index, context in enumerate(contexts)]
    written = decode(backbone, requests, vocabulary=vocabulary, free_messages=1, config=SETTINGS, precision=precision)
    return [tokens[:-1] for tokens in written]  # without the end token
