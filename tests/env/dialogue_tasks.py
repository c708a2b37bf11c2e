"""A small invented world: four seekers, and a seeker model whose every answer can be worked out by hand."""

from collections.abc import Sequence

import numpy as np

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from encoding.plan_codec import PlanCodec
from env.actions import Mode
from env.conversation import Conversation, DialogueRules, SeekerProfile, SeekerReply
from env.dialogues import DialogueProcess, DialogueTask
from env.environments import SupportEnv, SupportVectorEnv
from env.rewards import DialogueRewardWeights
from tests.env.turn_tasks import REASONING

BETTER, WORSE = 0.75, 0.25  # points that a varied and a repeated turn change the intensity by
PATIENCE = 3  # turns of the same first strategy after which the seeker gives up


def profile(number: int, intensity: int, problem: str = "job crisis") -> SeekerProfile:
    """An invented seeker."""
    opening = (
        Message(Role.SUPPORTER, "Hello, good to see you.", strategy=Strategy.OTHERS),
        Message(Role.SEEKER, f"Hi. I am seeker number {number}."),
        Message(Role.SEEKER, "I am not doing well."),
    )
    return SeekerProfile(number, problem, "anxiety", f"Situation {number}.", intensity, opening)


PROFILES = (profile(1, 5), profile(2, 4), profile(3, 3, "breakup"), profile(7, 2, "breakup"))


class VarietySeeker:
    """Feels better where a turn begins unlike the one before, worse where it repeats; gives up when bored.

    Args:
        phrases: Answers to sample from; with one nothing is sampled.
    """

    name = "variety"
    signature = "variety-1"

    def __init__(self, phrases: int = 1) -> None:
        self.phrases = phrases

    def replies(
        self,
        conversations: Sequence[Conversation],
        plans: Sequence[tuple[Strategy, ...]],
        texts: Sequence[tuple[str, ...] | None],
        *,
        rng: np.random.Generator,
    ) -> list[SeekerReply]:
        phrases = rng.integers(self.phrases, size=len(plans)) if self.phrases > 1 else np.zeros(len(plans), int)
        answers = []
        for conversation, plan, written, phrase in zip(conversations, plans, texts, phrases.tolist(), strict=True):
            conversation.exchanges.append(phrase)
            openings = [before[0] if before else None for before in conversation.plans]
            repeated = bool(openings) and openings[-1] == plan[0]
            now = min(5.0, conversation.intensities[-1] + WORSE) if repeated else conversation.intensities[-1] - BETTER
            answers.append(
                SeekerReply(
                    messages=(f"Answer {phrase} after {len(openings)} turns.",),
                    feedback=0 if repeated else 5,
                    intensity=max(1.0, now),
                    gives_up=len(openings) >= PATIENCE - 1 and set(openings[1 - PATIENCE :]) == {plan[0]},
                    supporter=written or tuple(f"({strategy.label})" for strategy in plan),
                )
            )
        return answers


class CountingEncoder:
    """Two entries: how long the history is, and whether the supporter's last message asks."""

    history_size = 2

    def encode_histories(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        return np.array([(min(len(history), 50) / 50, "?" in history[-1].text) for history in histories], np.float32)


def dialogue_task(
    *,
    phrases: int = 3,
    reasoned: bool = False,
    profiles: tuple[SeekerProfile, ...] = PROFILES,
    rules: DialogueRules = DialogueRules(),  # noqa: B008 - frozen
) -> DialogueTask:
    """The invented world as a task."""
    return DialogueTask(
        profiles=profiles,
        seeker=VarietySeeker(phrases),
        encoder=CountingEncoder(),
        codec=PlanCodec(3),
        rules=rules,
        reasoning_codec=REASONING if reasoned else None,
    )


def dialogue_env(task: DialogueTask, mode: Mode = "one-by-one", **weights: float) -> SupportEnv:
    """One conversation at a time."""
    return SupportEnv(DialogueProcess(task, mode=mode, reward=DialogueRewardWeights(**weights)))


def dialogue_vector_env(episodes: int, task: DialogueTask, mode: Mode = "one-by-one") -> SupportVectorEnv:
    """Conversations side by side."""
    return SupportVectorEnv(DialogueProcess(task, episodes=episodes, mode=mode))
