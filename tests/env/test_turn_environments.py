"""The turn environments: what a reset plays, what a step tells, and when it must not be called."""

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded

from encoding.plan_codec import STOP
from env.actions import Mode
from tests.env.turn_tasks import GOLDS, random_task, reasoned_task, turn_env

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
    copy = first.copy()
    environment.step(environment.action_space.sample())
    environment.reset()
    np.testing.assert_array_equal(first, copy)


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
