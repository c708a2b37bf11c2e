"""``train.py dialogue``, tiny: it trains, compares, resumes after a kill, and its mistakes are one line."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli.evaluate
import cli.train
from cli.command_line import run_command
from corpus.formats.official import write
from corpus.load import load_corpus
from planner.checkpoint import Checkpoint
from planner.planner import StrategyPlanner
from tests.hash_encoder import HashEncoder

_PLANNER = [
    "--folds", "2", "--ensemble.networks", "2", "--ensemble.width", "8", "--ensemble.words", "50",
    "--ensemble.epochs", "1",
    "--policy.epochs", "1", "--policy.width", "8", "--ppo.steps", "0",
]  # fmt: skip
_DIALOGUE = [
    "--ppo.steps", "256", "--ppo.envs", "8", "--ppo.rollout", "16", "--ppo.batch", "64", "--ppo.epochs", "1",
    "--max-turns", "3",
    "--selection.seekers", "2", "--selection.trials", "1", "--seeds", "2", "--selection.f1-loss", "100",
    "--selection.highest-bias", "3",
    "--selection.least-entropy", "0", "--reward.turn-cost", "0.25",
]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small data set with a planner and a seeker, and the planner trained in conversations."""
    folder = tmp_path_factory.mktemp("dialogue")
    dialogues = load_corpus(None).split("train")
    for name, first in (("data", 0), ("other", 1)):
        (folder / name).mkdir()
        write(folder / name / "train.json", dialogues[first : first + 12])
        write(folder / name / "valid.json", dialogues[13:16])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESC_CACHE", str(folder / "cache"))
        for module in (
            "planner.training",
            "planner.planner",
            "evaluation.dialogue.recipe",
            "encoding.sentence_encoder",
        ):
            patch.setattr(f"{module}.SentenceEncoder", HashEncoder)
        _train("planner", "--data", str(folder / "data"), "--out", str(folder / "planner"), *_PLANNER)
        for name, seeker in (("data", "seeker"), ("other", "other-seeker")):
            _train("seeker", "--data", str(folder / name), "--out", str(folder / seeker), "--components", "4")
        _train(*_command(folder, "after"))
        yield folder


def _train(*arguments: str) -> None:
    run_command(cli.train.COMMANDS, arguments, program="train.py")


def _command(folder: Path, out: str, **changed: str) -> list[str]:
    places = {"data": "data", "planner": "planner", "seeker-run": "seeker", "out": out} | {
        name.replace("_", "-"): place for name, place in changed.items()
    }
    return [
        "dialogue",
        *(word for name, place in places.items() for word in (f"--{name}", str(folder / place))),
        *_DIALOGUE,
    ]


def test_before_and_after_stand_in_the_metrics(runs: Path) -> None:
    metrics = json.loads((runs / "after" / "metrics.json").read_text())
    talked, said = metrics["conversations"], metrics["messages"]
    assert list(talked["systems"]) == list(said["systems"]) == ["before", "after"]
    for metric in ("success_rate", "average_turns", "success_at_3", "intensity_drop", "preference_bias", "entropy"):
        apart = talked["differences"][metric]
        scores = [talked["systems"][name][metric]["value"] for name in ("before", "after")]
        assert apart["value"] == pytest.approx(scores[1] - scores[0])
        assert set(apart) == {"value", "low", "high", "p"}
    assert {"macro_f1", "weighted_f1"} <= set(said["differences"])
    assert "seekers:3|seeds:2" in talked["signature"]
    training = metrics["training"]
    assert training["steps"] == 256
    assert training["steps_per_second"] > 0
    assert set(training["time_shares"]) == {"policy", "environment", "encoding"}
    curves = json.loads((runs / "after" / "curves.json").read_text())
    assert {"ppo/train_return", "ppo/train_fall", "ppo/divergence", "ppo/valid_success_rate"} <= set(curves)


def test_the_run_is_a_planner_for_every_other_command(runs: Path) -> None:
    start, trained = (StrategyPlanner.load(runs / name) for name in ("planner", "after"))
    assert trained.settings.encoder_fingerprint == start.settings.encoder_fingerprint
    for protocol in (["planner", "--no-ladder"], ["dialogue", "--ladder", "none", "--seeds", "1", "--max-turns", "2"]):
        file = runs / "result.json"
        where = ["--data", str(runs / "data"), "--planner", str(runs / "after"), "--json", str(file)]
        seeker = ["--seeker-run", str(runs / "seeker")] if protocol[0] == "dialogue" else []
        run_command(cli.evaluate.COMMANDS, [*protocol, *where, *seeker], program="evaluate.py")
        result = json.loads(file.read_text())
        assert next(iter(result["systems"])).startswith("after")
    # What the planner was rewarded for in training, not what is the default.
    assert [weights["turn_cost"] for weights in result["details"]["rewards"].values()] == [0.25]
    assert result["details"]["rules"].items() >= {"max_turns": 2, "turn_cost": 0.25, "fall": 1.0}.items()


def test_a_kill_while_comparing_loses_no_training(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("evaluation.dialogue.before_after.compare_before_after", die)
        _train(*_command(runs, "late"))
    assert (runs / "late" / "checkpoints").is_dir()
    with monkeypatch.context() as patch:
        patch.setattr("planner.ppo.run.PPO.learn", die)  # nothing is left to learn
        _train(*_command(runs, "late"))
    weights = [(runs / name / "deliberation.safetensors").read_bytes() for name in ("after", "late")]
    assert weights[0] == weights[1]


def test_without_a_seeker_run_one_is_fitted(runs: Path) -> None:
    command = _command(runs, "fitted")
    at = command.index("--seeker-run")
    _train(*command[:at], *command[at + 2 :])
    assert json.loads((runs / "fitted" / "config.json").read_text())["seeker"] == "fitted"


def test_a_trained_run_is_trained_further(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _train(*_command(runs, "further", planner="after"))
    assert json.loads((runs / "further" / "config.json").read_text())["fold_seed"] == 0
    printed = capsys.readouterr().out
    for pattern in (
        r"PPO: 256 steps, [\d,]+ a second", r"selected: the ", r"Conversations with 3 seekers of valid", r"SR@3 ",
        r"real messages of valid", r"macro-F1 .*\[", r"further: finished",
    ):  # fmt: skip
        assert re.search(pattern, printed), pattern


def test_a_killed_run_ends_alike_and_a_finished_one_is_left_alone(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = Checkpoint.save

    def save_and_die(self: Checkpoint, values, *, tensors) -> None:  # type: ignore[no-untyped-def]
        save(self, values, tensors=tensors)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Checkpoint, "save", save_and_die)
        _train(*_command(runs, "killed"))
    assert not (runs / "killed" / "metrics.json").exists()
    _train(*_command(runs, "killed"))
    weights = [(runs / name / "deliberation.safetensors").read_bytes() for name in ("after", "killed")]
    assert weights[0] == weights[1]
    conversations = [
        json.loads((runs / name / "metrics.json").read_text())["conversations"] for name in ("after", "killed")
    ]
    assert conversations[0]["systems"] == conversations[1]["systems"]
    assert not (runs / "killed" / "checkpoints").exists()
    before = (runs / "killed" / "deliberation.safetensors").stat().st_mtime_ns
    _train(*_command(runs, "killed"))
    assert (runs / "killed" / "deliberation.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("changed", "more", "said"),
    [
        ({"planner": "nowhere"}, [], "nowhere: no such run folder"),
        ({"planner": "seeker"}, [], "a run of train.py seeker, expected a planner's"),
        ({"data": "other"}, [], "trained on other training dialogues than those of --data"),
        ({"seeker_run": "planner"}, [], "no fitted seeker there; make one with train.py seeker"),
        ({"seeker_run": "other-seeker"}, [], "fitted on other training dialogues than those given"),
        (
            {},
            ["--selection.seekers", "500"],
            "selection.seekers: got 500 of 12 training seekers",
        ),
        ({}, ["--seeds", "0"], "seeds: got 0, expected at least 1"),
        ({}, ["--ppo.kl", "-1"], "ppo.kl: got -1.0, expected at least 0"),
        ({}, ["--ppo.kl", "inf"], "ppo.kl: got inf, expected at least 0"),
        ({"out": "after"}, ["--ppo.kl", "0.5"], "holds another run (ppo.kl 0.05 there), choose another --out"),
        ({"out": "planner"}, [], "holds another run"),
    ],
)
def test_mistakes_are_one_line(
    runs: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, str], more: list[str], said: str
) -> None:
    arguments = _command(runs, **{"out": "new", **changed}) + more
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        _train(*arguments)
    assert end.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("train.py")
    assert said in lines[-1]
    shutil.rmtree(runs / "new", ignore_errors=True)
