import ast
import dataclasses
import inspect
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from generator.config import GeneratorConfig
from language_models.decoding.sampling import DecodingConfig

PRESETS = sorted((Path(__file__).parents[2] / "configs" / "generator").glob("*.toml"))


def field_docs(config) -> dict[str, str]:
    body = ast.parse(inspect.getsource(config)).body[0].body
    return {
        before.target.id: after.value.value
        for before, after in pairwise(body)
        if isinstance(before, ast.AnnAssign) and isinstance(after, ast.Expr)
    }


@pytest.mark.parametrize("config", [GeneratorConfig, DecodingConfig])
def test_every_field_is_plain_and_documented_in_one_line(config):
    docs = field_docs(config)
    for field in dataclasses.fields(config):
        assert field.type in (str, int, float, bool), field.name
        assert "\n" not in docs[field.name]
        assert docs[field.name].endswith(".")


def test_the_presets_of_the_design_are_there():
    assert {"scratch", "esconv-official", "esconv2021", "quickstart"} <= {path.stem for path in PRESETS}


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_presets_are_valid_and_say_where_they_depart(path):
    text = path.read_text(encoding="utf-8")
    config = GeneratorConfig(**tomllib.loads(text))
    assert text.startswith("#")
    assert "depart" in text
    types = {field.name: field.type for field in dataclasses.fields(config)}
    assert all(type(value) is types[name] for name, value in tomllib.loads(text).items())


@pytest.mark.parametrize(
    "wrong",
    [
        {"variant": "joint"},
        {"precision": "fp16"},
        {"decoding": "beam"},
        {"batch_size": -1},
        {"learning_rate": -0.1},
        {"max_history_tokens": -1},
        {"tiny_dropout": 1.0},
        {"reasoning_share": 1.1},
        {"reasoning_share": -0.5},
        {"tiny_width": 100, "tiny_heads": 3},
        {"evaluation_steps": -1},
    ],
)
def test_wrong_values_name_the_field(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        GeneratorConfig(**wrong)


def test_what_is_left_open_follows_the_kind_of_backbone():
    """From scratch a rate for fine-tuning would train nothing; fine-tuning at the other rate would destroy."""
    tiny, pretrained = GeneratorConfig().resolved(), GeneratorConfig(backbone="blenderbot").resolved()
    assert (tiny.learning_rate, tiny.epochs, tiny.warmup_steps, tiny.batch_size) == (4e-4, 4.0, 800, 32)
    assert (pretrained.learning_rate, pretrained.epochs, pretrained.warmup_steps) == (3e-5, 2.0, 100)
    assert GeneratorConfig(learning_rate=0.5, warmup_steps=0).resolved().learning_rate == 0.5
    assert GeneratorConfig(warmup_steps=0).resolved().warmup_steps == 0


def test_the_bare_command_is_the_preset_from_scratch():
    scratch = GeneratorConfig(**tomllib.loads(next(p for p in PRESETS if p.stem == "scratch").read_text()))
    bare = GeneratorConfig(backbone="tiny-blenderbot", variant="strategy").resolved()
    assert dataclasses.replace(bare, max_response_tokens=40) == scratch.resolved()
