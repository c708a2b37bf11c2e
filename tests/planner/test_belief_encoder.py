import numpy as np
import pytest

from env.conversation import DialogueRules
from planner.ppo.dialogues import PredictionEncoder
from tests.env.dialogue_tasks import dialogue_vector_env
from tests.planner.toy_planner import toy_planner
from tests.planner.toy_seekers import RiggedSeeker, toy_profiles


@pytest.mark.parametrize("reasons", [True, False])
def test_environments_show_what_the_planner_believes(reasons: bool) -> None:
    planner = toy_planner(reasons=reasons)
    encoder = PredictionEncoder(planner)
    task = encoder.task(toy_profiles(3), RiggedSeeker(), rules=DialogueRules(max_turns=2))
    environment = dialogue_vector_env(4, task)
    observations, _ = environment.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(20):
        histories = [conversation.history for conversation in environment.process.conversations]
        predictions = planner.predictions(histories)
        # Networks round by the batch they see; conversations are encoded in other company than here.
        assert np.allclose(observations[:, : encoder.history_size], predictions, atol=1e-5)
        assert environment.observation_space.contains(observations)
        actions = rng.integers(0, environment.single_action_space.n, size=4)
        observations = environment.step(actions)[0]
    assert (task.reasoning_codec is not None) is reasons
    assert encoder.seconds > 0
