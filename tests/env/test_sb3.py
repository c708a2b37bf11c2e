"""The adapter to stable-baselines3: what an episode tells, and what is cut off."""

import numpy as np
import pytest

from encoding.plan_codec import STOP, PlanCodec
from env.conversation import DialogueRules
from env.sb3 import BatchVecEnv
from env.turns import TurnTask
from tests.env.dialogue_tasks import PROFILES, dialogue_task, dialogue_vector_env
from tests.env.turn_tasks import turn_vector_env

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
