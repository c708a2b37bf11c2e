import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from evaluation.generator import setting as opened_generator
from evaluation.generator.setting import open_generator


@pytest.fixture(autouse=True)
def loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was asked to be loaded; nothing is."""
    asked: list[tuple[str, str]] = []

    def load(where: Path, *, batch_size: int, precision: str) -> SimpleNamespace:
        asked.append(("run", str(where)))
        return SimpleNamespace(batch_size=batch_size, precision=precision)

    def pretrained(where: str, *, like: Path | None, batch_size: int, precision: str) -> SimpleNamespace:
        asked.append(("bare", where if like is None else f"{where} like {like}"))
        return SimpleNamespace(batch_size=batch_size, precision=precision)

    fake = SimpleNamespace(load=load, pretrained=pretrained)
    monkeypatch.setattr(opened_generator, "Realizer", fake)
    monkeypatch.setattr(
        opened_generator, "read_summary", lambda folder: SimpleNamespace(config={"backbone": "tiny-blenderbot"})
    )
    return asked


def test_a_run(tmp_path: Path, loads):
    (tmp_path / "gen").mkdir()
    (tmp_path / "gen" / "generator.json").write_text("{}")
    opened = open_generator(str(tmp_path / "gen"), out=None)
    assert (opened.name, opened.folder, opened.backbone, opened.fine_tuned) == (
        "gen", tmp_path / "gen", "tiny-blenderbot", True,
    )  # fmt: skip
    assert open_generator(str(tmp_path / "gen"), out=tmp_path / "else").folder == tmp_path / "else"
    assert loads == [("run", str(tmp_path / "gen"))] * 2
    with pytest.raises(ValueError, match=r"--like is for a backbone as it is: the run .*gen has its own"):
        open_generator(str(tmp_path / "gen"), out=None, like=tmp_path)


def test_backbones_without_fine_tuning(tmp_path: Path, loads):
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "config.json").write_text(json.dumps({"model_type": "gpt2"}))
    for where in ("blenderbot", "facebook/blenderbot_small-90M", str(weights)):
        opened = open_generator(where, out=tmp_path / "bare")
        assert (opened.name, opened.folder, opened.backbone, opened.fine_tuned) == (
            "bare", tmp_path / "bare", where, False,
        )  # fmt: skip
    assert [kind for kind, _ in loads] == ["bare"] * 3
    open_generator("dialogpt", out=tmp_path / "bare", like=tmp_path / "run")
    assert loads[-1] == ("bare", f"dialogpt like {tmp_path / 'run'}")
    with pytest.raises(ValueError, match="dialogpt is a backbone and no run: --out FOLDER must say"):
        open_generator("dialogpt", out=None)


def test_batch_size_and_precision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "generator.json").write_text("{}")
    for where in (str(tmp_path), "dialogpt"):
        realizer = open_generator(where, out=tmp_path).realizer
        assert (realizer.batch_size, realizer.precision) == (64, "fp32")
        realizer = open_generator(where, out=tmp_path, batch_size=8, precision="bf16").realizer
        assert (realizer.batch_size, realizer.precision) == (8, "bf16")
        monkeypatch.setattr(opened_generator, "resolve_precision", lambda asked, _: {"auto": "bf16"}.get(asked, asked))
        assert open_generator(where, out=tmp_path, precision="auto").realizer.precision == "bf16"
        with pytest.raises(ValueError, match="batch_size: got 0, expected at least 1"):
            open_generator(where, out=tmp_path, batch_size=0)


def test_neither(tmp_path: Path, loads):
    (tmp_path / "config.json").write_text(json.dumps({"config": {"backbone": "gpt2"}}))  # a run that never finished
    for where in ("nowhere", str(tmp_path), "./no/where"):
        with pytest.raises(ValueError, match=f"{where}: no finished generator run, expected generator.json in it; nor"):
            open_generator(where, out=tmp_path)
    assert loads == []
