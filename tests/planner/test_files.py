"""Run folders: back to the same planner without pickle, and one clear line where they are damaged."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from corpus.dialogue import message_view, turn_view
from planner.base_models.fine_tuned_encoder import FineTunedEncoder, FineTunedEncoders, FrozenLayers, HistoryTokens
from planner.files import FineTunedEncoderSettings, PlannerSettings
from planner.planner import StrategyPlanner
from tests.hash_encoder import HashEncoder
from tests.planner.toy_encoder import ToyEncoder, ToyTokenizer, toy_transformer
from tests.planner.toy_planner import toy_planner
from tests.planner.toy_task import histories, toy_dialogues

_DIALOGUES = toy_dialogues(3, seed=5)
_FINE_TUNED = FineTunedEncoderSettings(folds=2, tokens=32, frozen_layers=1)


@pytest.mark.parametrize("reasons", [True, False])
def test_a_loaded_planner_plans_identically_and_nothing_is_pickled(tmp_path: Path, reasons: bool) -> None:
    planner = toy_planner(reasons=reasons, mode="all-in-one", exact_weight=0.3)
    planner.save(tmp_path / "run")
    assert {path.suffix for path in (tmp_path / "run").iterdir()} == {".safetensors", ".json"}
    loaded = StrategyPlanner.load(tmp_path / "run", text_encoder=HashEncoder())
    assert loaded.name == "run"
    assert loaded.settings == planner.settings
    for own, its in zip(
        planner.plans(histories(turn_view(_DIALOGUES))), loaded.plans(histories(turn_view(_DIALOGUES))), strict=True
    ):
        assert own.strategies == its.strategies
        assert own.reasoning == its.reasoning
        np.testing.assert_array_equal(own.probabilities, its.probabilities)
    items = message_view(_DIALOGUES)
    np.testing.assert_array_equal(
        planner.strategy_probabilities(histories(items)), loaded.strategy_probabilities(histories(items))
    )


@pytest.mark.parametrize("fine_tuned", [_FINE_TUNED, None])
@pytest.mark.parametrize("reasons", [True, False])
def test_settings_survive_json(reasons: bool, fine_tuned: FineTunedEncoderSettings | None) -> None:
    settings = toy_planner(reasons=reasons, fine_tuned=fine_tuned).settings
    again = PlannerSettings.from_json(json.loads(json.dumps(settings.to_json())))
    assert again == settings
    assert again.layout.fine_tuned == (fine_tuned is not None)
    assert (again.layout.reasoning is not None) == reasons


def _with_encoders(run: Path, *, encoders_in: Path) -> StrategyPlanner:
    """A saved planner with random fine-tuned encoders; gives it as it was before."""
    torch.manual_seed(0)
    shared = FrozenLayers(toy_transformer(), frozen_layers=1)
    encoders = [FineTunedEncoder(shared, dropout=0.0).eval() for _ in range(2)]
    for encoder in encoders:
        for value in encoder.tuned().values():
            value.add_(0.2 * torch.randn(value.shape))
    together = FineTunedEncoders(encoders, HistoryTokens(ToyTokenizer(), tokens=_FINE_TUNED.tokens))
    bare = toy_planner(fine_tuned=_FINE_TUNED)
    planner = StrategyPlanner(bare.parts, observer=bare.observer, fine_tuned=together)
    planner.save(run)
    together.save(encoders_in / "readers.safetensors")
    return planner


@pytest.mark.parametrize("folder", ["run", "run/cloned"])
def test_fine_tuned_encoders_are_loaded_from_the_run_or_the_one_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """A run's cloned planner shares the run's fine-tuned encoders."""
    monkeypatch.setattr("planner.planner.SentenceEncoder", ToyEncoder)
    (tmp_path / folder).mkdir(parents=True)
    planner = _with_encoders(tmp_path / folder, encoders_in=tmp_path / "run")
    loaded = StrategyPlanner.load(tmp_path / folder, text_encoder=HashEncoder())
    histories = [turn.history for turn in turn_view(_DIALOGUES)]
    np.testing.assert_array_equal(planner.predictions(histories), loaded.predictions(histories))
    without = toy_planner()
    gap = np.abs(without.predictions(histories)[:, :81] - loaded.predictions(histories)[:, :81])
    assert gap.max() > 0.1  # they do count


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _replace(old: str, new: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def _drop_tensor(path: Path) -> None:
    tensors = load_file(path)
    tensors.popitem()
    save_file(tensors, path)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("members.safetensors", _truncate),
        ("deliberation.safetensors", _truncate),
        ("deliberation.safetensors", Path.unlink),
        ("deliberation.safetensors", _drop_tensor),
        ("members.safetensors", _drop_tensor),
        ("lexicon.json", _truncate),
        ("lexicon.json", Path.unlink),
        ("lexicon.json", lambda path: path.write_text("[]")),
        ("planner.json", _truncate),
        ("planner.json", lambda path: path.write_text("[]")),
        ("planner.json", _replace('"window"', '"windows"')),
        ("planner.json", _replace('"width": 6', '"width": 7')),
        ("planner.json", _replace('"max_strategies": 2', '"max_strategies": 3')),
        ("planner.json", _replace('"members": 2', '"members": 3')),
        ("planner.json", _replace('"contexts"', '"context"')),
    ],
)
def test_a_damaged_run_is_refused_in_one_line(tmp_path: Path, name: str, damage: Callable[[Path], None]) -> None:
    toy_planner().save(tmp_path / "run")
    damage(tmp_path / "run" / name)
    with pytest.raises(ValueError, match=r"run: damaged planner \(\w+: ") as error:
        StrategyPlanner.load(tmp_path / "run", text_encoder=HashEncoder())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", [_truncate, Path.unlink, _drop_tensor])
def test_damaged_fine_tuned_encoders_are_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    monkeypatch.setattr("planner.planner.SentenceEncoder", ToyEncoder)
    _with_encoders(tmp_path, encoders_in=tmp_path)
    damage(tmp_path / "readers.safetensors")
    with pytest.raises(ValueError, match="fine-tuned encoder") as error:
        StrategyPlanner.load(tmp_path, text_encoder=HashEncoder())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("missing", ["planner.json", "members.safetensors"])
def test_a_folder_without_a_planner_is_refused(tmp_path: Path, missing: str) -> None:
    toy_planner().save(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(ValueError, match=r"no trained planner, expected planner\.json and members\.safetensors"):
        StrategyPlanner.load(tmp_path, text_encoder=HashEncoder())


def test_another_encoder_is_refused(tmp_path: Path) -> None:
    toy_planner().save(tmp_path)

    class Other(HashEncoder):
        fingerprint = "other"

    with pytest.raises(ValueError, match="trained with another version of encoder 'toy'"):
        StrategyPlanner.load(tmp_path, text_encoder=Other())
