"""PPO in dialogues: its start, what it observes, what it learns, and how checkpoints are selected."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from env.conversation import DialogueRules
from evaluation.dialogue.before_after import PlannerTrial
from planner.config import DialogueConfig, Mode, SelectionConfig
from planner.files import copy_fine_tuned
from planner.planner import StrategyPlanner
from planner.ppo.dialogues import (
    PredictionEncoder,
    TrainedInDialogues,
    Trial,
    divide_seekers,
    load_start,
    read_fold_seed,
    train_in_dialogues,
    within_limits,
)
from planner.training import train_planner
from tests.env.dialogue_tasks import dialogue_vector_env
from tests.hash_encoder import HashEncoder
from tests.planner.toy_encoder import ToyEncoder
from tests.planner.toy_planner import toy_planner
from tests.planner.toy_seekers import RiggedSeeker, toy_profiles
from tests.planner.toy_task import SMALL, changed, killed_after, toy_dialogues

_CONFIG = changed(
    DialogueConfig(),
    ppo__steps=4 * 256,
    ppo__envs=16,
    ppo__rollout=16,
    ppo__batch=128,
    ppo__epochs=2,
    ppo__rate=1e-2,
    ppo__kl=0.0,
    max_turns=6,
    selection__seekers=4,
    selection__trials=2,
    selection__f1_loss=100.0,
    selection__highest_bias=3.0,
    selection__least_entropy=0.0,
)
_MODES = pytest.mark.parametrize("mode", ["one-by-one", "all-in-one"])
_TRAIN, _VALID = toy_dialogues(8, seed=0), toy_dialogues(4, seed=1)


def _trial(config: DialogueConfig, seeker: RiggedSeeker) -> PlannerTrial:
    return PlannerTrial(
        toy_profiles(8), seeker, rules=DialogueRules(max_turns=config.max_turns), trials=config.selection.trials, seed=5
    )


def _train(
    out: Path, config: DialogueConfig, *, start: StrategyPlanner, trial: Trial | None = None, seed: int = 0
) -> TrainedInDialogues:
    seeker = RiggedSeeker()
    return train_in_dialogues(
        start,
        toy_profiles(12),
        seeker,
        trial=trial or _trial(config, seeker),
        train=_TRAIN,
        fold_seed=0,
        config=config,
        out=out,
        seed=seed,
    )


def _weights(trained: TrainedInDialogues) -> dict[str, torch.Tensor]:
    return trained.planner.parts.policy.state_dict()


@_MODES
def test_learns_what_helps(tmp_path: Path, mode: Mode) -> None:
    """Only a suggestion right after a question helps, and only twice makes a success."""
    config = changed(
        _CONFIG, ppo__steps=8192, ppo__envs=32, ppo__rollout=32, ppo__epochs=8, ppo__batch=256, ppo__rate=2e-2
    )
    trained = _train(tmp_path, config, start=toy_planner(mode=mode, reasons=False, stirred=False))
    assert trained.selected.start["success_rate"] < 15
    assert trained.selected.scores["success_rate"] > 60
    curves = trained.curves
    for name in ("return", "success", "fall", "feedback", "turn_cost", "ending", "spoken"):
        points = curves[f"ppo/train_{name}"]
        assert set(points) <= set(curves["ppo/steps_per_second"])
    last = max(curves["ppo/train_return"])
    paid = sum(curves[f"ppo/train_{term}"][last] for term in ("fall", "feedback", "turn_cost", "ending"))
    assert curves["ppo/train_return"][last] == pytest.approx(paid)
    assert curves["ppo/divergence"][last] > 0
    summary = trained.summary()
    assert summary["steps"] == 8192
    assert summary["kept_step"] > 0
    assert summary["time_shares"]["encoding"] <= summary["time_shares"]["environment"]


def test_the_divergence_keeps_the_planner_near_its_start(tmp_path: Path) -> None:
    start = toy_planner(stirred=False)
    predictions = start.predictions([profile.opening for profile in toy_profiles(4)])
    before = start.plan_probabilities(predictions)

    def allows_the_last(planner: StrategyPlanner, seen: list[int] = [0]) -> dict[str, float]:  # noqa: B006 - counts
        seen[0] += 1
        return {"success_rate": float(seen[0]), "preference_bias": 0.0, "entropy": 3.0}

    distances = []
    for kl in (0.0, 5.0):
        config = changed(_CONFIG, ppo__kl=kl, ppo__steps=8 * 256)
        trained = _train(tmp_path / str(kl), config, start=start, trial=allows_the_last)
        distances.append(np.abs(trained.planner.plan_probabilities(predictions) - before).sum())
    assert distances[1] < 0.5 * distances[0]


@pytest.mark.parametrize("spoilt", [{"preference_bias": 0.7}, {"entropy": 1.9}])
def test_checkpoints_beyond_the_limits_are_never_selected(tmp_path: Path, spoilt: dict[str, float]) -> None:
    start = toy_planner()
    seen = []

    def score(planner: StrategyPlanner) -> dict[str, float]:
        seen.append(planner)
        good = {"success_rate": 50.0 + len(seen), "preference_bias": 0.2, "entropy": 2.5}
        return good if len(seen) == 1 else {**good, **spoilt}

    config = changed(_CONFIG, selection__highest_bias=0.6, selection__least_entropy=0.8)
    trained = _train(tmp_path, config, start=start, trial=score)
    assert len(seen) == 5
    assert trained.selected.step == 0
    before = start.parts.policy.state_dict()
    assert all(torch.equal(tensor, before[name]) for name, tensor in _weights(trained).items())


@pytest.mark.parametrize(
    ("scores", "allowed"),
    [
        ({}, True),
        ({"macro_f1": 18.0}, True),
        ({"macro_f1": 17.9}, False),
        ({"preference_bias": 0.6}, True),
        ({"preference_bias": 0.61}, False),
        ({"entropy": 2.0}, True),
        ({"entropy": 1.99}, False),
    ],
)
def test_limits(scores: dict[str, float], allowed: bool) -> None:
    start = {"macro_f1": 20.0, "preference_bias": 0.9, "entropy": 2.5}
    usual = {"macro_f1": 20.0, "preference_bias": 0.3, "entropy": 2.5}
    assert within_limits({**usual, **scores}, start, config=SelectionConfig()) is allowed


@_MODES
def test_a_killed_training_ends_alike(tmp_path: Path, mode: Mode) -> None:
    def run(folder: Path) -> TrainedInDialogues:
        return _train(folder, _CONFIG, start=toy_planner(mode=mode))

    whole = run(tmp_path / "whole")
    for kill in (1, 2):
        with killed_after(kill):
            run(tmp_path / "killed")
    assert (tmp_path / "killed" / "checkpoints").is_dir()
    resumed = run(tmp_path / "killed")
    assert all(torch.equal(tensor, _weights(whole)[name]) for name, tensor in _weights(resumed).items())
    assert resumed.selected == whole.selected
    timed = ("second", "share")
    for name, points in whole.curves.items():
        if not name.endswith(timed):
            assert resumed.curves[name] == points, name


def test_the_result_is_a_planner_like_any_other(tmp_path: Path) -> None:
    start = toy_planner()
    trained = _train(tmp_path / "run", _CONFIG, start=start)
    loaded = StrategyPlanner.load(tmp_path / "run", text_encoder=HashEncoder())
    histories = [profile.opening for profile in toy_profiles(4)]
    plans = [trained.planner.plan(history) for history in histories]
    assert [loaded.plan(history).strategies for history in histories] == [plan.strategies for plan in plans]
    assert (loaded.name, loaded.settings) == ("run", trained.planner.settings)
    assert loaded.settings.offsets != start.settings.offsets  # fitted on the training dialogues


def test_a_start_with_fine_tuned_encoders_and_stacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run folder of a planner with fine-tuned encoders is complete and predicts what the start predicts."""
    for module in ("training", "planner"):
        monkeypatch.setattr(f"planner.{module}.SentenceEncoder", ToyEncoder)
    config = changed(
        SMALL,
        ensemble__epochs=1,
        policy__epochs=1,
        ppo__steps=0,
        fine_tuning__epochs=1,
        fine_tuning__tokens=32,
        fine_tuning__frozen_layers=1,
        stacking__trees=4,
    )
    train_planner(_TRAIN, _VALID, config=config, out=tmp_path / "start", seed=0, text_encoder=HashEncoder())
    start = load_start(tmp_path / "start", text_encoder=HashEncoder())
    assert start.fine_tuned is not None
    assert start.parts.stacking is not None
    assert PredictionEncoder(start).bounds == (-np.inf, np.inf)
    (tmp_path / "run").mkdir()
    copy_fine_tuned(tmp_path / "start", tmp_path / "run")
    trained = _train(tmp_path / "run", changed(_CONFIG, ppo__steps=256, max_turns=2), start=start)
    loaded = StrategyPlanner.load(tmp_path / "run", text_encoder=HashEncoder())
    histories = [profile.opening for profile in toy_profiles(4)]
    assert np.array_equal(loaded.predictions(histories), trained.planner.predictions(histories))
    assert loaded.settings.fine_tuned == start.settings.fine_tuned


def test_seekers_held_out_are_chosen_at_random() -> None:
    profiles = toy_profiles(20)
    learned, apart = divide_seekers(profiles, held_out=6, rng=np.random.default_rng(0))
    assert (len(learned), len(apart)) == (14, 6)
    assert sorted((*learned, *apart), key=lambda one: one.dialogue) == list(profiles)
    assert apart != divide_seekers(profiles, held_out=6, rng=np.random.default_rng(1))[1]
    with pytest.raises(ValueError, match=r"selection\.seekers: got 20 of 20 training seekers, nobody is left"):
        divide_seekers(profiles, held_out=20, rng=np.random.default_rng(0))


_FINE_TUNED = "readers.safetensors"


def _run(folder: Path, **config: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"command": "planner", "seed": 3, **config}))
    (folder / "manifest.json").write_text(json.dumps({"corpus": {"splits": {"train": "abc"}}}))
    return folder


def test_the_seed_of_the_folds(tmp_path: Path) -> None:
    assert read_fold_seed(_run(tmp_path / "run"), train="abc") == 3
    (tmp_path / "run" / "cloned").mkdir()
    (tmp_path / "run" / "cloned" / "planner.json").touch()
    assert read_fold_seed(tmp_path / "run" / "cloned", train="abc") == 3
    assert read_fold_seed(_run(tmp_path / "next", command="dialogue", seed=9, fold_seed=4), train="abc") == 4


def test_what_is_no_start_is_refused(tmp_path: Path) -> None:
    run = _run(tmp_path / "run", command="generator")
    with pytest.raises(ValueError, match=r"run: a run of train\.py generator, expected a planner's"):
        read_fold_seed(run, train="abc")
    with pytest.raises(ValueError, match="run: trained on other training dialogues than those of --data"):
        read_fold_seed(_run(run), train="abd")
    with pytest.raises(ValueError, match=r"nowhere: no trained planner, config.json is missing or damaged"):
        read_fold_seed(tmp_path / "nowhere", train="abc")
    (run / "manifest.json").write_text("{")
    with pytest.raises(ValueError, match=r"run: no trained planner, manifest.json is missing or damaged"):
        read_fold_seed(run, train="abc")


@pytest.mark.parametrize("written", ["[]", "{}", '{"command": "planner"}', '{"command": "planner", "seed": "x"}'])
def test_a_damaged_configuration_is_one_line(tmp_path: Path, written: str) -> None:
    (tmp_path / "manifest.json").write_text('{"corpus": {"splits": {"train": "t"}}}')
    (tmp_path / "config.json").write_text(written)
    with pytest.raises(ValueError, match=r"no trained planner, config\.json is|expected a planner's"):
        read_fold_seed(tmp_path, train="t")


def test_a_start_predicts_what_the_planner_does(tmp_path: Path) -> None:
    planner = toy_planner()
    planner.save(tmp_path)
    start = load_start(tmp_path, text_encoder=HashEncoder())
    histories = [profile.opening for profile in toy_profiles(4)]
    for _ in range(2):
        assert np.array_equal(start.predictions(histories), planner.predictions(histories))


def test_fine_tuned_encoders_come_along(tmp_path: Path) -> None:
    for name in ("run", "run/cloned", "one", "two", "bare"):
        (tmp_path / name).mkdir()
    (tmp_path / "run" / _FINE_TUNED).write_bytes(b"weights")
    copy_fine_tuned(tmp_path / "run", tmp_path / "one")
    copy_fine_tuned(tmp_path / "run" / "cloned", tmp_path / "two")  # shares those of its run
    assert (tmp_path / "one" / _FINE_TUNED).read_bytes() == (tmp_path / "two" / _FINE_TUNED).read_bytes() == b"weights"
    copy_fine_tuned(tmp_path / "bare", tmp_path / "bare")
    assert not (tmp_path / "bare" / _FINE_TUNED).exists()


@pytest.mark.parametrize("reasons", [True, False])
def test_environments_show_what_the_planner_predicts(reasons: bool) -> None:
    planner = toy_planner(reasons=reasons)
    encoder = PredictionEncoder(planner)
    task = encoder.task(toy_profiles(3), RiggedSeeker(), rules=DialogueRules(max_turns=2))
    environment = dialogue_vector_env(4, task)
    observations, _ = environment.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(20):
        histories = [conversation.history for conversation in environment.process.conversations]
        predictions = planner.predictions(histories)
        # Networks round by the batch they see; conversations are encoded in other company than here.
        assert np.allclose(observations[:, : encoder.history_size], predictions, atol=1e-5)
        assert environment.observation_space.contains(observations)
        actions = rng.integers(0, environment.single_action_space.n, size=4)
        observations = environment.step(actions)[0]
    assert (task.reasoning_codec is not None) is reasons
    assert encoder.seconds > 0
