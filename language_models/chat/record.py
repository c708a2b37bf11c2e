"""A chat model whose answers are kept on disk, so that no answer is paid for twice, and counts of what it used.

There is one file of JSON lines per dialogue. A line is one answered call: ``{dialogue, purpose, model, messages,
temperature, max_tokens, seed, answers: [{key, sample, text}], prompt_tokens, completion_tokens}``. It is written and
flushed before anything is made of the answer.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.errors import CorpusError
from corpus.files import read_json_lines
from language_models.chat.chat_model import ChatError, ChatMessage, ChatModel, ChatRequest, ChatRole, Completion, spoken

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prices:
    """What a model's tokens cost, in any one currency.

    Attributes:
        prompt: Per million tokens read.
        completion: Per million tokens written.
    """

    prompt: float
    completion: float

    def __post_init__(self) -> None:
        if not (self.prompt >= 0 and self.completion >= 0):
            raise ValueError(f"prices: got {self.prompt} and {self.completion}, expected numbers from 0")


@dataclass(frozen=True)
class Usage:
    """Counts that add up.

    Attributes:
        calls: Answered calls. Calls that failed are not in it, though a provider may charge one that timed out.
        answers: Texts in them; one call may bring more than one.
        prompt_tokens: Tokens read, as the model reported them.
        completion_tokens: Tokens written, as the model reported them.
        uncounted: Calls whose tokens the model did not report: the tokens, and the cost, are at least what is shown.
    """

    calls: int = 0
    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0

    @classmethod
    def of(cls, completion: Completion) -> "Usage":
        """The usage of one answered call."""
        return cls(
            calls=1,
            answers=len(completion.texts),
            prompt_tokens=completion.prompt_tokens or 0,
            completion_tokens=completion.completion_tokens or 0,
            uncounted=int(completion.prompt_tokens is None or completion.completion_tokens is None),
        )

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.calls + other.calls,
            self.answers + other.answers,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.uncounted + other.uncounted,
        )

    def cost(self, prices: Prices) -> float:
        """In the prices' currency; a lower bound where calls are uncounted."""
        return (self.prompt_tokens * prices.prompt + self.completion_tokens * prices.completion) / 1e6

    def line(self, prices: Prices | None) -> str:
        """For people: ``3 calls, 12 answers, 1,200 + 40 tokens``, with the cost where there are prices."""
        tokens = f"{self.prompt_tokens:,} + {self.completion_tokens:,} tokens"
        said = f"{self.calls:,} calls, {self.answers:,} answers, {tokens}"
        if prices is not None:
            said += f", cost {self.cost(prices):.4f}"
        if self.uncounted:
            said += f", at least: {self.uncounted:,} calls came without token counts"
        return said


class CallRecord:
    """All recorded answers under one folder, which one process at a time may use.

    Args:
        folder: Where the files are or shall be, as ``dialogue-00012.jsonl``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[int, dict[str, str]] = {}

    def text(self, dialogue: int, key: str) -> str | None:
        """The recorded answer with this key (:meth:`ChatRequest.key`); ``None`` where there is none.

        Raises:
            ValueError: A line before the last is broken.
        """
        return self._answers(dialogue).get(key)

    def append(self, dialogue: int, request: ChatRequest, completion: Completion, *, model: str, purpose: str) -> None:
        """Writes an answered call, which belongs to a dialogue of this number."""
        keys = [request.key(model, sample) for sample in completion.samples]
        line = {
            "dialogue": dialogue,
            "purpose": purpose,
            "model": model,
            "messages": [{"role": message.role, "content": message.content} for message in request.messages],
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "seed": request.seed,
            "answers": [
                {"key": key, "sample": sample, "text": text}
                for key, sample, text in zip(keys, completion.samples, completion.texts, strict=True)
            ],
            "prompt_tokens": completion.prompt_tokens,
            "completion_tokens": completion.completion_tokens,
        }
        known = self._answers(dialogue)  # mends the file's end before the first line is added to it
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._path(dialogue).open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
        known.update(zip(keys, completion.texts, strict=True))

    def usage(self) -> Usage:
        """What all recorded calls used, those of earlier runs included."""
        total = Usage()
        for path in sorted(self.folder.glob("dialogue-*.jsonl")):
            for line in _read(path):
                texts = tuple(answer["text"] for answer in line["answers"])
                numbers = tuple(range(len(texts)))
                total += Usage.of(Completion(numbers, texts, line["prompt_tokens"], line["completion_tokens"]))
        return total

    def _answers(self, dialogue: int) -> dict[str, str]:
        if dialogue not in self._known:
            path = self._path(dialogue)
            lines = _read(path) if path.is_file() else []
            self._known[dialogue] = {answer["key"]: answer["text"] for line in lines for answer in line["answers"]}
        return self._known[dialogue]

    def _path(self, dialogue: int) -> Path:
        return self.folder / f"dialogue-{dialogue:05d}.jsonl"


def _read(path: Path) -> list[Mapping[str, Any]]:
    """The lines of a file. A last line that a killed process left unfinished is cut off, with a warning."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        logger.warning("%s: the last line is incomplete and is dropped", path.name)
        with path.open("rb+") as file:
            file.truncate(whole)
    try:
        return read_json_lines(path, _call) if whole else []
    except CorpusError as error:
        raise ValueError(f"{error}; delete the line to ask again") from error


def _call(record: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        _ = [(answer["key"], answer["text"]) for answer in record["answers"]]
        _ = (record["prompt_tokens"], record["completion_tokens"])
    except (KeyError, TypeError) as error:
        raise CorpusError("not a recorded call") from error
    return record


@dataclass(frozen=True)
class ChatQuestion:
    """A question to a model about a dialogue.

    Attributes:
        dialogue: Number of the dialogue, which decides the file that records it.
        purpose: What for, e.g. ``reply``; for people who read the record.
        messages: As in :class:`ChatRequest`, like the rest.
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
) -> list[ChatQuestion]:
    """The same kind of question about many conversations: each one text by the user, answered ``samples`` times."""
    return [
        ChatQuestion(dialogue, purpose, (ChatMessage(ChatRole.USER, text),), temperature, max_tokens, range(samples))
        for dialogue, text in zip(dialogues, texts, strict=True)
    ]


class RecordedChat:
    """A chat model with its record.

    Args:
        model: Who answers.
        record: Where answers are kept and looked up first.
        seed: Runs with different seeds share no recorded answer.
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

    def ask(self, questions: Sequence[ChatQuestion]) -> list[tuple[str, ...]]:
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

    def _request(self, question: ChatQuestion, samples: tuple[int, ...]) -> ChatRequest:
        return ChatRequest(question.messages, question.temperature, question.max_tokens, samples, self.seed)

    def _missing(
        self, questions: Sequence[ChatQuestion], wanted: Sequence[ChatRequest]
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

    def _texts(self, question: ChatQuestion, request: ChatRequest) -> tuple[str, ...]:
        texts = [self.record.text(question.dialogue, request.key(self.name, sample)) for sample in request.samples]
        found = tuple(spoken(text) for text in texts if text is not None)
        if len(found) < len(texts):
            raise ChatError(f"{self.name}: {len(found)} of {len(texts)} answers came for dialogue {question.dialogue}")
        return found
