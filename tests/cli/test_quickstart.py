"""The quickstart, tiny: it says what it does, writes a report, and is not done twice."""

import json
from pathlib import Path

import pytest

import cli.configuration
import cli.train
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
[optimisation]
epochs = 0.1
[lengths]
history_tokens = 24
response_tokens = 10
[tiny]
width = 16
layers = 1
heads = 2
vocabulary = 300
"""


def test_the_whole_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, settings in (("planner", _PLANNER), ("generator", _GENERATOR)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "quickstart.toml").write_text(settings)
    monkeypatch.setattr(cli.configuration, "PRESETS", tmp_path)
    monkeypatch.setenv("ESC_CACHE", str(tmp_path / "cache"))
    for module in ("planner.training", "planner.planner", "encoding.sentence_encoder"):
        monkeypatch.setattr(f"{module}.SentenceEncoder", HashEncoder)
    out = tmp_path / "run"
    cli.train.main(["--out", str(out)])
    said = capsys.readouterr().out
    steps = ["about one minute", "[1/3] Training the planner", "[2/3] Training the generator", "[3/3] Comparing"]
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
