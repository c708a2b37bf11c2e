"""SmolLM2 in chat and in evaluation, from an adapter that is trained for a minute first; on two quiet cores.

``OMP_NUM_THREADS=2 pytest -n 0 -s -m slow tests/performance/test_smollm2_speed.py``
"""

import dataclasses
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from corpus.load import load_corpus
from encoding.packaged_weights import cached_model
from evaluation.generator.benchmark import scored_messages
from evaluation.plan_source import gold_plan
from generator.files import SUMMARY
from generator.inputs import InputFormat
from generator.realizer import Realizer
from language_models.families.family import pad
from tests.required import missing

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).resolve().parent.parent.parent
_PLANNER = "tests/data/golden/planner-fast"  # tiny, but it embeds every message as a large one does
_PROMPT = b"you> "
_SAID = (
    "I lost my job last week and I feel worthless.",
    "My boss said the company had to cut costs, but I think he never liked me.",
    "I have not told my wife yet. I pretend to go to work every morning.",
    "I am afraid she will leave me.",
    "We have been married for six years and we have two kids.",
    "I tried to sleep but I keep thinking about it.",
    "Maybe. I do like to draw, I used to do it every evening.",
    "I do not have many friends in this town.",
    "Thank you. That makes me feel a bit better.",
    "I will talk to her tonight.",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that has seen a few dialogues of the sample; its messages have at most 20 tokens, ESConv's mean."""
    if cached_model("smollm2") is None:
        missing("weights", "SmolLM2 is not in the cache")
    out = tmp_path_factory.mktemp("smollm2") / "run"
    # A quarter of the sample, as a user would train on it.
    options = ["--optimisation.epochs", "0.25", "--optimisation.accumulation-steps", "1"]
    command = [sys.executable, "train.py", "generator", "--backbone", "smollm2", "--out", str(out), *options]
    subprocess.run(command, cwd=_ROOT, check=True)
    summary = json.loads((out / SUMMARY).read_text(encoding="utf-8"))
    summary["decoding"]["max_message_tokens"] = 20
    (out / SUMMARY).write_text(json.dumps(summary), encoding="utf-8")
    return out


def test_chat_answers_at_once(run: Path) -> None:
    began = time.perf_counter()
    arguments = [sys.executable, "-m", "chat", str(run), _PLANNER]
    with subprocess.Popen(arguments, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as chat:
        assert chat.stdin is not None
        _until_prompt(chat)
        seconds, words = [], []
        for text in _SAID:
            said = time.perf_counter()
            chat.stdin.write(f"{text}\n".encode())
            chat.stdin.flush()
            answer = _until_prompt(chat)
            seconds.append(time.perf_counter() - said)
            words.append(sum(len(line.split()) - 2 for line in answer.splitlines() if line.startswith("supporter")))
            if len(seconds) == 1:
                first = time.perf_counter() - began
        chat.stdin.close()
    later = statistics.median(seconds[1:])
    print(
        f"\nfirst reply {first:.2f} s after the start, later ones {later:.2f} s (median), slowest "
        f"{max(seconds[1:]):.2f} s, {statistics.mean(words[1:]):.1f} words; {torch.get_num_threads()} threads"
    )
    assert first < 5
    assert later < 1.5


def _until_prompt(chat: "subprocess.Popen[bytes]") -> str:
    assert chat.stdout is not None
    shown = b""
    while not shown.endswith(_PROMPT):
        part = os.read(chat.stdout.fileno(), 65536)
        assert part, "the chat has ended"
        shown += part
    return shown.decode()


def test_loading_spares_what_only_training_needs() -> None:
    code = (
        "import sys, generator.realizer, planner.planner\n"
        "print(*({'peft', 'sklearn', 'transformers.trainer'} & {*sys.modules}))"
    )
    imported = subprocess.run([sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=True)
    assert imported.stdout.split() == []


@pytest.mark.real_data
def test_six_messages_a_second(run: Path, esconv: Path) -> None:
    realizer = Realizer.load(run, precision="bf16", decoding="esconv2021")
    lengths = dataclasses.replace(realizer.form.lengths, history_messages=4)
    realizer.form = InputFormat(realizer.backbone, variant=realizer.variant, lengths=lengths)
    every = scored_messages(load_corpus(esconv).split("valid"))
    items = [every[index] for index in np.random.default_rng(0).choice(len(every), 128, replace=False)]
    items.sort(key=lambda item: -len(realizer.form.context(item.history)))  # spares generate some padding
    histories, plans = [item.history for item in items], [gold_plan(item) for item in items]
    realizer.realize_all(histories[:2], plans[:2], rng=np.random.default_rng(0))  # warms up
    began = time.perf_counter()
    turns = realizer.realize_all(histories, plans, rng=np.random.default_rng(0))
    speed = len(items) / (time.perf_counter() - began)
    began = time.perf_counter()
    _plain_generate(realizer, [realizer.form.context(history) for history in histories[32:96]])
    plain = 64 / (time.perf_counter() - began)
    words = statistics.mean(len(text.split()) for turn in turns for _, text in turn)
    print(
        f"\n{speed:.2f} messages/s of {words:.1f} words, plain generate {plain:.2f}; {torch.get_num_threads()} threads"
    )
    assert speed > 6
    assert speed > 1.5 * plain


def _plain_generate(realizer: Realizer, contexts: list[list[int]]) -> None:
    backbone = realizer.backbone
    with torch.inference_mode():
        backbone.model.generate(
            input_ids=pad(contexts, value=backbone.tokenizer.pad_token_id, left=True),
            attention_mask=pad([[1] * len(row) for row in contexts], value=0, left=True),
            do_sample=True,
            temperature=realizer.decoding.temperature,
            top_k=realizer.decoding.top_k,
            top_p=realizer.decoding.top_p,
            repetition_penalty=realizer.decoding.repetition_penalty,
            max_new_tokens=realizer.decoding.max_message_tokens,
            eos_token_id=backbone.layout.end,
        )
