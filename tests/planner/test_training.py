"""Training as a whole: it learns the toy world, is deterministic, and survives kills."""

from pathlib import Path

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from planner.config import Mode, PlannerConfig
from planner.planner import StrategyPlanner
from planner.training import TrainedPlanner, train_planner
from tests.hash_encoder import HashEncoder
from tests.planner.toy_encoder import ToyEncoder
from tests.planner.toy_task import ANSWERS, SMALL, changed, killed_after, toy_dialogues

_TRAIN, _VALID = toy_dialogues(24, seed=0), toy_dialogues(6, seed=1)
_LEARNS = changed(SMALL, ensemble__epochs=10, ensemble__rate=3e-2, policy__epochs=10)
_SHORT = changed(SMALL, ensemble__epochs=2, policy__epochs=2, ensemble__dropout=0.1)
_READS = changed(
    _SHORT,
    fine_tuning__epochs=1,
    fine_tuning__tokens=32,
    fine_tuning__frozen_layers=1,
    fine_tuning__rate=3e-3,
    fine_tuning__dropout=0.1,
    stacking__trees=3,
    decoding__exact_weight=0.5,
    decoding__multi_strategy_weight=4.0,
)


@pytest.fixture(autouse=True)
def _toy_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("training", "planner"):
        monkeypatch.setattr(f"planner.{module}.SentenceEncoder", ToyEncoder)


def _train(out: Path, config: PlannerConfig, *, seed: int = 0) -> TrainedPlanner:
    return train_planner(_TRAIN, _VALID, config=config, out=out, seed=seed, text_encoder=HashEncoder())


def _weights(trained: TrainedPlanner) -> bytes:
    parts = trained.planner.parts
    state = {**parts.ensemble.state_dict(), **parts.policy.state_dict()}
    return b"".join(np.ascontiguousarray(tensor.cpu().numpy()).tobytes() for tensor in state.values())


@pytest.mark.parametrize(("mode", "reasoning"), [("one-by-one", "rl"), ("all-in-one", "none")])
def test_learns_what_the_supporters_of_the_toy_world_do(tmp_path: Path, mode: Mode, reasoning: str) -> None:
    config = changed(_LEARNS, mode=mode, reasoning=reasoning)  # type: ignore[arg-type]
    trained = _train(tmp_path / "run", config)
    for text, answer in ANSWERS.items():
        plan = trained.planner.plan([Message(Role.SEEKER, text)])
        assert plan.strategies == answer
        assert plan.mode == mode
        assert all(row[strategy] > 0.5 for row, strategy in zip(plan.probabilities, answer, strict=True))
        assert (plan.reasoning is None) == (reasoning == "none")
    assert trained.after["lr"] >= trained.before["lr"] == pytest.approx(100.0, abs=3.0)
    begun = [Message(Role.SEEKER, "hello there"), Message(Role.SUPPORTER, "reply others", Strategy.OTHERS)]
    assert trained.planner.plan(begun).strategies == (Strategy.QUESTION,)
    assert trained.planner.plan([*begun, Message(Role.SUPPORTER, "x", Strategy.QUESTION)]).strategies == ()
    only = [Message(Role.SEEKER, "thank you"), Message(Role.SUPPORTER, "reply others", Strategy.OTHERS)]
    assert trained.planner.plan(only).strategies == ()  # stops here, where after a greeting another message follows


def test_a_run_loads_to_the_same_plans_everything_included(tmp_path: Path) -> None:
    trained = _train(tmp_path / "run", _READS)
    files = {path.name for path in (tmp_path / "run").iterdir() if path.is_file()}
    names = {f"{name}.safetensors" for name in ("members", "deliberation", "readers", "judges")}
    assert files == names | {"planner.json", "lexicon.json", "curves.json"}
    assert not (tmp_path / "run" / "checkpoints").exists()
    for planner, folder in ((trained.planner, "run"), (trained.cloned, "run/cloned")):
        loaded = StrategyPlanner.load(tmp_path / folder, text_encoder=HashEncoder())
        assert loaded.name == planner.name == folder.rsplit("/", maxsplit=1)[-1]
        assert loaded.settings == planner.settings
        for text in ANSWERS:
            mine, its = (one.plan([Message(Role.SEEKER, text)]) for one in (planner, loaded))
            assert mine.strategies == its.strategies
            assert mine.reasoning == its.reasoning
            np.testing.assert_array_equal(mine.probabilities, its.probabilities)
    assert trained.planner.fine_tuned is not None
    assert trained.planner.parts.stacking is not None


@pytest.mark.parametrize("mode", ["one-by-one", "all-in-one"])
def test_same_seed_same_weights_other_seed_others(tmp_path: Path, mode: Mode) -> None:
    config = changed(_SHORT, mode=mode)
    first, second, other = (_train(tmp_path / str(run), config, seed=seed) for run, seed in enumerate((0, 0, 1)))
    assert _weights(first) == _weights(second) != _weights(other)
    assert first.planner.settings == second.planner.settings
    assert first.after == second.after


# Nine saves: one of each fine-tuned encoder, two of linear models, two epochs of networks and their end, two of PPO.
# The process dies right after the n-th save of each start; in one stage after the other.
@pytest.mark.parametrize(
    ("mode", "kills"), [("one-by-one", (1, 2)), ("all-in-one", (5, 2)), ("one-by-one", (7,)), ("all-in-one", (8,))]
)
def test_a_killed_training_ends_with_the_same_weights(tmp_path: Path, mode: Mode, kills: tuple[int, ...]) -> None:
    config = changed(_READS, mode=mode)
    whole = _train(tmp_path / "whole", config)
    for kill in kills:
        with killed_after(kill):
            _train(tmp_path / "killed", config)
    resumed = _train(tmp_path / "killed", config)
    assert _weights(resumed) == _weights(whole)
    assert resumed.planner.settings == whole.planner.settings
    assert resumed.before == whole.before
    assert resumed.after == whole.after
    names = ("planner.json", "readers.safetensors", "members.safetensors", "deliberation.safetensors")
    for name in names:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert {name: len(points) for name, points in resumed.curves.items()} == {
        name: len(points) for name, points in whole.curves.items()
    }


def test_ppo_is_never_kept_where_it_lowers_validation_lr(tmp_path: Path) -> None:
    """A learning rate that destroys the policy: the cloned planner is selected."""
    trained = _train(tmp_path / "run", changed(_LEARNS, ppo__rate=0.5, ppo__kl=0.0))
    assert trained.after["lr"] >= trained.before["lr"]
    curve = trained.curves["ppo/valid_lr"]
    assert min(curve.values()) < curve[0]  # it did destroy it on the way


def test_without_ppo_the_planner_is_the_cloned_one(tmp_path: Path) -> None:
    trained = _train(tmp_path / "run", changed(_SHORT, ppo__steps=0))
    assert trained.before == trained.after
    assert trained.planner.name == "run"
    assert trained.planner.parts == trained.cloned.parts
    assert not any(name.startswith("ppo/") for name in trained.curves)


def test_nothing_to_learn_from_and_too_few_dialogues_are_refused(tmp_path: Path) -> None:
    silent = (Dialogue(1, (Message(Role.SEEKER, "nobody answers me"),)),)
    for train, valid, name in ((silent, _VALID, "train"), (_TRAIN, silent, "valid")):
        with pytest.raises(ValueError, match=f"planner, {name} split: no supporter turn"):
            train_planner(train, valid, config=SMALL, out=tmp_path / name, seed=0, text_encoder=HashEncoder())
    with pytest.raises(ValueError, match="1 training dialogues for 2 folds"):
        train_planner(_TRAIN[:1], _VALID, config=SMALL, out=tmp_path / "few", seed=0, text_encoder=HashEncoder())


def test_the_first_loss_that_is_not_finite_ends_training(tmp_path: Path) -> None:
    config = changed(_SHORT, ppo__rate=1e25)
    with pytest.raises(ValueError, match=r"^ppo: the loss is (nan|inf) at step \d+; a lower --ppo\.rate may help$"):
        _train(tmp_path, config)
    assert (tmp_path / "cloned" / "planner.json").is_file()  # what was trained before stays
