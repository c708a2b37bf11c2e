"""A conversation as plain values and back: for checkpoints and transcripts."""

from collections.abc import Mapping
from typing import Any

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from env.seeker import Conversation, SeekerProfile


def message_json(message: Message) -> dict[str, Any]:
    """A message; strategy and feedback only where it has them."""
    written: dict[str, Any] = {"role": message.role.value, "text": message.text}
    if message.strategy is not None:
        written["strategy"] = message.strategy.label
    if message.feedback is not None:
        written["feedback"] = message.feedback
    return written


def conversation_state(conversation: Conversation) -> dict[str, Any]:
    """All of a conversation but its profile, ready for JSON."""
    return {
        "history": [message_json(message) for message in conversation.history],
        "plans": [[int(strategy) for strategy in plan] for plan in conversation.plans],
        "intensities": list(conversation.intensities),
        "feedbacks": list(conversation.feedbacks),
        "exchanges": [int(exchange) for exchange in conversation.exchanges],
    }


def restored_conversation(state: Mapping[str, Any], profile: SeekerProfile) -> Conversation:
    """What :func:`conversation_state` was given."""
    return Conversation(
        profile,
        history=[_message(written) for written in state["history"]],
        plans=[tuple(Strategy(strategy) for strategy in plan) for plan in state["plans"]],
        intensities=list(state["intensities"]),
        feedbacks=list(state["feedbacks"]),
        exchanges=list(state["exchanges"]),
    )


def _message(written: Mapping[str, Any]) -> Message:
    strategy = Strategy.parse(written["strategy"]) if "strategy" in written else None
    return Message(Role(written["role"]), written["text"], strategy=strategy, feedback=written.get("feedback"))
