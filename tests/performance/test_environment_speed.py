"""The environments are so fast that the policy decides how long training takes."""

import time

import numpy as np
import pytest

from env.actions import Mode
from env.environments import SupportVectorEnv
from tests.env.dialogue_tasks import dialogue_task, dialogue_vector_env
from tests.env.turn_tasks import GOLDS, LABELS, random_task, turn_vector_env

pytestmark = pytest.mark.slow
every_mode = pytest.mark.parametrize("mode", ["one-by-one", "all-in-one"])
EPISODES, STEPS = 256, 40


def rate(environment: SupportVectorEnv, *, rounds: int) -> float:
    """Environment steps a second: of several rounds the best, which is what the code can do."""
    environment.reset(seed=0)
    environment.action_space.seed(0)
    actions = np.stack([environment.action_space.sample() for _ in range(STEPS)])
    best = 0.0
    for _ in range(rounds):
        began = time.perf_counter()
        for action in actions:
            environment.step(action)
        best = max(best, EPISODES * STEPS / (time.perf_counter() - began))
    return best


@pytest.mark.parametrize("reasoned", [False, True])
@every_mode
def test_hundred_thousand_turn_steps_a_second(mode: Mode, reasoned: bool) -> None:
    # Observations of a window of 3 messages of 384 numbers; more turns than caches hold.
    history_size = 3 * (384 + 10) + 384 + 45
    labels = np.tile(LABELS, (400, 1)) if reasoned else None
    task = random_task(GOLDS * 400, history_size=history_size, labels=labels)
    assert rate(turn_vector_env(EPISODES, task, mode), rounds=12) >= 100_000


@every_mode
def test_twenty_thousand_dialogue_steps_a_second(mode: Mode) -> None:
    """With a seeker that costs next to nothing."""
    assert rate(dialogue_vector_env(EPISODES, dialogue_task(phrases=3), mode), rounds=5) >= 20_000
