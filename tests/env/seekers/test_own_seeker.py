"""A seeker of one's own is one class: environments and evaluation take it as it is."""

from collections.abc import Sequence

import numpy as np

from corpus.strategy import Strategy
from encoding.plan_codec import PlanCodec
from env.conversation import Conversation, DialogueRules, SeekerReply
from env.dialogues import DialogueProcess, DialogueTask
from env.environments import SupportVectorEnv
from evaluation.dialogue.policies import RandomPolicy
from evaluation.dialogue.rollout import roll_out
from tests.env.dialogue_tasks import PROFILES, CountingEncoder


class GratefulSeeker:
    """Feels half a point better after every turn."""

    name, signature = "grateful", "grateful:version-1"

    def replies(
        self, conversations: Sequence[Conversation], plans: Sequence[tuple[Strategy, ...]], texts: Sequence, *, rng
    ) -> list[SeekerReply]:
        return [
            SeekerReply(
                ("Thank you.",), 5, conversation.intensities[-1] - 0.5, False, tuple(str(s.label) for s in plan)
            )
            for conversation, plan in zip(conversations, plans, strict=True)
        ]


def test_it_is_talked_to_in_an_environment() -> None:
    task = DialogueTask(PROFILES[2:3], GratefulSeeker(), CountingEncoder(), PlanCodec(3))
    environment = SupportVectorEnv(DialogueProcess(task, episodes=2, mode="all-in-one"))
    environment.reset(seed=0)
    for _ in range(2):
        *_, terminated, _, infos = environment.step(np.array([[0, 8, 8], [1, 8, 8]]))
    assert terminated.all()  # from 3 to 2
    assert infos["success"].all()


def test_it_is_talked_to_in_an_evaluation() -> None:
    played = roll_out(
        PROFILES[2:3], RandomPolicy(max_strategies=3), seeker=GratefulSeeker(), responder=None,
        rules=DialogueRules(), rng=np.random.default_rng(0),
    )  # fmt: skip
    assert [len(one.conversation.plans) for one in played] == [2]
    assert played[0].scored().success
