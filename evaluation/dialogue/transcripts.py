"""Simulated conversations to read: as JSON lines for programs, turn by turn for a page."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.dialogue import Message, Role
from corpus.files import write_json_lines
from corpus.strategy import Strategy
from env.conversation import conversation_state
from evaluation.dialogue.rollout import PlayedConversation


@dataclass(frozen=True, slots=True)
class TranscriptTurn:
    """One supporter turn and its answer.

    Attributes:
        number: From 1.
        plan: What the supporter does.
        supporter: Its messages.
        seeker: The answer.
        feedback: Stars, 0 where none were given.
        intensity: How bad the seeker feels after it, 1..5.
    """

    number: int
    plan: tuple[Strategy, ...]
    supporter: tuple[Message, ...]
    seeker: tuple[Message, ...]
    feedback: int
    intensity: float


def transcript_turns(played: PlayedConversation) -> Iterator[TranscriptTurn]:
    """The turns of a conversation, in order; every plan in them says something (a policy's always does)."""
    conversation = played.conversation
    place = len(conversation.profile.opening)
    for number, plan in enumerate(conversation.plans):
        answer = place + len(plan)
        stop = answer
        while stop < len(conversation.history) and conversation.history[stop].role is Role.SEEKER:
            stop += 1
        yield TranscriptTurn(
            number + 1,
            plan,
            tuple(conversation.history[place:answer]),
            tuple(conversation.history[answer:stop]),
            conversation.feedbacks[number],
            conversation.intensities[number + 1],
        )
        place = stop


def transcript_json(policy: str, played: PlayedConversation) -> dict[str, Any]:
    """One line's object: who talked, how it ended, what was said; strategies by their labels."""
    profile, state = played.conversation.profile, conversation_state(played.conversation)
    return {
        "policy": policy,
        "dialogue": profile.dialogue,
        "problem": profile.problem,
        "emotion": profile.emotion,
        "situation": profile.situation,
        "outcome": played.outcome.value,
        "turns": len(played.conversation.plans),
        "opening": len(profile.opening),
        **state,
        "plans": [[strategy.label for strategy in plan] for plan in played.conversation.plans],
    }


def write_transcripts(path: Path, played: Mapping[str, tuple[tuple[PlayedConversation, ...], ...]]) -> None:
    """Writes the first run of every policy, one JSON object a conversation and line, the file whole.

    One run, because the others have the same seekers, and a ladder of forty policies fills a disk otherwise.
    """
    write_json_lines(path, (transcript_json(policy, one) for policy, runs in played.items() for one in runs[0]))
