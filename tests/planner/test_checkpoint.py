"""States of a training on disk: checkpoints and learning curves."""

import json
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from planner.checkpoint import Checkpoint, module_tensors, optimizer_tensors, restore_module, restore_optimizer
from planner.training_log import TrainingLog


def _step(module: torch.nn.Linear, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    module(torch.ones(2, 3)).square().sum().backward()
    optimizer.step()


def test_module_and_optimizer_resume_as_if_nothing_had_happened(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1)
    _step(module, optimizer)
    checkpoint = Checkpoint(tmp_path)
    assert not checkpoint.exists()
    tensors = module_tensors(module, prefix="m") | optimizer_tensors(optimizer, prefix="o")
    checkpoint.save({"step": 1, "note": "x"}, tensors=tensors)
    _step(module, optimizer)
    other = torch.nn.Linear(3, 2)
    other_optimizer = torch.optim.AdamW(other.parameters(), lr=0.1)
    values, loaded = checkpoint.load()
    assert values == {"step": 1, "note": "x"}
    restore_module(other, loaded, prefix="m")
    restore_optimizer(other_optimizer, loaded, prefix="o")
    _step(other, other_optimizer)
    assert torch.equal(module.weight, other.weight)


def test_only_the_newest_state_stays(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path)
    for step in (1, 2, 2, 3):
        checkpoint.save({"step": step}, tensors={"a": torch.full((1,), float(step))})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-3.safetensors", "checkpoint.json"]
    assert checkpoint.load()[1]["a"].item() == 3.0


def test_a_kill_while_saving_leaves_the_older_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save({"step": 1}, tensors={"a": torch.ones(1)})
    monkeypatch.setattr("planner.checkpoint.json.dumps", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save({"step": 2}, tensors={"a": torch.zeros(1)})
    monkeypatch.undo()
    values, tensors = checkpoint.load()
    assert values == {"step": 1}
    assert tensors["a"].item() == 1.0


def test_curves_are_stored_resume_and_reach_tensorboard(tmp_path: Path) -> None:
    log = TrainingLog(tmp_path)
    log.add("loss", 2.0, step=1)
    log.add("loss", 1.0, step=2)
    log.close()
    again = TrainingLog(tmp_path)
    again.add("loss", 0.9, step=2)  # logged again after a kill: replaces
    again.add("loss", 0.5, step=3)
    again.close()
    assert json.loads((tmp_path / "curves.json").read_text()) == {"loss": [[1, 2.0], [2, 0.9], [3, 0.5]]}
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.value for event in events.Scalars("loss")][-1] == 0.5
