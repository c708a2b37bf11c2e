"""Conversations in an environment, worked out by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from encoding.observation import plan_features
from env.conversation import Conversation, DialogueRules
from env.environments import SupportEnv
from tests.env.dialogue_tasks import PROFILES, dialogue_env, dialogue_task

STOP = 8
EXACT = {"fall": 2.0, "feedback": 0.5, "turn_cost": 0.125, "ending": 1.0}


def conversation_of(environment: SupportEnv) -> Conversation:
    """The conversation under way."""
    return environment.process.conversations[0]


def plan(*slots: int) -> np.ndarray:
    """An All-in-One action."""
    return np.array([*slots, *[STOP] * (3 - len(slots))])


def test_a_success_by_hand() -> None:
    environment = dialogue_env(dialogue_task(phrases=1), "all-in-one", **EXACT)
    observation, info = environment.reset(options={"profile": 2})  # intensity 3
    assert info == {"profile": 2}
    assert observation[:2].tolist() == [np.float32(3 / 50), 0.0]
    assert observation[2:].tolist() == plan_features(np.array([[STOP] * 3]))[0].tolist()

    observation, reward, terminated, truncated, info = environment.step(plan(0, 4))
    # 3 -> 2.25: fall 2 * 0.75; five stars: 0.5 * 1; cost 0.125
    assert info == {"profile": 2, "spoken": True, "success": False} | {
        "fall": 1.5,
        "feedback": 0.5,
        "turn_cost": -0.125,
        "ending": 0.0,
    }
    assert (reward, terminated, truncated) == (1.875, False, False)
    assert observation[0] == np.float32(6 / 50)

    _, reward, terminated, truncated, info = environment.step(plan(1))  # 1.5: success
    assert (reward, terminated, truncated, info["success"], info["ending"]) == (2.875, True, False, True, 1.0)
    assert conversation_of(environment).history[3:] == [
        Message(Role.SUPPORTER, "(Question)", strategy=Strategy.QUESTION),
        Message(Role.SUPPORTER, "(Affirmation and Reassurance)", strategy=Strategy.AFFIRMATION),
        Message(Role.SEEKER, "Answer 0 after 0 turns.", feedback=5),
        Message(Role.SUPPORTER, "(Restatement or Paraphrasing)", strategy=Strategy.RESTATEMENT),
        Message(Role.SEEKER, "Answer 0 after 1 turns.", feedback=5),
    ]
    assert conversation_of(environment).intensities == [3.0, 2.25, 1.5]
    assert conversation_of(environment).feedbacks == [5, 5]
    assert conversation_of(environment).exchanges == [0, 0]
    with pytest.raises(ResetNeeded, match="call reset first"):
        environment.step(plan(1))


def test_giving_up_is_terminated_and_costs() -> None:
    environment = dialogue_env(dialogue_task(phrases=1), "all-in-one", **EXACT)
    environment.reset(options={"profile": 0})
    rewards, ends = [], []
    for _ in range(3):
        _, reward, terminated, truncated, info = environment.step(plan(7))
        rewards.append(reward)
        ends.append((terminated, truncated, info["success"]))
    # 5 -> 4.25 with five stars, then worse by 0.25 twice, and the seeker leaves at the third in a row.
    assert rewards == [1.5 + 0.5 - 0.125, -0.5 - 0.125, -0.5 - 0.125 - 1.0]
    assert ends == [(False, False, False), (False, False, False), (True, False, False)]


def test_turns_run_out_as_truncation() -> None:
    environment = dialogue_env(dialogue_task(phrases=1, rules=DialogueRules(max_turns=2)), "all-in-one")
    environment.reset(options={"profile": 0})
    assert environment.step(plan(7))[2:4] == (False, False)
    *_, terminated, truncated, info = environment.step(plan(6))
    assert (terminated, truncated, info["success"], info["ending"]) == (False, True, False, 0.0)


def test_silence_is_a_turn_that_nobody_answers() -> None:
    environment = dialogue_env(dialogue_task(phrases=1), "all-in-one", **EXACT)
    environment.reset(options={"profile": 0})
    _, reward, terminated, _, info = environment.step(plan())
    assert (reward, terminated, info["spoken"]) == (-0.125, False, True)
    conversation = conversation_of(environment)
    assert conversation.plans == [()]
    assert conversation.history == list(PROFILES[0].opening)
    assert (conversation.intensities, conversation.feedbacks) == ([5.0, 5.0], [0])
    for turn in range(9):
        assert environment.step(plan())[3] == (turn == 8)


def test_one_by_one_the_seeker_answers_when_the_plan_is_complete() -> None:
    environment = dialogue_env(dialogue_task(phrases=1), **EXACT)
    environment.reset(options={"profile": 0})
    observation, reward, *_, info = environment.step(0)
    assert (reward, info["spoken"]) == (0.0, False)
    np.testing.assert_array_equal(observation[2:], plan_features(np.array([plan(0)]))[0])
    observation, reward, *_, info = environment.step(STOP)
    assert (reward, info["spoken"]) == (1.875, True)
    np.testing.assert_array_equal(observation[2:], plan_features(np.array([plan()]))[0])
    assert [environment.step(strategy)[4]["spoken"] for strategy in (1, 1, 2)] == [False, False, True]
    assert conversation_of(environment).plans == [(0,), (1, 1, 2)]


def test_reasoning_comes_before_every_turn() -> None:
    environment = dialogue_env(dialogue_task(phrases=1, reasoned=True))
    environment.reset(options={"profile": 0})
    for _ in range(2):
        spoken = [environment.step(action)[4]["spoken"] for action in (10, 1, 4, 0, 2, 3, STOP)]
        assert spoken == [False] * 6 + [True]
    assert conversation_of(environment).plans == [(3,), (3,)]


class Echo:
    """A responder that numbers its texts."""

    def texts(self, histories: Any, plans: Any, *, rng: np.random.Generator) -> list[tuple[str, ...]]:
        return [
            tuple(f"text {place} after {len(history)}" for place in range(len(plan)))
            for history, plan in zip(histories, plans, strict=True)
        ]


def test_a_responder_writes_the_supporters_texts() -> None:
    environment = dialogue_env(replace(dialogue_task(phrases=1), responder=Echo()), "all-in-one")
    environment.reset(options={"profile": 0})
    environment.step(plan(0, 1))
    texts = [message.text for message in conversation_of(environment).history[3:5]]
    assert texts == ["text 0 after 3", "text 1 after 3"]


def test_wrong_input_is_refused() -> None:
    environment = dialogue_env(dialogue_task())
    environment.reset(seed=0)
    with pytest.raises(ValueError, match="action: got"):
        environment.step(9)
    with pytest.raises(ValueError, match="profiles: got none"):
        dialogue_task(profiles=())
    with pytest.raises(ValueError, match=r"bounds of the history: got 1.0 to 1.0"):
        replace(dialogue_task(), lowest=1.0)
