"""The turn environments: what resets and steps tell; the vectorised ones are the single ones."""

import json
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded

from encoding.plan_codec import STOP
from env.actions import Mode
from env.environments import SupportVectorEnv
from env.turns import TurnTask
from tests.env.turn_tasks import GOLDS, random_task, reasoned_task, turn_env, turn_vector_env

# The terms that nothing is paid for without reasoning and with default weights.
UNPAID = {"reasoning": 0.0, "exact": 0.0}


def test_reset_plays_the_turn_asked_for() -> None:
    task = random_task()
    environment = turn_env(task)
    for turn in range(len(GOLDS)):
        observation, info = environment.reset(options={"turn": turn})
        assert info == {"turn": turn}
        np.testing.assert_array_equal(observation[:12], task.history[turn])
        assert environment.step(STOP)[4]["gold"] == GOLDS[turn]


def test_one_by_one_episode() -> None:
    environment = turn_env(random_task(), similarity=2.0, stop=0.5)
    environment.reset(options={"turn": 1})  # gold (0, 4)
    _, reward, terminated, truncated, info = environment.step(0)
    assert (reward, terminated, truncated) == (pytest.approx(1.0), False, False)
    assert info == {"turn": 1, "similarity": pytest.approx(1.0), "stop": 0.0, **UNPAID}
    environment.step(4)
    _, reward, terminated, truncated, info = environment.step(STOP)
    assert (reward, terminated, truncated) == (pytest.approx(0.5), True, False)
    assert info == {"turn": 1, "similarity": 0.0, "stop": 0.5, **UNPAID, "plan": (0, 4), "gold": (0, 4)}


def test_all_in_one_episode() -> None:
    environment = turn_env(random_task(), "all-in-one")
    environment.reset(options={"turn": 3})  # gold (2, 2, 5)
    observation, reward, terminated, truncated, info = environment.step(np.array([2, STOP, 5]))
    assert (reward, terminated, truncated) == (pytest.approx(1 / 3), True, False)
    terms = {"similarity": pytest.approx(1 / 3), "stop": 0.0, **UNPAID}
    assert info == {"turn": 3, **terms, "plan": (2,), "gold": (2, 2, 5)}
    assert observation[-1] == pytest.approx(1 / 3)  # length of the plan


@pytest.mark.parametrize("mode", ["one-by-one", "all-in-one"])
def test_observations_handed_out_do_not_change(mode: Mode) -> None:
    environment = turn_env(random_task(), mode)
    first, _ = environment.reset(seed=0)
    kept = first.copy()
    environment.step(environment.action_space.sample())
    environment.reset()
    np.testing.assert_array_equal(first, kept)


def test_no_step_outside_an_episode() -> None:
    environment = turn_env(random_task())
    with pytest.raises(ResetNeeded):
        environment.step(0)
    environment.reset(seed=0)
    environment.step(STOP)
    with pytest.raises(ResetNeeded):
        environment.step(0)


def test_plans_of_other_lengths() -> None:
    task = random_task(max_strategies=2)
    assert turn_env(task, "all-in-one").action_space == gymnasium.spaces.MultiDiscrete([9, 9])
    assert turn_env(task).action_space == gymnasium.spaces.Discrete(9)
    assert turn_env(task).observation_space.shape == (12 + 9 * 2 + 1,)


def test_spaces_with_reasoning() -> None:
    task = reasoned_task()  # slots of 11, 2, 5, 4 and 3 values
    assert turn_env(task).action_space == gymnasium.spaces.Discrete(11)
    assert turn_env(task, "all-in-one").action_space == gymnasium.spaces.MultiDiscrete([11, 2, 5, 4, 3, 9, 9, 9])
    for mode in ("one-by-one", "all-in-one"):
        assert turn_env(task, mode).observation_space == gymnasium.spaces.Box(-1, 1, (12 + 25 + 28,), np.float32)


def test_bounds_follow_the_history_only() -> None:
    task = reasoned_task(scale=4.0)
    space = turn_env(task).observation_space
    assert isinstance(space, gymnasium.spaces.Box)
    assert (space.low[:12] == task.history.min()).all()
    assert (space.high[:12] == task.history.max()).all()
    assert task.history.min() < -3
    assert task.history.max() > 3
    assert (space.low[12:] == -1).all()
    assert (space.high[12:] == 1).all()


def test_one_by_one_reasons_first() -> None:
    environment = turn_env(reasoned_task())
    environment.reset(options={"turn": 0})  # labels 10, 1, 4, 0, 2; gold (3,)
    told = []
    for action in (10, 7, 4, 1, 2, 3, 9):  # 7 is no emotion, 9 no strategy: it stops
        observation, reward, terminated, _, info = environment.step(action)
        told.append((round(reward, 6), terminated))
        assert (info["reasoning"] > 0) == (action in {10, 4, 2})
    assert told == [(0.1, False), (0, False), (0.1, False), (0, False), (0.1, False), (1.0, False), (0.2, True)]
    # Starts of the slots: 0, 11, 13, 18, 22.
    assert np.flatnonzero(observation[12:37]).tolist() == [10, 13 + 4, 18 + 1, 22 + 2]
    assert info["plan"] == (3,)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [({"turn": 8}, "turn: got"), ({"turn": -1}, "turn: got"), ({"turn": 0.0}, "turn: got"), ({"trun": 0}, "trun")],
)
def test_wrong_options_are_refused(options: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        turn_env(random_task()).reset(options=options)


@pytest.mark.parametrize("action", [9, -1, 0.0, [0]])
def test_wrong_actions_are_refused(action: object) -> None:
    environment = turn_env(random_task())
    environment.reset(seed=0)
    with pytest.raises(ValueError, match="action: got"):
        environment.step(action)


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
