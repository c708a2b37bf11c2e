"""A chat model that is asked only what was not answered before."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from seeker.call_record import CallRecord
from seeker.chat_model import ChatError, ChatMessage, ChatModel, ChatRequest, ChatRole, spoken
from seeker.usage import Prices, Usage

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question:
    """What somebody wants to know of a model.

    Attributes:
        dialogue: Number of the dialogue it is about: which file records it.
        purpose: What for, e.g. ``reply``; for people who read the record.
        messages: As in :class:`ChatRequest`.
        temperature: As in :class:`ChatRequest`.
        max_tokens: As in :class:`ChatRequest`.
        samples: Numbers of the answers wanted.
    """

    dialogue: int
    purpose: str
    messages: tuple[ChatMessage, ...]
    temperature: float
    max_tokens: int
    samples: range


def questions_about(
    dialogues: Sequence[int],
    texts: Sequence[str],
    *,
    purpose: str,
    temperature: float,
    max_tokens: int,
    samples: int,
) -> list[Question]:
    """The same kind of question about many conversations: each one text by the user, answered ``samples`` times.

    Args:
        dialogues: Numbers of B dialogues.
        texts: What is asked about each. Length B.
        purpose: As in :class:`Question`, like the rest.
        temperature: Of the answers.
        max_tokens: Longest answer.
        samples: Answers wanted.
    """
    return [
        Question(dialogue, purpose, (ChatMessage(ChatRole.USER, text),), temperature, max_tokens, range(samples))
        for dialogue, text in zip(dialogues, texts, strict=True)
    ]


class RecordedChat:
    """A chat model with its record.

    Args:
        model: Who answers.
        record: Where answers are kept and looked up first.
        seed: Runs with different seeds draw anew and share no recorded answer.
        prices: Where the cost shall be shown.

    Attributes:
        name: The model's.
        used: What this run asked the model for.
        reused: Answers that came from the record.
    """

    def __init__(self, model: ChatModel, record: CallRecord, *, seed: int, prices: Prices | None = None) -> None:
        self.model = model
        self.record = record
        self.seed = seed
        self.prices = prices
        self.name = model.name
        self.used = Usage()
        self.reused = 0

    def ask(self, questions: Sequence[Question]) -> list[tuple[str, ...]]:
        """Answers questions, from the record where it has the answer; new answers are recorded as they come.

        Returns:
            One tuple per question, one text per sample, without a reasoning model's thoughts; texts may be empty.

        Raises:
            ChatError: The model failed for good. What it answered before is in the record.
        """
        wanted = [self._request(question, tuple(question.samples)) for question in questions]
        requests, origins = self._missing(questions, wanted)
        for index, completion in self.model.complete(requests) if requests else ():
            question = questions[origins[index]]
            self.record.append(
                question.dialogue, requests[index], completion, model=self.name, purpose=question.purpose
            )
            self.used += Usage.of(completion)
        return [self._texts(question, request) for question, request in zip(questions, wanted, strict=True)]

    def line(self) -> str:
        """For people: what this run used, and how much the record spared."""
        return f"{self.name}: {self.used.line(self.prices)}; {self.reused:,} answers from the record"

    def _request(self, question: Question, samples: tuple[int, ...]) -> ChatRequest:
        return ChatRequest(question.messages, question.temperature, question.max_tokens, samples, self.seed)

    def _missing(
        self, questions: Sequence[Question], wanted: Sequence[ChatRequest]
    ) -> tuple[list[ChatRequest], list[int]]:
        """Requests for what is not recorded, and the questions they stem from. Equal questions are asked once."""
        requests, origins = [], []
        asked: set[tuple[int, str]] = set()
        for origin, (question, request) in enumerate(zip(questions, wanted, strict=True)):
            missing = []
            for sample in request.samples:
                key = (question.dialogue, request.key(self.name, sample))
                if key in asked or self.record.text(*key) is not None:
                    self.reused += 1
                else:
                    asked.add(key)
                    missing.append(sample)
            if missing:
                requests.append(self._request(question, tuple(missing)))
                origins.append(origin)
        return requests, origins

    def _texts(self, question: Question, request: ChatRequest) -> tuple[str, ...]:
        texts = [self.record.text(question.dialogue, request.key(self.name, sample)) for sample in request.samples]
        found = tuple(spoken(text) for text in texts if text is not None)
        if len(found) < len(texts):
            raise ChatError(f"{self.name}: {len(found)} of {len(texts)} answers came for dialogue {question.dialogue}")
        return found
