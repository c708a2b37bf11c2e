"""evaluate.py export: what it writes answers as the run does, for adapters and for whole models."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed

import cli.evaluate
from corpus.load import load_corpus
from generator.config import GeneratorConfig
from generator.training import train_generator
from language_models.adapters import is_adapter, load_model
from language_models.settings import AdapterConfig, OptimisationConfig, TinyModelConfig
from language_models.tiny import build_tiny_backbone

_SIZE = TinyModelConfig(width=16, layers=1, heads=2, vocabulary=300)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folder of an adapter on a tiny chat model."""
    folder = tmp_path_factory.mktemp("export")
    set_seed(0)
    base = build_tiny_backbone("tiny-smollm2", ["You give emotional support.", "How are you? I am fine."], _SIZE)
    base.model.save_pretrained(folder / "base")
    base.tokenizer.save_pretrained(folder / "base")
    return _trained(folder / "run", GeneratorConfig(backbone=str(folder / "base"), adapter=AdapterConfig(2)))


def _trained(out: Path, config: GeneratorConfig) -> Path:
    dialogues = load_corpus(None).split("train")
    optimisation = OptimisationConfig(epochs=1.0, learning_rate=0.05, warmup_steps=0, precision="fp32")
    config = dataclasses.replace(config, optimisation=optimisation, tiny=_SIZE)
    train_generator(config, train=dialogues[:2], valid=dialogues[2:3], out=out, seed=0, corpus="sample")
    return out


def _exported(run: Path, out: Path) -> Path:
    cli.evaluate.main(["export", "--generator", str(run), "--out", str(out), "--json", str(out.with_suffix(".json"))])
    return out


def _answers_alike(run: Path, folder: Path) -> None:
    expected = load_model(run / "model", dtype=torch.bfloat16)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model.dtype == torch.bfloat16
    assert tokenizer.get_vocab() == expected.tokenizer.get_vocab()
    assert tokenizer.chat_template == expected.tokenizer.chat_template
    ids = torch.tensor([[*tokenizer("[Question] How are you?", add_special_tokens=False)["input_ids"]]])
    with torch.no_grad():
        assert torch.equal(model(ids).logits, expected.model(ids).logits)


def test_an_adapter_is_merged(adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert is_adapter(adapter / "model")
    assert "evaluate.py export" in (adapter / "model" / "README.md").read_text()
    folder = _exported(adapter, tmp_path / "merged")
    assert f"{folder}: " in capsys.readouterr().out
    assert json.loads((tmp_path / "merged.json").read_text())["bytes"] > 0
    assert not is_adapter(folder)
    assert not (tmp_path / ".merged.partial").exists()
    _answers_alike(adapter, folder)
    card = ModelCard.load(folder / "README.md")
    assert "holds an adapter" not in card.text
    assert str(adapter.parent) not in card.content
    assert str(adapter.parent) not in (folder / "config.json").read_text()


def test_a_whole_model_is_written_too(tmp_path: Path) -> None:
    run = _trained(tmp_path / "run", GeneratorConfig(backbone="tiny-smollm2"))
    assert not is_adapter(run / "model")
    _answers_alike(run, _exported(run, tmp_path / "whole"))


@pytest.mark.parametrize(
    ("run", "out", "message"), [("run", "there", "exists already"), ("none", "new", "no finished")]
)
def test_what_cannot_be_exported_is_one_line(
    run: str, out: str, message: str, adapter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(SystemExit):
        cli.evaluate.main(["export", "--generator", str(adapter.with_name(run)), "--out", str(tmp_path / out)])
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert message in said[0]
