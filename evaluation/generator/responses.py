"""Generated responses beside the gold ones, with all that is measured on each: as objects and as JSON lines."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from corpus.dialogue import Message, Role
from corpus.errors import CorpusError
from corpus.files import write_whole
from corpus.strategy import Strategy

TAIL = 4  # messages of the history kept beside a response: what the 2021 paper's generator saw


@dataclass(frozen=True, slots=True)
class Loss:
    """How unlikely the generator finds a gold response.

    Attributes:
        nats: Sum of -ln p over its tokens, 0 or more.
        tokens: How many they are, at least 1.
    """

    nats: float
    tokens: int


@dataclass(frozen=True, slots=True)
class GeneratedResponse:
    """One response in its place.

    Attributes:
        dialogue: Number of the dialogue in its file.
        history: The last messages before it, at most ``TAIL``.
        strategies: What it realizes: the plan, or what the generator chose; ``None`` of a generator without strategies.
        texts: The generated texts, one of each strategy.
        gold_strategies: The corpus's plan.
        response: The corpus's text, a turn's messages joined by a blank.
        unit: What is resampled: the dialogue, numbered by first appearance over all files of the evaluation.
        run: Which sampling run (seed) it is of, from 0.
        loss: Of the gold response, without its strategy tokens; the same in every run.
        loss_with_strategy: The same with strategy tokens; ``None`` of a generator without.
        scores: Metric -> score of this response, of metrics that texts alone do not give again.
    """

    dialogue: int
    history: tuple[Message, ...]
    strategies: tuple[Strategy | None, ...]
    texts: tuple[str, ...]
    gold_strategies: tuple[Strategy, ...]
    response: str
    unit: int
    run: int
    loss: Loss
    loss_with_strategy: Loss | None = None
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def generation(self) -> str:
        """The generated text, a turn's messages joined by a blank."""
        return " ".join(self.texts)

    def to_json(self) -> dict[str, Any]:
        """One line's object; strategies by their labels."""
        return {
            "run": self.run,
            "dialogue": self.dialogue,
            "unit": self.unit,
            "history": [
                {"role": message.role.value, "text": message.text, "strategy": _label(message.strategy)}
                for message in self.history
            ],
            "strategies": [_label(strategy) for strategy in self.strategies],
            "texts": list(self.texts),
            "generation": self.generation,
            "gold_strategies": [_label(strategy) for strategy in self.gold_strategies],
            "response": self.response,
            "loss": {"nats": self.loss.nats, "tokens": self.loss.tokens},
            "loss_with_strategy": None
            if self.loss_with_strategy is None
            else {"nats": self.loss_with_strategy.nats, "tokens": self.loss_with_strategy.tokens},
            "scores": dict(self.scores),
        }

    @classmethod
    def from_json(cls, line: Mapping[str, Any]) -> "GeneratedResponse":
        """Reads what :meth:`to_json` gave.

        Raises:
            CorpusError: A field is missing or holds something else; names it.
        """

        def read(name: str, kind: type | tuple[type, ...]) -> Any:
            if name not in line or not isinstance(line[name], kind) or isinstance(line[name], bool):
                raise CorpusError(f"got {line.get(name)!r:.60}, expected what evaluate.py wrote", field=name)
            return line[name]

        def strategies(name: str) -> tuple[Strategy | None, ...]:
            return tuple(None if label is None else Strategy.parse(label) for label in read(name, list))

        gold = strategies("gold_strategies")
        if not gold or None in gold:
            raise CorpusError("expected a strategy for every gold message", field="gold_strategies")
        with_strategy = line.get("loss_with_strategy")
        scores = read("scores", dict)
        if not all(isinstance(score, (int, float)) and math.isfinite(score) for score in scores.values()):
            raise CorpusError(f"got {scores!r:.60}, expected finite numbers", field="scores")
        return cls(
            dialogue=read("dialogue", int),
            history=tuple(_message(message) for message in read("history", list)),
            strategies=strategies("strategies"),
            texts=tuple(str(text) for text in read("texts", list)),
            gold_strategies=tuple(strategy for strategy in gold if strategy is not None),
            response=read("response", str),
            unit=read("unit", int),
            run=read("run", int),
            loss=_loss(read("loss", dict), "loss"),
            loss_with_strategy=None if with_strategy is None else _loss(with_strategy, "loss_with_strategy"),
            scores=scores,
        )


def write_generated(path: Path, responses: Iterable[GeneratedResponse]) -> None:
    """Writes one JSON object a line, the file whole."""
    write_whole(path, "".join(json.dumps(one.to_json(), ensure_ascii=False) + "\n" for one in responses))


def _label(strategy: Strategy | None) -> str | None:
    return None if strategy is None else strategy.label


def _message(record: Any) -> Message:
    try:
        strategy = None if record["strategy"] is None else Strategy.parse(record["strategy"])
        return Message(Role(record["role"]), record["text"], strategy)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CorpusError(f"got {record!r:.60}, expected a message", field="history") from error


def _loss(record: Any, name: str) -> Loss:
    nats, tokens = (record.get(part) if isinstance(record, dict) else None for part in ("nats", "tokens"))
    if (
        not isinstance(nats, (int, float))
        or not math.isfinite(nats)
        or nats < 0
        or type(tokens) is not int
        or tokens < 1
    ):
        raise CorpusError(f"got {record!r:.60}, expected nats of 0 or more and a count of tokens", field=name)
    return Loss(float(nats), tokens)
