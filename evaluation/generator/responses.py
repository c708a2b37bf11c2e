"""Generated responses beside the gold ones: as objects, as JSON lines, and the statistics that all scores come from.

A new evaluation and a stored one are scored by the same function. Perplexity is that of the gold texts, the same in
every sampling run, and is computed once. Everything else is computed for every sampling run and shown as the mean over
them, with its spread.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from corpus.dialogue import Message, Role
from corpus.errors import CorpusError
from corpus.files import write_json_lines
from corpus.strategy import Strategy
from evaluation.generator.system import TextSystem
from metrics.statistics.bootstrap import Tally, estimates, joined_tally, mean_tally
from metrics.statistics.estimate import Estimate
from metrics.statistics.jackknife import LeftOut, run_mean
from metrics.strategy.scores import plan_tally
from metrics.text.perplexity import perplexity_tally
from metrics.text.scores import TextStatistics, text_estimates, text_statistics

TAIL = 4  # messages of the history stored beside a response: what the 2021 paper's generator saw
WRITTEN_PLAN = (
    "emr",
    "lr",
    "emr_multi",
    "multi_rate",
)  # of the strategies that were written: columns of Zhu et al. 2026
CHOSEN = ("joint", "planner")  # plan sources whose plans are predictions
WITH_STRATEGY = "_with_strategy"  # ends the names of perplexities in which strategy tokens count too


@dataclass(frozen=True, slots=True)
class Loss:
    """Negative log-likelihood of a gold response.

    Attributes:
        nats: Sum of -ln p over its tokens, 0 or more.
        tokens: How many they are, at least 1.
    """

    nats: float
    tokens: int


Score = float | tuple[float, ...]  # of a metric with more than one number a response, e.g. hits and texts


@dataclass(frozen=True, slots=True)
class GeneratedResponse:
    """One response in its place.

    Attributes:
        dialogue: Number of the dialogue in its file.
        history: The last messages before it, at most ``TAIL``.
        strategies: Of its messages: the plan, or what the generator chose; ``None`` of a generator without strategies.
        texts: The generated texts, one of each strategy.
        gold_strategies: The corpus's plan.
        response: The corpus's text, a turn's messages joined by a blank.
        unit: Dialogue, numbered by first appearance over all files of the evaluation: what is resampled.
        run: Number of its sampling run, from 0.
        loss: Of the gold response, without its strategy tokens; the same in every run; ``None`` of a generator
            without probabilities.
        loss_with_strategy: The same with strategy tokens; ``None`` of a generator without.
        scores: Metric -> score of this response, or what its metric sums up, of metrics that texts alone do not give
            again.
    """

    dialogue: int
    history: tuple[Message, ...]
    strategies: tuple[Strategy | None, ...]
    texts: tuple[str, ...]
    gold_strategies: tuple[Strategy, ...]
    response: str
    unit: int
    run: int
    loss: Loss | None
    loss_with_strategy: Loss | None = None
    scores: Mapping[str, Score] = field(default_factory=dict)

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
            "loss": None if self.loss is None else asdict(self.loss),
            "loss_with_strategy": None if self.loss_with_strategy is None else asdict(self.loss_with_strategy),
            "scores": {name: list(score) if isinstance(score, tuple) else score for name, score in self.scores.items()},
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
        scores = {
            name: tuple(score) if isinstance(score, list) else score for name, score in read("scores", dict).items()
        }
        numbers = [one for score in scores.values() for one in (score if isinstance(score, tuple) else [score])]
        if not all(isinstance(number, (int, float)) and math.isfinite(number) for number in numbers):
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
            loss=None if line.get("loss", 0) is None else _loss(read("loss", dict), "loss"),
            loss_with_strategy=None if with_strategy is None else _loss(with_strategy, "loss_with_strategy"),
            scores=scores,
        )


def response_score(values: np.ndarray) -> Score:
    """What is stored of one response's numbers (k,), or of its one number."""
    numbers = tuple(np.atleast_1d(values).tolist())
    return numbers if len(numbers) > 1 else numbers[0]


def write_generated(path: Path, responses: Iterable[GeneratedResponse]) -> None:
    """Writes one JSON object a line, the file whole."""
    write_json_lines(path, (one.to_json() for one in responses))


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


@dataclass(frozen=True, eq=False)
class ResponseStatistics:
    """What the metrics of one evaluation are computed from.

    Attributes:
        perplexity: Losses of the gold responses; ``None`` of a generator that gives no probabilities.
        runs: Of each sampling run the texts, and the plans where these are predictions.
    """

    perplexity: Tally | None
    runs: tuple[TextStatistics, ...]

    def estimates(self, *, seed: int, samples: int) -> dict[str, Estimate]:
        """Every metric with its interval; all see the same resamples."""
        scores = {}
        if self.perplexity is not None:
            scores = estimates(self.perplexity, rng=np.random.default_rng(seed), samples=samples)
        return scores | text_estimates(self.runs, rng=np.random.default_rng(seed), samples=samples)

    @property
    def tally(self) -> Tally:
        """Of every bootstrapped metric the mean over the runs."""
        texts = mean_tally([run.tally for run in self.runs])
        return texts if self.perplexity is None else joined_tally([self.perplexity, texts])

    @property
    def distinct(self) -> dict[str, LeftOut]:
        """Of every jackknifed metric the mean over the runs."""
        return {metric: run_mean([run.distinct[metric] for run in self.runs]) for metric in self.runs[0].distinct}


def response_statistics(responses: Sequence[GeneratedResponse], *, system: TextSystem) -> ResponseStatistics:
    """Statistics of all responses of an evaluation.

    Args:
        responses: All sampling runs', each run with the same items in the same order.
        system: What wrote them.

    Raises:
        ValueError: No responses, or the runs are not of the same items.
    """
    by_run: dict[int, list[GeneratedResponse]] = {}
    for one in responses:
        by_run.setdefault(one.run, []).append(one)
    if sorted(by_run) != list(range(system.seeds)):
        raise ValueError(f"got responses of {len(by_run)} sampling runs, expected {system.seeds}, numbered from 0")
    first = by_run[0]
    gold = [(one.unit, one.response, one.gold_strategies) for one in first]
    for number, run in by_run.items():
        if [(one.unit, one.response, one.gold_strategies) for one in run] != gold:
            raise ValueError(f"sampling run {number} is not of the same items as run 0")
    return ResponseStatistics(_perplexity(first), tuple(_texts(by_run[number], system) for number in sorted(by_run)))


def _perplexity(responses: Sequence[GeneratedResponse]) -> Tally | None:
    units = _units(responses)
    kinds: Mapping[str, list[Loss | None]] = {
        "": [one.loss for one in responses],
        WITH_STRATEGY: [one.loss_with_strategy for one in responses],
    }
    tallies = []
    for suffix, losses in kinds.items():
        known = [loss for loss in losses if loss is not None]
        if known and len(known) != len(losses):
            raise ValueError(f"{len(losses) - len(known)} of {len(losses)} responses lack their loss{suffix}")
        if known:
            nats, tokens = [loss.nats for loss in known], [loss.tokens for loss in known]
            # Per word only without strategy tokens, which are no words.
            words = None if suffix else [len(one.response.split()) for one in responses]
            tallies.append(perplexity_tally(nats, tokens, units, suffix=suffix, words=words))
    return joined_tally(tallies) if tallies else None


def _texts(responses: Sequence[GeneratedResponse], system: TextSystem) -> TextStatistics:
    names = list(responses[0].scores)
    if any(list(one.scores) != names for one in responses):
        raise ValueError("the responses do not all have the same scores")
    statistics = text_statistics(
        [one.generation for one in responses],
        [one.response for one in responses],
        _units(responses),
        response_scores={name: np.array([one.scores[name] for one in responses], np.float64) for name in names},
    )
    if system.unit != "turn" or system.plan not in CHOSEN:
        return statistics
    gold = [tuple(int(strategy) for strategy in one.gold_strategies) for one in responses]
    written = [tuple(int(strategy) for strategy in one.strategies if strategy is not None) for one in responses]
    plans = plan_tally(gold, written, _units(responses))

    def formula(sums: np.ndarray) -> dict[str, np.ndarray]:
        scores = plans.formula(sums)
        return {metric: scores[metric] for metric in WRITTEN_PLAN}

    return replace(statistics, tally=joined_tally([statistics.tally, replace(plans, formula=formula)]))


def _units(responses: Sequence[GeneratedResponse]) -> np.ndarray:
    return np.array([one.unit for one in responses], dtype=np.int64)
