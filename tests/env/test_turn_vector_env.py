"""The vectorised environments are the single ones, replay exactly, and are fast."""

import json
import time
from typing import Any

import numpy as np
import pytest

from env.actions import Mode
from env.environments import SupportVectorEnv
from env.turns import TurnTask
from tests.env.turn_tasks import GOLDS, LABELS, random_task, reasoned_task, turn_env, turn_vector_env

every_mode = pytest.mark.parametrize("mode", ["one-by-one", "all-in-one"])
TERMS = ("similarity", "stop", "reasoning", "exact")
every_task = pytest.mark.parametrize("task", [random_task(), reasoned_task()])


def rollout(environment: SupportVectorEnv, actions: np.ndarray) -> list[np.ndarray]:
    """Everything that steps give back, in order."""
    told: list[np.ndarray] = []
    for action in actions:
        observation, reward, ended, _, infos = environment.step(action)
        told += [observation, reward, ended, *(infos[term] for term in TERMS)]
        if ended.any():
            told.append(infos["final_obs"][ended])
    return told


def equal(left: list[np.ndarray], right: list[np.ndarray]) -> bool:
    """Whether two rollouts are the same to the last bit."""
    return len(left) == len(right) and all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def draw_actions(environment: SupportVectorEnv, steps: int, seed: int = 0) -> np.ndarray:
    """Random actions. Shape: (steps, B, ...)."""
    environment.action_space.seed(seed)
    return np.stack([environment.action_space.sample() for _ in range(steps)])


@every_task
@every_mode
def test_single_and_vectorised_trajectories_are_identical(mode: Mode, task: TurnTask) -> None:
    weights = {"similarity": 1.5, "stop": 0.3, "reasoning": 0.2, "exact": 0.4, "balance": 0.5}
    together = turn_vector_env(64, task, mode, **weights)
    alone = [turn_env(task, mode, **weights) for _ in range(64)]
    turns = np.arange(64) % len(GOLDS)
    observations, infos = together.reset(seed=1, options={"turn": turns})
    np.testing.assert_array_equal(infos["turn"], turns)
    for environment, turn, observation in zip(alone, turns, observations, strict=True):
        np.testing.assert_array_equal(environment.reset(options={"turn": turn})[0], observation)
    ends = 0
    for actions in draw_actions(together, 24):
        observations, rewards, ended, truncated, infos = together.step(actions)
        assert not truncated.any()
        for index, environment in enumerate(alone):
            observation, reward, terminated, _, info = environment.step(actions[index])
            assert (reward, terminated) == (rewards[index], ended[index])
            assert [info[term] for term in TERMS] == [infos[term][index] for term in TERMS]
            if terminated:
                ends += 1
                assert infos["_final_obs"][index]
                np.testing.assert_array_equal(infos["final_obs"][index], observation)
                observation, _ = environment.reset(options={"turn": together.state()["turn"][index]})
            np.testing.assert_array_equal(observations[index], observation)
    assert ends > 64  # episodes after the first were compared too


@every_mode
def test_ended_episode_is_replaced_in_the_same_step(mode: Mode) -> None:
    task = random_task()
    environment = turn_vector_env(5, task, mode)
    environment.reset(seed=3)
    stop_first = np.full(environment.action_space.shape or (), 8)
    played = environment.state()["turn"]
    observations, rewards, ended, _, infos = environment.step(stop_first)
    assert ended.all()
    assert infos["_final_obs"].all()
    assert not rewards.any()
    np.testing.assert_array_equal(infos["final_obs"][:, :12], task.history[played])
    state = environment.state()
    assert (state["slots"] == 8).all()
    assert (state["turn"] != played).any()
    np.testing.assert_array_equal(observations[:, :12], task.history[state["turn"]])


def test_no_final_observation_while_nothing_ends() -> None:
    environment = turn_vector_env(4, random_task())
    environment.reset(seed=0)
    assert "final_obs" not in environment.step(np.zeros(4, int))[4]


@every_mode
def test_seed_decides_everything(mode: Mode) -> None:
    told = []
    for seed in (5, 5, 6):
        environment = turn_vector_env(16, random_task(), mode)
        told.append([environment.reset(seed=seed)[0], *rollout(environment, draw_actions(environment, 20))])
    assert equal(told[0], told[1])
    assert not equal(told[0], told[2])


def test_a_list_of_seeds_is_refused() -> None:
    with pytest.raises(ValueError, match="one whole number"):
        turn_vector_env(2, random_task()).reset(seed=[1, 2])


@pytest.mark.parametrize("turns", [[0], [0, 8], [0, -1]])
def test_wrong_turns_are_refused(turns: list[int]) -> None:
    with pytest.raises(ValueError, match="turn: got"):
        turn_vector_env(2, random_task()).reset(options={"turn": turns})


@every_task
@every_mode
def test_restored_state_replays_exactly(mode: Mode, task: TurnTask) -> None:
    environment = turn_vector_env(16, task, mode)
    environment.reset(seed=7)
    actions = draw_actions(environment, 40)
    rollout(environment, actions[:11])
    state = environment.state()
    expected = rollout(environment, actions[11:])

    def written(value: Any) -> Any:
        return value.tolist() if isinstance(value, np.ndarray) else value

    # The state outlives the process: through JSON, into an environment that was never reset.
    read = json.loads(json.dumps({name: written(value) for name, value in state.items()}))
    for target in (environment, turn_vector_env(16, task, mode)):
        observations = target.restore(read)
        np.testing.assert_array_equal(observations[:, :12], task.history[state["turn"]])
        assert equal(rollout(target, actions[11:]), expected)


@every_task
@every_mode
def test_what_was_handed_out_does_not_change(mode: Mode, task: TurnTask) -> None:
    environment = turn_vector_env(8, task, mode)
    first, _ = environment.reset(seed=0)
    state = environment.state()
    states = [state[name] for name in ("turn", "slots", "reasoning", "reasoned")]
    handed_out = [first, *states, *rollout(environment, draw_actions(environment, 3))]
    kept = [array.copy() for array in handed_out]
    rollout(environment, draw_actions(environment, 10, seed=1))
    assert equal(handed_out, kept)


@pytest.mark.parametrize("reasoned", [False, True])
@every_mode
def test_hundred_thousand_steps_a_second(mode: Mode, reasoned: bool, capsys: pytest.CaptureFixture[str]) -> None:
    # 256 environments; observations of a window of 3 messages of 384 numbers; more turns than caches hold.
    history_size = 3 * (384 + 10) + 384 + 45
    labels = np.tile(LABELS, (400, 1)) if reasoned else None
    environment = turn_vector_env(256, random_task(GOLDS * 400, history_size=history_size, labels=labels), mode)
    environment.reset(seed=0)
    actions = draw_actions(environment, 40)
    best = 0.0
    for _ in range(12):  # the first warms up; the best is what the code can do, the others what the machine let it
        began = time.perf_counter()
        for action in actions:
            environment.step(action)
        best = max(best, 256 * len(actions) / (time.perf_counter() - began))
    with capsys.disabled():
        reasoning = "with" if reasoned else "without"
        print(f"\n{mode} {reasoning} reasoning: {best:,.0f} environment steps a second")
    assert best >= 100_000
