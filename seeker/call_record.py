"""Answers of chat models on disk: one file of JSON lines per dialogue, so that no answer is paid for twice.

A line is one answered call: ``{dialogue, purpose, model, messages, temperature, max_tokens, seed, answers: [{key,
sample, text}], prompt_tokens, completion_tokens}``. It is written and flushed before anything is made of the answer.
"""

import json
import logging
from pathlib import Path
from typing import Any

from seeker.chat_model import ChatRequest, Completion
from seeker.usage import Usage

logger = logging.getLogger(__name__)


class CallRecord:
    """All recorded answers under one folder, which one process at a time may use.

    Args:
        folder: Where the files stand or shall stand, as ``dialogue-00012.jsonl``.
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
        """Writes an answered call.

        Args:
            dialogue: Number of the dialogue it belongs to.
            request: What was asked.
            completion: What came back.
            model: Name of the model.
            purpose: What for, e.g. ``reply``.
        """
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


def _read(path: Path) -> list[dict[str, Any]]:
    """The lines of a file. A last line that a killed process left unfinished is cut off, with a warning."""
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        logger.warning("%s: the last line was never finished, it is dropped", path.name)
        with path.open("rb+") as file:
            file.truncate(len(whole))
    lines = []
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            entry = json.loads(line)
            _ = [(answer["key"], answer["text"]) for answer in entry["answers"]]
            _ = (entry["prompt_tokens"], entry["completion_tokens"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}: line {number}: not a recorded call, delete the line to ask again") from error
        lines.append(entry)
    return lines
