import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from cli.run_folder import Run, seed_everything
from corpus.dialogue import Dialogue, Message, Role
from corpus.splits import Corpus


def _corpus(text: str = "hi") -> Corpus:
    return Corpus("toy", "toy.json", {"train": (Dialogue(1, (Message(Role.SEEKER, text),)),)})


def _open(folder: Path, corpus: Corpus | None = None, **settings: object) -> Run:
    return Run(
        folder, command="planner", settings=settings or {"config": {"a": 1}, "seed": 0}, corpus=corpus or _corpus()
    )


def test_a_new_run_writes_configuration_and_manifest(tmp_path: Path) -> None:
    run = _open(tmp_path / "run")
    assert not run.finished
    assert json.loads((run.folder / "config.json").read_text()) == {"command": "planner", "config": {"a": 1}, "seed": 0}
    manifest = json.loads((run.folder / "manifest.json").read_text())
    assert manifest["corpus"] == {
        "name": "toy",
        "source": "toy.json",
        "splits": {"train": _corpus().digest("train")},
    }
    assert {"python", "torch", "stable-baselines3"} <= set(manifest["versions"])
    assert manifest["finished"] is None


def test_the_same_command_goes_on_and_finishing_is_remembered(tmp_path: Path) -> None:
    _open(tmp_path / "run").finish({"score": 1.5})
    again = _open(tmp_path / "run")
    assert again.finished
    assert again.metrics() == {"score": 1.5}
    assert again.minutes < 1


@pytest.mark.parametrize(
    ("settings", "corpus", "said"),
    [
        ({"config": {"a": 2}, "seed": 0}, None, r"holds another run \(a 1 there\), choose another --out"),
        ({"config": {"a": 1}, "seed": 1}, None, r"holds another run \(seed\)"),
        ({"config": {"a": 1}, "seed": 0}, _corpus("bye"), r"holds another run \(data\)"),
    ],
)
def test_another_command_is_refused(
    tmp_path: Path, settings: dict[str, object], corpus: Corpus | None, said: str
) -> None:
    _open(tmp_path / "run")
    (tmp_path / "run" / "curves.json").write_text("{}")
    with pytest.raises(ValueError, match=said):
        _open(tmp_path / "run", corpus, **settings)


def test_a_start_that_made_nothing_does_not_block_the_folder(tmp_path: Path) -> None:
    _open(tmp_path / "run", config={"a": 1}, seed=0)
    run = _open(tmp_path / "run", config={"a": 2}, seed=0)
    assert json.loads((run.folder / "config.json").read_text())["config"] == {"a": 2}


def test_a_damaged_run_is_named(tmp_path: Path) -> None:
    _open(tmp_path / "run").finish({})
    (tmp_path / "run" / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json: missing or damaged"):
        _open(tmp_path / "run")


def test_a_folder_with_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(ValueError, match="not empty and no run"):
        _open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_seeding_repeats_every_generator() -> None:
    def draw() -> tuple[float, float, float]:
        seed_everything(5)
        return random.random(), float(np.random.rand()), float(torch.rand(1))  # noqa: NPY002

    assert draw() == draw()
