"""The shell scripts of benchmarks/: what they ask of train.py and evaluate.py, in which order, and that they resume."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import cli.evaluate
import cli.train
from cli.command_line import parse
from corpus.formats.official import write
from corpus.load import load_corpus

ROOT = Path(__file__).resolve().parents[2]

# Stands in for Python: writes down what it is asked, and leaves the file of scores as evaluate.py does.
_RECORDER = """#!/bin/sh
printf '%s\\t' "$@" >> "$CALLS"
echo >> "$CALLS"
json=
for word in "$@"; do
    [ "$json" = next ] && : > "$word"
    json=
    [ "$word" = --json ] && json=next
done
exit 0
"""


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(ROOT / "benchmarks" / script), *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def asked(tmp_path):
    """Calls a script with the stand-in; gives its parsed commands as (program, command) pairs."""
    stand_in = tmp_path / "python"
    stand_in.write_text(_RECORDER)
    stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)

    def call(script, *arguments, **environment):
        calls = tmp_path / "calls"
        calls.unlink(missing_ok=True)
        done = run(script, *arguments, PYTHON=str(stand_in), CALLS=str(calls), **environment)
        assert done.returncode == 0, done.stderr
        commands = []
        for line in calls.read_text().splitlines():
            program, *words = line.rstrip("\t").split("\t")
            module = {"train.py": cli.train, "evaluate.py": cli.evaluate}[Path(program).name]
            commands.append(parse(module.COMMANDS, words, program=Path(program).name))
        return commands

    return call


def of_kind(commands, kind):
    return [command for command in commands if type(command).__name__ == kind]


def test_table4_trains_scores_and_compares_both_backbones(asked, tmp_path):
    out = tmp_path / "out"
    commands = asked("table4.sh", "data", str(out))
    trained = of_kind(commands, "TrainGenerator")
    assert [(one.config.backbone, one.config.variant) for one in trained] == [
        (backbone, variant) for backbone in ("blenderbot", "dialogpt") for variant in ("vanilla", "strategy")
    ]
    assert {
        (one.config.lengths.history_messages, one.config.optimisation.batch_size, one.config.optimisation.epochs)
        for one in trained
    } == {(4, 4, 5)}
    scored = of_kind(commands, "EvaluateGenerator")
    assert [(Path(one.generator).name, one.plan) for one in scored[:5]] == [
        ("blenderbot", None),
        ("blenderbot-vanilla", None),
        ("blenderbot-strategy", "oracle"),
        ("blenderbot-strategy", "joint"),
        ("blenderbot-strategy", "random"),
    ]
    assert {(one.split, one.seeds) for one in scored} == {("test", 3)}
    compared = of_kind(commands, "CompareGenerators")
    assert commands[-1] is compared[-1]
    runs = {
        backbone: [f"{backbone}-{system}" for system in ("as-it-is", "vanilla", "strategy")]
        for backbone in ("blenderbot", "dialogpt")
    }
    assert [(one.html.stem, one.reference, [path.name for path in one.runs]) for one in compared] == [
        ("table4-blenderbot", None, runs["blenderbot"]),
        ("table4-blenderbot-joint", "blenderbot-strategy, joint", runs["blenderbot"]),
        ("table4-dialogpt", None, runs["dialogpt"]),
        ("table4-dialogpt-joint", "dialogpt-strategy, joint", runs["dialogpt"]),
        ("table4", None, runs["blenderbot"] + runs["dialogpt"]),
    ]
    assert len({path for one in compared for path in (one.text, one.html, one.latex, one.json)}) == 4 * len(compared)
    # Called again it asks train.py, which knows what is finished, and compares; what is scored stays.
    again = asked("table4.sh", "data", str(out))
    assert of_kind(again, "EvaluateGenerator") == []
    assert of_kind(again, "TrainGenerator") == trained
    (out / "scores" / "dialogpt-strategy-joint-test-seeds3.json").unlink()
    (missing,) = of_kind(asked("table4.sh", "data", str(out)), "EvaluateGenerator")
    assert (Path(missing.generator).name, missing.plan) == ("dialogpt-strategy", "joint")


def test_other_seeds_are_scored_again_and_replace_the_former(asked, tmp_path):
    def scored(seeds):
        return of_kind(
            asked("table4.sh", "data", str(tmp_path / "out"), "tiny-dialogpt", SEEDS=seeds), "EvaluateGenerator"
        )

    assert [one.seeds for one in scored("1")] == [1] * 4
    assert [one.seeds for one in scored("3")] == [3] * 4
    assert [one.seeds for one in scored("1")] == [1] * 4  # the run folder had those of three
    assert scored("1") == []


def test_table4_from_scratch_has_no_bare_backbone(asked, tmp_path):
    commands = asked("table4.sh", "data", str(tmp_path / "out"), "tiny-blenderbot", SPLIT="valid", SEEDS="1")
    assert [Path(one.generator).name for one in of_kind(commands, "EvaluateGenerator")] == [
        "tiny-blenderbot-vanilla",
        *["tiny-blenderbot-strategy"] * 3,
    ]
    assert {one.config.tiny.width for one in of_kind(commands, "TrainGenerator")} == {256}
    assert of_kind(commands, "CompareGenerators")[0].split == "valid"


def test_table4_with_the_second_code_trains_dialogpt_at_its_own_rate(asked, tmp_path):
    commands = asked(
        "table4.sh",
        "data",
        str(tmp_path / "out"),
        PRESET="esconv-official",
        TRAIN_OPTIONS="--optimisation.precision fp32",
    )
    rates = {one.config.backbone: one.config.optimisation.learning_rate for one in of_kind(commands, "TrainGenerator")}
    assert rates == {"blenderbot": 3e-5, "dialogpt": 5e-5}
    backbones = ("microsoft/DialoGPT-small", "weights/dialogpt", "facebook/blenderbot_small-90M")
    named = asked("table4.sh", "data", str(tmp_path / "named"), *backbones, PRESET="esconv-official")
    rates = {one.config.backbone: one.config.optimisation.learning_rate for one in of_kind(named, "TrainGenerator")}
    assert list(rates.values()) == [5e-5, 5e-5, 3e-5]
    first = asked("table4.sh", "data", str(tmp_path / "first"), "dialogpt")
    rates = {one.config.optimisation.learning_rate for one in of_kind(first, "TrainGenerator")}
    assert rates == {5e-5}  # esconv2021's own
    assert {one.config.optimisation.precision for one in of_kind(commands, "TrainGenerator")} == {"fp32"}


def test_multi_strategy_scores_every_system_in_every_manner(asked, tmp_path):
    commands = asked("multi_strategy.sh", "data", str(tmp_path / "out"), "plans/best", BACKBONE="tiny-blenderbot")
    trained = of_kind(commands, "TrainGenerator")
    assert [one.config.variant for one in trained] == ["strategy", "all-in-one", "one-by-one"]
    assert {one.config.reasoning_share for one in trained} == {0.5}
    scored = of_kind(commands, "EvaluateGenerator")
    assert {one.unit for one in scored} == {"turn"}
    manners = [("joint", None, False), ("joint", "best", True), ("planner", "best", False), ("planner", "best", True)]
    assert [(one.plan, one.planner and one.planner.name, one.reasoning) for one in scored] == [
        *manners, ("oracle", None, False)
    ] * 3  # fmt: skip
    # Another planner: what it takes part in is scored again, the rest stays.
    again = asked("multi_strategy.sh", "data", str(tmp_path / "out"), "plans/fast", BACKBONE="tiny-blenderbot")
    assert [(one.plan, one.planner.name, one.reasoning) for one in of_kind(again, "EvaluateGenerator")] == [
        ("joint", "fast", True), ("planner", "fast", False), ("planner", "fast", True)
    ] * 3  # fmt: skip


def test_gpu_generator_adapts_and_scores_both_models(asked, tmp_path):
    out = tmp_path / "out"
    commands = asked("gpu_generator.sh", "data", str(out), CONVERSATIONS="4")
    trained = of_kind(commands, "TrainGenerator")
    assert [one.config.backbone for one in trained] == ["smollm2", "qwen2.5-coder-1.5b"]
    assert {(one.config.optimisation.batch_size, one.config.optimisation.accumulation_steps) for one in trained} == {
        (4, 1)
    }
    scored = of_kind(commands, "EvaluateGenerator")
    assert [(Path(one.generator), one.plan, one.precision, one.items) for one in scored] == [
        (one.out, "oracle", "auto", 600) for one in trained
    ]
    assert of_kind(commands, "CompareGenerators")[0].runs == tuple(one.out for one in trained)
    dry = asked("gpu_generator.sh", "data", str(tmp_path / "dry"), DRY_RUN="1")
    first, second = of_kind(dry, "TrainGenerator")
    assert (first.config.backbone, second.config.backbone) == ("tiny-smollm2", str(first.out / "model"))
    assert first.config.variant == "vanilla"  # without the strategy tokens that the second adds
    assert [Path(one.generator).name for one in of_kind(dry, "EvaluateGenerator")] == ["tiny-strategy"]


@pytest.mark.parametrize("script", ["table4.sh", "multi_strategy.sh", "gpu_generator.sh"])
def test_without_arguments_the_scripts_say_what_they_need(script):
    said = run(script)
    assert said.returncode == 2
    assert f"benchmarks/{script} DATA OUT" in said.stderr
    assert "set -euo" not in said.stderr


def test_a_failing_command_ends_the_script(tmp_path):
    said = run("table4.sh", "data", str(tmp_path / "out"), PYTHON="false")
    assert said.returncode == 1
    assert said.stdout.count("==") == 1


@pytest.mark.slow
def test_table4_runs(tmp_path):
    sample = load_corpus(None).split("train")
    write(tmp_path / "train.json", sample[:10])
    write(tmp_path / "valid.json", sample[10:13])
    small = (
        "--tiny.width 16 --tiny.layers 1 --tiny.heads 2 --tiny.vocabulary 300 --optimisation.epochs 1 "
        "--lengths.history-tokens 24"
    )
    environment = {"SPLIT": "valid", "SEEDS": "2", "TRAIN_OPTIONS": small, "PYTHON": sys.executable}
    said = run("table4.sh", str(tmp_path), str(tmp_path / "out"), "tiny-blenderbot", **environment)
    assert said.returncode == 0, said.stderr[-3000:]
    assert "Joint".lower() in (tmp_path / "out" / "table4.txt").read_text().lower()
    assert json.loads((tmp_path / "out" / "table4.json").read_text())


@pytest.mark.slow
def test_gpu_generator_runs_dry(tmp_path):
    sample = load_corpus(None).split("train")
    write(tmp_path / "train.json", sample[:6])
    write(tmp_path / "valid.json", sample[6:8])
    said = run("gpu_generator.sh", str(tmp_path), str(tmp_path / "out"), DRY_RUN="1", PYTHON=sys.executable)
    assert said.returncode == 0, said.stderr[-3000:]
    assert "tiny-strategy: trained on " in said.stdout
    assert (tmp_path / "out" / "tiny-strategy" / "model" / "adapter_model.safetensors").is_file()
