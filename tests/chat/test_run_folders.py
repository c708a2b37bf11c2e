import json
from pathlib import Path

import pytest

import chat.system
from chat.system import load_system
from tests.chat.fake_system import FakeGenerator, FakePlanner


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run folders that hold no more than what tells them apart; what is loaded from them is fake."""
    for name, file in (("a/planner", "planner.json"), ("a/generator", "generator.json"), ("b", "generator.json")):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / file).write_text(json.dumps({"encoder": "small"}))
    monkeypatch.setattr(chat.system.Realizer, "load", lambda run: FakeGenerator(words=run.name))
    monkeypatch.setattr(chat.system, "_load_planner", lambda run: FakePlanner())
    return tmp_path


def test_order_does_not_matter_and_a_folder_may_hold_both(runs: Path) -> None:
    planner, generator = runs / "a" / "planner", runs / "a" / "generator"
    for folders in ([planner, generator], [generator, planner], [runs / "a"]):
        system = load_system(folders)
        assert system.name == "planner+generator"
        assert isinstance(system.planner, FakePlanner)
        assert isinstance(system.generator, FakeGenerator)
    assert load_system([planner, runs / "b"], name="mine").name == "mine"


def test_a_generator_alone(runs: Path) -> None:
    system = load_system([runs / "b"])
    assert (system.name, system.planner) == ("b", None)


def test_refused(runs: Path) -> None:
    for folders, said in (
        ([], "no generator given"),
        ([runs / "a" / "planner"], "no generator given"),
        ([runs / "missing"], "missing: no finished run"),
        ([runs / "a", runs / "b"], "two runs of one kind"),
    ):
        with pytest.raises(ValueError, match=said):
            load_system(folders)


def test_a_damaged_planner(tmp_path: Path) -> None:
    (tmp_path / "planner.json").write_text("{}")
    with pytest.raises(ValueError, match="damaged"):
        chat.system._load_planner(tmp_path)
