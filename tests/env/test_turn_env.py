"""One episode at a time: what a reset plays, what a step tells, and when it must not be called."""

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded

from encoding.plan_codec import STOP
from env.turn_env import AllInOneEnv, OneByOneEnv
from tests.env.turn_tasks import GOLDS, random_task


def test_reset_plays_the_turn_asked_for() -> None:
    task = random_task()
    environment = OneByOneEnv(task)
    for turn in range(len(GOLDS)):
        observation, info = environment.reset(options={"turn": turn})
        assert info == {"turn": turn}
        np.testing.assert_array_equal(observation[:12], task.history[turn])
        assert environment.step(STOP)[4]["gold"] == GOLDS[turn]


def test_one_by_one_episode() -> None:
    environment = OneByOneEnv(random_task(), similarity=2.0, stop=0.5)
    environment.reset(options={"turn": 1})  # gold (0, 4)
    _, reward, terminated, truncated, info = environment.step(0)
    assert (reward, terminated, truncated) == (pytest.approx(1.0), False, False)
    assert info == {"turn": 1, "similarity": pytest.approx(1.0), "stop": 0.0}
    environment.step(4)
    _, reward, terminated, truncated, info = environment.step(STOP)
    assert (reward, terminated, truncated) == (pytest.approx(0.5), True, False)
    assert info == {"turn": 1, "similarity": 0.0, "stop": 0.5, "plan": (0, 4), "gold": (0, 4)}


def test_all_in_one_episode() -> None:
    environment = AllInOneEnv(random_task())
    environment.reset(options={"turn": 3})  # gold (2, 2, 5)
    observation, reward, terminated, truncated, info = environment.step(np.array([2, STOP, 5]))
    assert (reward, terminated, truncated) == (pytest.approx(1 / 3), True, False)
    assert info == {"turn": 3, "similarity": pytest.approx(1 / 3), "stop": 0.0, "plan": (2,), "gold": (2, 2, 5)}
    assert observation[-1] == pytest.approx(1 / 3)  # length of the plan


@pytest.mark.parametrize("kind", [OneByOneEnv, AllInOneEnv])
def test_observations_handed_out_do_not_change(kind: type[OneByOneEnv] | type[AllInOneEnv]) -> None:
    environment = kind(random_task())
    first, _ = environment.reset(seed=0)
    kept = first.copy()
    environment.step(environment.action_space.sample())
    environment.reset()
    np.testing.assert_array_equal(first, kept)


def test_no_step_outside_an_episode() -> None:
    environment = OneByOneEnv(random_task())
    with pytest.raises(ResetNeeded):
        environment.step(0)
    environment.reset(seed=0)
    environment.step(STOP)
    with pytest.raises(ResetNeeded):
        environment.step(0)


def test_plans_of_other_lengths() -> None:
    task = random_task(max_strategies=2)
    assert AllInOneEnv(task).action_space == gymnasium.spaces.MultiDiscrete([9, 9])
    assert OneByOneEnv(task).action_space == gymnasium.spaces.Discrete(9)
    assert OneByOneEnv(task).observation_space.shape == (12 + 9 * 2 + 1,)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [({"turn": 8}, "turn: got"), ({"turn": -1}, "turn: got"), ({"turn": 0.0}, "turn: got"), ({"trun": 0}, "trun")],
)
def test_wrong_options_are_refused(options: dict, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        OneByOneEnv(random_task()).reset(options=options)


@pytest.mark.parametrize("action", [9, -1, 0.0, [0]])
def test_wrong_actions_are_refused(action: object) -> None:
    environment = OneByOneEnv(random_task())
    environment.reset(seed=0)
    with pytest.raises(ValueError, match="action: got"):
        environment.step(action)
