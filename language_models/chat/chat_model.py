"""The protocol of a chat model: messages in, texts and token counts out."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ChatError(ValueError):
    """A chat model gave no usable answer, said in one line; it never holds a key or an endpoint's address."""


class ChatRole(StrEnum):
    """Who says a message, as chat templates and endpoints name them; seen from the model, which is ``assistant``."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True)
class ChatMessage:
    """One message to a chat model; its text is never empty.

    There is no ``system`` role: some templates refuse it, so instructions are in the first ``user`` message.
    """

    role: ChatRole
    content: str

    def __post_init__(self) -> None:
        if not self.content.strip():
            raise ValueError("a message to a chat model: empty, expected text")


@dataclass(frozen=True)
class ChatRequest:
    """What a model is asked.

    Attributes:
        messages: Begin and end with ``user`` and alternate, which every chat template accepts.
        temperature: 0 (the likeliest tokens) or above.
        max_tokens: Longest answer, in the model's tokens, at least 1.
        samples: Numbers of the answers wanted; another number is another answer.
        seed: Together with everything else it decides what a local model samples, and it keeps the records of repeated
            runs apart. An endpoint does not hear of it.
    """

    messages: tuple[ChatMessage, ...]
    temperature: float
    max_tokens: int
    samples: tuple[int, ...]
    seed: int

    def __post_init__(self) -> None:
        expected = [ChatRole.ASSISTANT if place % 2 else ChatRole.USER for place in range(len(self.messages))]
        if len(self.messages) % 2 == 0 or [message.role for message in self.messages] != expected:
            raise ValueError("request to a chat model: expected messages that alternate, the user's first and last")
        if not self.temperature >= 0 or self.max_tokens < 1 or not self.samples:
            raise ValueError("request to a chat model: expected temperature >= 0, max_tokens >= 1 and a sample")

    def key(self, model: str, sample: int) -> str:
        """What makes one answer this answer: a hash of model, messages, settings and sample number (64 hex digits)."""
        said = [(message.role, message.content) for message in self.messages]
        identity = [model, said, float(self.temperature), self.max_tokens, self.seed, sample]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()


@dataclass(frozen=True)
class Completion:
    """Some or all of the answers to a request.

    Attributes:
        samples: Their numbers.
        texts: What the model wrote, raw, one per sample; may be empty.
        prompt_tokens: Tokens read for them; ``None`` where the model does not say.
        completion_tokens: Tokens written, all texts together; ``None`` where the model does not say.
    """

    samples: tuple[int, ...]
    texts: tuple[str, ...]
    prompt_tokens: int | None
    completion_tokens: int | None

    def __post_init__(self) -> None:
        if len(self.samples) != len(self.texts):
            raise ValueError(f"completion: {len(self.texts)} texts for {len(self.samples)} samples")


class ChatModel(Protocol):
    """Any chat model.

    Attributes:
        name: What signatures, records and tables call it; never an address or a path.
    """

    name: str

    def complete(self, requests: Sequence[ChatRequest]) -> Iterator[tuple[int, Completion]]:
        """Answers requests, each answer given out as soon as it is there, so that it can be recorded at once.

        Yields:
            Position of the request and a completion. A request may be answered in parts; together they hold each of
            its samples once.

        Raises:
            ChatError: A request got no answer. Those that were under way have been given out before.
        """


def spoken(text: str) -> str:
    """What was said, without the thoughts that reasoning models write before it.

    Returns:
        The text after the last ``</think>``; empty where a thought was begun and never ended; else the whole text.
        Without surrounding white space.
    """
    _, mark, said = text.rpartition("</think>")
    if not mark and text.lstrip().startswith("<think>"):
        return ""
    return said.strip()
