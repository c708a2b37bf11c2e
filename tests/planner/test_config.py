"""Settings are checked when they are made; those of earlier versions are understood."""

import subprocess
import sys
from math import inf, nan

import pytest

from cli.configuration import overlaid, plain
from planner.config import RENAMED, DialogueConfig, EnsembleConfig, PlannerConfig, PPOConfig, upgraded
from tests.planner.toy_task import changed


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *((name, 0) for name in ("window", "folds", "ensemble__words", "ensemble__networks", "ensemble__epochs")),
        *((name, 0) for name in ("policy__width", "policy__epochs", "ppo__envs", "ppo__batch", "fine_tuning__epochs")),
        *((name, -0.1) for name in ("ppo__kl", "ensemble__weight_decay", "decoding__multi_strategy_weight")),
        *((name, 1.0) for name in ("ensemble__dropout", "ensemble__input_dropout", "fine_tuning__dropout")),
        *((name, 0.0) for name in ("ensemble__rate", "fine_tuning__rate", "policy__rate", "ppo__clip", "ppo__gamma")),
        *((name, nan) for name in ("ppo__rate", "ensemble__dropout", "decoding__exact_weight", "reward__stop")),
        *((name, inf) for name in ("ppo__kl", "ensemble__rate", "decoding__exact_weight", "reward__stop")),
        ("max_strategies", 5),
        ("fine_tuning__tokens", 31),
        ("fine_tuning__frozen_layers", -1),
        ("stacking__trees", 0),
        ("ppo__steps", -1),
        ("ppo__gae_lambda", 1.5),
    ],
)
def test_impossible_settings_are_refused_by_name(field: str, value: float) -> None:
    name = field.replace("__", r"\.").removeprefix(r"reward\.")
    with pytest.raises(ValueError, match=f"^{name}: got {value}, expected"):
        changed(PlannerConfig(), **{field: value})


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("ppo__steps", 0, r"ppo\.steps: got 0, expected at least 1"),
        ("ppo__gamma", 0.0, r"ppo\.gamma: got 0.0, expected more than 0 and at most 1"),
        ("max_turns", 0, "max_turns: got 0, expected at least 1"),
        ("selection__seekers", 0, r"selection\.seekers: got 0, expected at least 1"),
        ("selection__highest_bias", inf, r"selection\.highest_bias: got inf"),
        ("selection__least_entropy", 80, r"selection\.least_entropy: got 80, expected at least 0 and at most 1"),
    ],
)
def test_impossible_settings_of_dialogues_are_refused(field: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        changed(DialogueConfig(), **{field: value})


def test_networks_are_a_multiple_of_the_folds_and_advantages_of_one_step_cannot_be_normalised() -> None:
    with pytest.raises(ValueError, match=r"^ensemble\.networks: got 7, expected a multiple of the 5 folds$"):
        changed(PlannerConfig(), ensemble__networks=7)
    with pytest.raises(ValueError, match=r"^ppo\.batch, ppo\.envs \* ppo\.rollout"):
        changed(PlannerConfig(), ppo__batch=1)


def test_the_edges_are_possible() -> None:
    edges = PlannerConfig(
        folds=2, ensemble=EnsembleConfig(networks=4, dropout=0.0), ppo=PPOConfig(steps=0, kl=0.0, gae_lambda=0.0)
    )
    assert edges.fine_tuning.epochs is None and edges.stacking.trees is None


def test_flat_settings_of_earlier_versions_become_nested() -> None:
    flat = {"mode": "all-in-one", "members": 10, "reader_epochs": 0, "judge_trees": 200, "ppo_steps": 0,
            "decoding": "most-probable", "several_weight": 2.0, "stop_reward": 0.3}  # fmt: skip
    nested = {
        "mode": "all-in-one",
        "ensemble": {"networks": 10},
        "fine_tuning": {"epochs": None},
        "stacking": {"trees": 200},
        "ppo": {"steps": 0},
        "decoding": {"rule": "most-probable", "multi_strategy_weight": 2.0},
        "reward": {"stop": 0.3},
    }
    assert upgraded(flat) == upgraded(nested) == nested
    assert upgraded({"steps": 5, "kept_apart": 3}) == {"ppo": {"steps": 5}, "selection": {"seekers": 3}}
    assert upgraded({"unheard_of": 1}) == {"unheard_of": 1}


def test_plain_values_are_read_back() -> None:
    for config in (PlannerConfig(), DialogueConfig()):
        assert overlaid(config, upgraded(plain(config)), source="config.json") == config


def test_every_new_name_exists() -> None:
    for new in RENAMED.values():
        part, leaf = new.split(".")
        assert any(hasattr(getattr(config, part, None), leaf) for config in (PlannerConfig(), DialogueConfig()))


def test_settings_are_imported_without_heavy_libraries() -> None:
    heavy = ("torch", "sklearn", "transformers", "sentence_transformers", "stable_baselines3")
    code = f"import sys, planner.config; print([name for name in {heavy} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
