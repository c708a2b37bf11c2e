"""The contract of every registered id, found in Gymnasium's registry: a new environment is tested by registering it."""

import warnings
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env as gymnasium_check
from stable_baselines3.common.env_checker import check_env as sb3_check

import env
from corpus.load import load_corpus
from corpus.splits import Corpus
from encoding.sentence_encoder import SentenceEncoder
from env.defaults import bundled_turns
from env.dialogues import DialogueProcess
from env.rewards import RewardWeights
from tests.env.dialogue_tasks import dialogue_task
from tests.env.turn_tasks import LABELS, random_task, reasoned_task
from tests.hash_encoder import HashEncoder

IDS = sorted(name for name in gymnasium.registry if name.startswith("EmotionalSupport/"))
DIALOGUE_IDS = [name for name in IDS if "/Dialogue" in name]
TURN_IDS = [name for name in IDS if name not in DIALOGUE_IDS]
LONGEST = 10 * (5 + 3)  # turns, reasoning slots and strategies of each: steps in an episode

every_turn_id = pytest.mark.parametrize("name", TURN_IDS)
every_task = pytest.mark.parametrize(
    ("name", "task"),
    [(name, task) for name in TURN_IDS for task in (random_task(), reasoned_task(), reasoned_task(scale=4.0))]
    + [(name, task) for name in DIALOGUE_IDS for task in (dialogue_task(), dialogue_task(reasoned=True))],
)


def make(name: str, task: Any) -> gymnasium.Env:
    """The environment with a small task, inside Gymnasium's own checks."""
    return gymnasium.make(name, task=task)


def play(environment: gymnasium.Env, *, seed: int, episodes: int) -> list[tuple]:
    """Random episodes: (observation, reward, terminated, truncated, info) of every step."""
    environment.action_space.seed(seed)
    told = []
    for episode in range(episodes):
        observation, info = environment.reset(seed=seed if episode == 0 else None)
        told.append((observation.tolist(), 0.0, False, False, info))
        for _ in range(LONGEST):
            observation, reward, terminated, truncated, info = environment.step(environment.action_space.sample())
            assert observation in environment.observation_space
            assert not truncated or isinstance(environment.unwrapped.process, DialogueProcess)
            told.append((observation.tolist(), float(reward), terminated, truncated, info))
            if terminated or truncated:
                break
        assert terminated or truncated, f"the episode has not ended after {LONGEST} steps"
    return told


def test_both_modes_of_both_kinds_are_registered() -> None:
    assert {env.ONE_BY_ONE, env.ALL_IN_ONE} == set(TURN_IDS)
    assert {env.DIALOGUE_ONE_BY_ONE, env.DIALOGUE_ALL_IN_ONE} == set(DIALOGUE_IDS)


@every_task
def test_gymnasium_has_no_complaint(name: str, task: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gymnasium_check(make(name, task).unwrapped)


@every_task
def test_stable_baselines3_has_no_complaint(name: str, task: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sb3_check(make(name, task).unwrapped)


@every_task
def test_seed_decides_everything(name: str, task: Any) -> None:
    first = play(make(name, task), seed=4, episodes=20)
    assert play(make(name, task), seed=4, episodes=20) == first
    assert play(make(name, task), seed=5, episodes=20) != first


@every_turn_id
def test_return_with_every_term(name: str) -> None:
    # Frequencies of first strategies in GOLDS: 0 three times, 1, 2, 3, 5 and 7 once each; factors 1/3 and 1, of mean
    # (3 / 3 + 5) / 8 = 3/4, so at balance 1 a turn that begins with 0 counts 4/9 and the others 4/3.
    reward = RewardWeights(similarity=1, stop=0.2, reasoning=0.1, exact=0.5, balance=1)
    environment = gymnasium.make(name, task=reasoned_task(), reward=reward)
    one_at_a_time = isinstance(environment.action_space, gymnasium.spaces.Discrete)
    by_hand = [  # turn, its labels, reasoning, slots, return before the factor, factor
        (0, [10, 1, 4, 0, 2], [10, 1, 4, 0, 2], [3, 8, 8], 5 * 0.1 + 1 + 0.2 + 0.5, 4 / 3),
        (0, [10, 1, 4, 0, 2], [9, 0, 3, 0, 1], [3, 3, 8], 0.1 + 1 / 2, 4 / 3),
        (1, [0, 0, 0, 0, 0], [0, 0, 1, 1, 1], [0, 4, 8], 2 * 0.1 + 1 + 0.2 + 0.5, 4 / 9),
        (3, [-1, -1, -1, 2, 1], [0, 0, 0, 2, 1], [8, 8, 8], 2 * 0.1, 4 / 3),  # unknown labels earn nothing
        (6, [-1] * 5, [0, 0, 0, 0, 0], [4, 8, 8], 1 / 2, 4 / 9),
        (5, [5, 1, -1, -1, 2], [5, 1, 0, 0, 2], [1, 2, 3], 3 * 0.1 + 3 / 5 + 0.2 + 0.5, 4 / 3),  # gold is cut at three
    ]
    for turn, labels, reasoning, slots, expected, factor in by_hand:
        assert LABELS[turn].tolist() == labels
        environment.reset(options={"turn": turn})
        totals: dict[str, float] = {}
        for action in [*reasoning, *slots] if one_at_a_time else [np.array([*reasoning, *slots])]:
            _, reward, terminated, _, info = environment.step(action)
            terms = {term: info[term] for term in ("similarity", "stop", "reasoning", "exact")}
            assert float(reward) == pytest.approx(sum(terms.values()))
            totals = {term: totals.get(term, 0.0) + value for term, value in terms.items()}
            if terminated:
                break
        assert terminated
        assert sum(totals.values()) == pytest.approx(factor * expected, abs=1e-6)
        hits = sum(value == label for value, label in zip(reasoning, labels, strict=True))
        assert totals["reasoning"] == pytest.approx(factor * 0.1 * hits)


@every_task
@pytest.mark.parametrize("way", ["vector_entry_point", "sync"])
def test_make_vec(name: str, way: str, task: Any) -> None:
    vector = gymnasium.make_vec(name, num_envs=3, vectorization_mode=way, task=task)
    observations, _ = vector.reset(seed=0)
    assert observations in vector.observation_space
    vector.action_space.seed(0)
    for _ in range(20):
        observations, rewards, *_ = vector.step(vector.action_space.sample())
        assert observations in vector.observation_space
        assert rewards.shape == (3,)


@every_turn_id
def test_without_arguments_the_bundled_sample_is_played(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = HashEncoder()
    monkeypatch.setattr("env.defaults.SentenceEncoder", lambda: encoder)
    monkeypatch.setenv("ESC_CACHE", str(tmp_path))
    environment = gymnasium.make(name)
    play(environment, seed=0, episodes=3)
    assert len(encoder.embedded) == len(set(encoder.embedded)) > 500
    number = len(encoder.embedded)
    vector = gymnasium.make_vec(name, num_envs=2)
    assert vector.reset(seed=0)[0].shape == (2, *(environment.observation_space.shape or ()))
    assert len(encoder.embedded) == number  # all in the cache


@pytest.mark.parametrize("name", DIALOGUE_IDS)
def test_without_arguments_the_bundled_seekers_are_talked_to(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("env.defaults.SentenceEncoder", HashEncoder)
    monkeypatch.setenv("ESC_CACHE", str(tmp_path))
    environment = gymnasium.make(name)
    assert play(environment, seed=0, episodes=2) == play(environment, seed=0, episodes=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gymnasium_check(environment.unwrapped)
        sb3_check(environment.unwrapped)
    vector = gymnasium.make_vec(name, num_envs=2)
    vector.action_space.seed(0)
    vector.reset(seed=0)
    for _ in range(30):
        observations, *_ = vector.step(vector.action_space.sample())
        assert observations in vector.observation_space


def test_bundled_task_under_the_real_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two_dialogues = load_corpus(None).split("train")[:2]
    monkeypatch.setattr("env.defaults.load_corpus", lambda _: Corpus("sample", "sample", {"train": two_dialogues}))
    monkeypatch.setenv("ESC_CACHE", str(tmp_path))
    task = bundled_turns()
    assert len(task.golds) == sum(1 for dialogue in two_dialogues for _ in dialogue.turns())
    assert task.history.shape[1] == 3 * (384 + 10) + 384 + 45
    environment = gymnasium.make(env.ONE_BY_ONE, task=task)
    play(environment, seed=0, episodes=3)
    # A second process would embed nothing and load no model.
    monkeypatch.setattr(SentenceEncoder, "_loaded", lambda _: pytest.fail("the model was loaded again"))
    np.testing.assert_array_equal(bundled_turns().history, task.history)
