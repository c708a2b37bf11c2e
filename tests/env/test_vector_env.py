"""The vectorised environment is the single one, for turns and for dialogues: same trajectories, exact replay."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from env.actions import Mode
from env.dialogues import DialogueProcess
from env.environments import SupportEnv, SupportVectorEnv
from env.process import Process
from env.rewards import RewardWeights
from env.turns import TurnProcess
from tests.env.dialogue_tasks import dialogue_task
from tests.env.turn_tasks import random_task, reasoned_task, turn_vector_env

Make = Callable[..., Process]  # episodes=, phrases= (more than one: the seeker draws its answers)


def turns(mode: Mode, *, reasoned: bool) -> Make:
    task = reasoned_task() if reasoned else random_task()
    reward = RewardWeights(similarity=1.5, stop=0.3, reasoning=0.2, exact=0.4, balance=0.5)
    return lambda episodes, phrases=3: TurnProcess(task, episodes=episodes, mode=mode, reward=reward)


def dialogues(mode: Mode, *, reasoned: bool) -> Make:
    return lambda episodes, phrases=3: DialogueProcess(
        dialogue_task(phrases=phrases, reasoned=reasoned), episodes=episodes, mode=mode
    )


every_process = pytest.mark.parametrize(
    "make",
    [
        pytest.param(kind(mode, reasoned=reasoned), id=f"{kind.__name__}-{mode}{'-reasoned' * reasoned}")
        for kind in (turns, dialogues)
        for mode in ("one-by-one", "all-in-one")
        for reasoned in (False, True)
    ],
)


def draw_actions(environment: SupportVectorEnv, steps: int, seed: int = 0) -> np.ndarray:
    """Random actions. Shape: (steps, B, ...)."""
    environment.action_space.seed(seed)
    return np.stack([environment.action_space.sample() for _ in range(steps)])


def rollout(environment: SupportVectorEnv, actions: np.ndarray) -> list[np.ndarray]:
    """Everything that steps give back, in order."""
    told: list[np.ndarray] = []
    for action in actions:
        *arrays, infos = environment.step(action)
        told += [*arrays, *(infos[name] for name in environment.process.tallies), infos[environment.process.row_name]]
        if "final_obs" in infos:
            told.append(infos["final_obs"][infos["_final_obs"]])
    return told


def equal(left: list[np.ndarray], right: list[np.ndarray]) -> bool:
    """Whether two rollouts are the same to the last bit."""
    return len(left) == len(right) and all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


def written(environment: SupportVectorEnv) -> str:
    """The environment's state as JSON."""
    state = environment.state().items()
    return json.dumps({name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in state})


@every_process
def test_single_and_vectorised_trajectories_are_identical(make: Make) -> None:
    together, alone = SupportVectorEnv(make(16, phrases=1)), [SupportEnv(make(1, phrases=1)) for _ in range(16)]
    name, tallies = together.process.row_name, together.process.tallies
    rows = np.arange(16) % 4
    observations, infos = together.reset(seed=1, options={name: rows})
    np.testing.assert_array_equal(infos[name], rows)
    for environment, row, observation in zip(alone, rows, observations, strict=True):
        np.testing.assert_array_equal(environment.reset(options={name: row})[0], observation)
    ends = 0
    for actions in draw_actions(together, 120):
        observations, rewards, terminated, truncated, infos = together.step(actions)
        assert ("final_obs" in infos) == (terminated | truncated).any()
        for index, environment in enumerate(alone):
            observation, reward, *ended, info = environment.step(actions[index])
            assert (reward, ended) == (rewards[index], [terminated[index], truncated[index]])
            assert [info[tally] for tally in tallies] == [infos[tally][index] for tally in tallies]
            if any(ended):
                ends += 1
                assert infos["_final_obs"][index]
                np.testing.assert_array_equal(infos["final_obs"][index], observation)
                outcome = infos["final_info"][index]
                assert outcome == {key: info[key] for key in outcome} != {}
                observation, _ = environment.reset(options={name: infos[name][index]})
            np.testing.assert_array_equal(observations[index], observation)
    assert ends > 16  # episodes after the first were compared too


@every_process
def test_seed_decides_everything(make: Make) -> None:
    told = []
    for seed in (5, 5, 6):
        environment = SupportVectorEnv(make(16))
        told.append([environment.reset(seed=seed)[0], *rollout(environment, draw_actions(environment, 20))])
    assert equal(told[0], told[1])
    assert not equal(told[0], told[2])


@every_process
def test_a_restored_state_replays_exactly(make: Make) -> None:
    environment = SupportVectorEnv(make(16))
    environment.reset(seed=7)
    actions = draw_actions(environment, 60)
    rollout(environment, actions[:31])
    # The state outlives the process: through JSON, into an environment that was never reset.
    state = written(environment)
    expected, end = rollout(environment, actions[31:]), written(environment)
    for target in (environment, SupportVectorEnv(make(16))):
        np.testing.assert_array_equal(target.restore(json.loads(state)), target.process.observation)
        assert written(target) == state
        assert equal(rollout(target, actions[31:]), expected)
        assert written(target) == end  # conversations with all that was said included


@every_process
def test_what_was_handed_out_does_not_change(make: Make) -> None:
    environment = SupportVectorEnv(make(8))
    first, _ = environment.reset(seed=0)
    arrays = [value for value in environment.state().values() if isinstance(value, np.ndarray)]
    handed_out = [first, *arrays, *rollout(environment, draw_actions(environment, 3))]
    kept = [array.copy() for array in handed_out]
    rollout(environment, draw_actions(environment, 10, seed=1))
    assert equal(handed_out, kept)


@every_process
def test_wrong_input_is_refused(make: Make) -> None:
    environment = SupportVectorEnv(make(2))
    name = environment.process.row_name
    with pytest.raises(ValueError, match="one whole number"):
        environment.reset(seed=[1, 2])
    for rows in ([0], [0, 99], [0, -1], [0.0, 1.0]):
        with pytest.raises(ValueError, match=rf"{name}: got .*, expected 2 whole number\(s\) from 0 to"):
            environment.reset(options={name: rows})
    with pytest.raises(ValueError, match=rf"reset option \['other'\]: expected no other than '{name}'"):
        environment.reset(options={"other": [0, 1]})
    environment.reset(seed=0)
    with pytest.raises(ValueError, match="action: got"):
        environment.step(np.full_like(environment.action_space.sample(), 11))


@pytest.mark.parametrize("mode", ["one-by-one", "all-in-one"])
def test_an_ended_episode_is_replaced_in_the_same_step(mode: Mode) -> None:
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
