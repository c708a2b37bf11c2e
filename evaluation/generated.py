"""Generated responses beside the gold ones: for the report, and as JSON lines for people and other programs."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.dialogue import Message
from corpus.strategy import Strategy
from corpus.whole_file import write_whole

TAIL = 4  # messages of the history kept beside a response: what the 2021 paper's generator saw


@dataclass(frozen=True, slots=True)
class GeneratedResponse:
    """One response in its place.

    Attributes:
        dialogue: Number of the dialogue in its file.
        history: The last messages before it, at most ``TAIL``.
        strategies: What it realizes: the plan, or what the generator chose; ``None`` of a generator without strategies.
        generation: The generated text, a turn's messages joined by a blank.
        gold_strategies: The corpus's plan.
        response: The corpus's text.
    """

    dialogue: int
    history: tuple[Message, ...]
    strategies: tuple[Strategy | None, ...]
    generation: str
    gold_strategies: tuple[Strategy, ...]
    response: str

    def to_json(self) -> dict[str, Any]:
        """One line's object; strategies by their labels."""
        return {
            "dialogue": self.dialogue,
            "history": [
                {"role": message.role.value, "text": message.text, "strategy": _label(message.strategy)}
                for message in self.history
            ],
            "strategies": [_label(strategy) for strategy in self.strategies],
            "generation": self.generation,
            "gold_strategies": [_label(strategy) for strategy in self.gold_strategies],
            "response": self.response,
        }


def write_generated(path: Path, responses: Iterable[GeneratedResponse]) -> None:
    """Writes one JSON object a line, the file whole."""
    write_whole(path, "".join(json.dumps(one.to_json(), ensure_ascii=False) + "\n" for one in responses))


def _label(strategy: Strategy | None) -> str | None:
    return None if strategy is None else strategy.label
