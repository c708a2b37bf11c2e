"""Rollouts cost little beside the seeker: turns a second with a seeker that costs nothing."""

import time

import numpy as np
import pytest

from corpus.strategy import Strategy
from env.conversation import DialogueRules
from evaluation.dialogue.policies import FixedPolicy
from evaluation.dialogue.rollout import roll_out
from tests.env.dialogue_tasks import PROFILES, VarietySeeker


@pytest.mark.slow
def test_rollouts_cost_little_beside_the_seeker(capsys: pytest.CaptureFixture[str]) -> None:
    profiles = PROFILES * 64
    began = time.process_time()
    conversations = roll_out(
        profiles, FixedPolicy(Strategy.QUESTION, Strategy.OTHERS), seeker=VarietySeeker(), responder=None,
        rules=DialogueRules(), rng=np.random.default_rng(0),
    )  # fmt: skip
    rate = sum(len(one.conversation.plans) for one in conversations) / (time.process_time() - began)
    with capsys.disabled():
        print(f"\nrollouts: {rate:,.0f} turns a second")
    assert rate >= 10_000
