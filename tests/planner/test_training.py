"""Training as a whole: it learns the toy world, is deterministic, and survives kills."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from planner.checkpoint import Checkpoint
from planner.config import Mode, PlannerConfig
from planner.strategy_planner import StrategyPlanner
from planner.training import TrainedPlanner, train_planner
from tests.planner.toy_task import ANSWERS, SMALL, FakeEmbedder, toy_dialogues

_TRAIN, _VALID = toy_dialogues(40, seed=0), toy_dialogues(10, seed=1)


def _train(out: Path, config: PlannerConfig, *, seed: int = 0) -> TrainedPlanner:
    return train_planner(_TRAIN, _VALID, config=config, out=out, seed=seed, embedder=FakeEmbedder())


@pytest.mark.parametrize("mode", ["one-by-one", "all-in-one"])
def test_learns_what_the_supporters_of_the_toy_world_do(tmp_path: Path, mode: Mode) -> None:
    config = dataclasses.replace(SMALL, mode=mode, cloning_epochs=12)
    trained = _train(tmp_path / "run", config)
    for text, answer in ANSWERS.items():
        plan = trained.planner.plan([Message(Role.SEEKER, text)])
        assert plan.strategies == answer
        assert plan.mode == mode
        assert plan.probabilities.shape == (len(answer), 8)
        assert plan.probabilities.sum(axis=1) == pytest.approx(np.ones(len(answer)))
        assert all(row[strategy] > 0.5 for row, strategy in zip(plan.probabilities, answer, strict=True))
    assert trained.after["lr"] >= trained.before["lr"] == pytest.approx(100.0, abs=3.0)


def test_a_turn_begun_is_planned_to_its_end(tmp_path: Path) -> None:
    planner = _train(tmp_path / "run", dataclasses.replace(SMALL, cloning_epochs=12, ppo_steps=0)).planner
    begun = [Message(Role.SEEKER, "hello there"), Message(Role.SUPPORTER, "reply others", Strategy.OTHERS)]
    assert planner.plan(begun).strategies == (Strategy.QUESTION,)
    done = [*begun, Message(Role.SUPPORTER, "reply question", Strategy.QUESTION)]
    assert planner.plan(done).strategies == ()
    assert planner.plan(done).probabilities.shape == (0, 8)


@pytest.mark.parametrize("mode", ["one-by-one", "all-in-one"])
def test_same_seed_same_weights_other_seed_others(tmp_path: Path, mode: Mode) -> None:
    config = dataclasses.replace(SMALL, mode=mode)
    first, second, other = (_train(tmp_path / str(run), config, seed=seed) for run, seed in enumerate((0, 0, 1)))
    assert _weights(first) == _weights(second) != _weights(other)


@pytest.mark.parametrize("mode", ["one-by-one", "all-in-one"])
@pytest.mark.parametrize("kills", [(2,), (5,), (3, 2)])
def test_a_killed_training_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode, kills: tuple[int, ...]
) -> None:
    """4 saves belong to cloning, the others to PPO; the process dies right after the n-th save of each start."""
    config = dataclasses.replace(SMALL, mode=mode)
    whole = _train(tmp_path / "whole", config)
    save = Checkpoint.save
    for kill in kills:
        saves = 0

        def save_and_die(self: Checkpoint, values, *, tensors, kill: int = kill) -> None:  # type: ignore[no-untyped-def]
            nonlocal saves
            save(self, values, tensors=tensors)
            saves += 1
            if saves == kill:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(Checkpoint, "save", save_and_die)
            _train(tmp_path / "killed", config)
    resumed = _train(tmp_path / "killed", config)
    assert _weights(resumed) == _weights(whole)
    assert resumed.after == whole.after
    assert {name: len(points) for name, points in resumed.curves.items()} == {
        name: len(points) for name, points in whole.curves.items()
    }


def test_ppo_is_never_kept_where_it_lowers_validation_lr(tmp_path: Path) -> None:
    """A learning rate that destroys the policy: the kept planner is the cloned one."""
    config = dataclasses.replace(SMALL, cloning_epochs=8, ppo_rate=5.0, ppo_kl=0.0)
    trained = _train(tmp_path / "run", config)
    assert trained.after["lr"] >= trained.before["lr"]
    curve = trained.curves["ppo/valid_lr"]
    assert min(curve.values()) < curve[0]  # it did destroy it on the way


def test_saved_run_loads_to_the_same_plans_without_pickle(tmp_path: Path) -> None:
    trained = _train(tmp_path / "run", SMALL)
    files = {path.suffix for path in (tmp_path / "run").iterdir() if path.is_file()}
    assert files == {".safetensors", ".json"}
    loaded = StrategyPlanner.load(tmp_path / "run", embedder=FakeEmbedder())
    assert loaded.name == "run"
    for text in ANSWERS:
        history = [Message(Role.SEEKER, text)]
        mine, its = trained.planner.plan(history), loaded.plan(history)
        assert mine.strategies == its.strategies
        assert mine.probabilities == pytest.approx(its.probabilities)
    assert loaded.settings == trained.planner.settings


def test_loading_refuses_another_encoder_and_an_empty_folder(tmp_path: Path) -> None:
    _train(tmp_path / "run", dataclasses.replace(SMALL, ppo_steps=0))

    class Other(FakeEmbedder):
        fingerprint = "other"

    with pytest.raises(ValueError, match="another version of encoder 'all-MiniLM-L6-v2'"):
        StrategyPlanner.load(tmp_path / "run", embedder=Other())
    with pytest.raises(ValueError, match=r"no trained planner, expected planner\.json"):
        StrategyPlanner.load(tmp_path)


def _weights(trained: TrainedPlanner) -> bytes:
    state = trained.planner.network.state_dict()
    return b"".join(np.ascontiguousarray(tensor.cpu().numpy()).tobytes() for tensor in state.values())


def test_planning_leaves_global_randomness_alone(tmp_path: Path) -> None:
    planner = _train(tmp_path / "run", dataclasses.replace(SMALL, ppo_steps=0)).planner
    before = torch.get_rng_state()
    planner.plan([Message(Role.SEEKER, "thank you")])
    assert torch.equal(before, torch.get_rng_state())
