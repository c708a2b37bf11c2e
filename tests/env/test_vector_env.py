"""Many episodes at once, turns and dialogues: the same as one at a time, exact replay, and what SB3 is told."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from encoding.plan_codec import STOP, PlanCodec
from env.actions import Mode
from env.conversation import DialogueRules
from env.dialogues import DialogueProcess
from env.environments import SupportEnv, SupportVectorEnv
from env.process import Process
from env.rewards import RewardWeights
from env.sb3 import BatchVecEnv
from env.turns import TurnProcess, TurnTask
from tests.env.dialogue_tasks import PROFILES, dialogue_task, dialogue_vector_env
from tests.env.turn_tasks import random_task, reasoned_task, turn_vector_env

Make = Callable[..., Process]  # episodes=, phrases= (more than one: the seeker samples its answers)


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
    copies = [array.copy() for array in handed_out]
    rollout(environment, draw_actions(environment, 10, seed=1))
    assert equal(handed_out, copies)


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


_TASK = TurnTask(np.array([[0.1], [0.2]], np.float32), ((1, 2), (3,)), PlanCodec(2))


def test_episode_return_length_and_last_observation() -> None:
    environment = BatchVecEnv(turn_vector_env(1, _TASK, stop=0.5), seed=0)
    first = environment.reset()
    gold = (1, 2) if first[0, 0] == pytest.approx(0.1) else (3,)
    total = 0.0
    for action in (*gold, STOP)[:2]:
        observations, rewards, ends, infos = environment.step(np.array([action]))
        total += rewards[0]
    assert ends.tolist() == [True]
    terms = {"similarity": pytest.approx(1.0), "stop": 0.5, "reasoning": 0.0, "exact": 0.0}
    assert infos[0]["episode"] == {"r": pytest.approx(1.5), "l": 2, **terms}
    assert total == pytest.approx(1.5)
    last = infos[0]["terminal_observation"]
    assert last[0] == first[0, 0]
    assert last.shape == observations[0].shape
    assert not np.array_equal(last, observations[0])  # a new episode has begun


def test_what_is_cut_off_is_told_from_what_ends() -> None:
    """Invented seekers: one gives up in its third turn of the same kind, before that time may be up."""
    for max_turns, truncated in ((2, True), (3, False)):
        task = dialogue_task(phrases=1, profiles=PROFILES[:1], rules=DialogueRules(max_turns=max_turns))
        environment = BatchVecEnv(dialogue_vector_env(1, task), seed=0)
        environment.reset()
        falls: list[float] = []
        for _ in range(max_turns):
            environment.step(np.array([4]))
            *_, ends, infos = environment.step(np.array([STOP]))
            falls.append(0.75 if not falls else -0.25)
        assert ends.tolist() == [True]
        assert infos[0]["TimeLimit.truncated"] is truncated
        assert infos[0]["episode"]["fall"] == pytest.approx(sum(falls))
        assert infos[0]["episode"]["spoken"] == max_turns
        environment.step(np.array([4]))
        state = environment.state()
        assert set(map(tuple, state["sums"].values())) == {(0.0,)}  # a new episode has begun


def test_reset_starts_from_the_seed() -> None:
    environment = BatchVecEnv(turn_vector_env(50, _TASK), seed=3)
    assert np.array_equal(environment.reset(), environment.reset())


def test_attributes_of_the_shared_environment() -> None:
    environment = BatchVecEnv(turn_vector_env(3, _TASK), seed=0)
    assert environment.get_attr("num_envs") == [3, 3, 3]
    assert environment.get_attr("num_envs", indices=[1]) == [3]
    assert environment.env_is_wrapped(object) == [False, False, False]
    with pytest.raises(NotImplementedError, match="share one environment"):
        environment.set_attr("num_envs", 4)
    with pytest.raises(NotImplementedError, match="share one environment"):
        environment.env_method("reset")
