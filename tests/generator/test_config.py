"""Settings: what is refused, what is filled in, and that those of earlier versions still load."""

import dataclasses
import json
import math
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from generator.config import RENAMED, GeneratorConfig, LengthConfig, upgraded
from language_models.settings import AdapterConfig, DecodingConfig, OptimisationConfig, TinyModelConfig

ROOT = Path(__file__).parents[2]
PRESETS = sorted((ROOT / "configs" / "generator").glob("*.toml"))
SECTIONS = {
    "adapter": AdapterConfig,
    "lengths": LengthConfig,
    "optimisation": OptimisationConfig,
    "tiny": TinyModelConfig,
}


def built(values):
    """A configuration from its plain values."""
    sections = {name: kind(**values[name]) for name, kind in SECTIONS.items() if name in values}
    return GeneratorConfig(**{**values, **sections})


def test_settings_are_read_without_heavy_libraries():
    heavy = "{'torch', 'transformers', 'tokenizers', 'numpy'}"
    code = f"import sys, generator.config; print(sorted({heavy} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_presets_are_valid_and_say_where_they_depart(path):
    text = path.read_text(encoding="utf-8")
    assert text.startswith("#")
    assert "depart" in text
    values = tomllib.loads(text)
    assert upgraded(values) == values
    assert built(values) != GeneratorConfig()


@pytest.mark.parametrize(
    ("config", "wrong"),
    [
        (GeneratorConfig, {"variant": "joint"}),
        (GeneratorConfig, {"decoding": "beam"}),
        (GeneratorConfig, {"reasoning_share": 1.1}),
        (GeneratorConfig, {"reasoning_share": -0.5}),
        (LengthConfig, {"history_tokens": 0}),
        (LengthConfig, {"history_messages": -1}),
        (LengthConfig, {"response_tokens": 1}),
        (OptimisationConfig, {"precision": "fp16"}),
        (OptimisationConfig, {"precision": ""}),
        (OptimisationConfig, {"batch_size": 0}),
        (OptimisationConfig, {"epochs": math.inf}),
        (OptimisationConfig, {"learning_rate": math.nan}),
        (OptimisationConfig, {"warmup_steps": -1}),
        (OptimisationConfig, {"evaluation_steps": 0}),
        (TinyModelConfig, {"dropout": 1.0}),
        (TinyModelConfig, {"width": 100, "heads": 3}),
        (TinyModelConfig, {"vocabulary": 258}),
        (DecodingConfig, {"temperature": 0}),
        (DecodingConfig, {"top_k": -1}),
        (DecodingConfig, {"top_p": 0}),
        (DecodingConfig, {"top_p": 1.5}),
        (DecodingConfig, {"repetition_penalty": math.inf}),
        (DecodingConfig, {"min_message_tokens": 50}),
        (DecodingConfig, {"max_messages": 0}),
    ],
)
def test_wrong_values_are_refused_by_the_name_of_their_field(config, wrong):
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))}: got .*, expected ") as caught:
        config(**wrong)
    assert "\n" not in str(caught.value)


def test_what_is_left_open_follows_the_kind_of_backbone():
    """From scratch a rate for fine-tuning would train nothing; fine-tuning at the other rate would destroy."""
    for backbone, rate, lengths in (
        ("tiny-blenderbot", (4e-4, 4.0, 800, 32), (96, None, 40)),
        ("tiny-dialogpt", (4e-4, 4.0, 800, 32), (96, None, 45)),
        ("blenderbot", (3e-5, 2.0, 100, 16), (160, None, 40)),
        ("dialogpt", (3e-5, 2.0, 100, 16), (180, None, 45)),
    ):
        config = GeneratorConfig(backbone=backbone).resolved()
        found = config.optimisation
        assert (found.learning_rate, found.epochs, found.warmup_steps, found.batch_size) == rate
        assert dataclasses.astuple(config.lengths) == lengths
        assert found.precision in ("bf16", "fp32")
        assert config.resolved() == config
    given = GeneratorConfig(optimisation=OptimisationConfig(learning_rate=0.5, warmup_steps=0, precision="bf16"))
    found = given.resolved().optimisation
    assert (found.learning_rate, found.warmup_steps, found.precision) == (0.5, 0, "bf16")


def test_a_bare_tiny_backbone_is_the_preset_from_scratch():
    scratch = built(tomllib.loads(next(p for p in PRESETS if p.stem == "scratch").read_text(encoding="utf-8")))
    assert GeneratorConfig(backbone="tiny-blenderbot").resolved() == scratch.resolved()


def test_flat_settings_of_version_1_become_nested_ones():
    stored = json.loads((ROOT / "tests/data/golden/generator/config.json").read_text(encoding="utf-8"))["config"]
    assert set(RENAMED) < set(stored)
    config = built(upgraded(stored))
    assert (config.lengths, config.decoding) == (LengthConfig(history_tokens=24, response_tokens=40), "esconv2021")
    assert config.tiny == TinyModelConfig(width=32, layers=1, heads=2, dropout=0.0, vocabulary=600)
    assert config.optimisation.evaluation_steps == 100000
    open_values = {"max_history_messages": 0, "warmup_steps": -1, "batch_size": 0, "evaluation_steps": 0, "epochs": 0.0}
    assert built(upgraded(open_values)) == GeneratorConfig()
    assert built(upgraded(dataclasses.asdict(config))) == config
