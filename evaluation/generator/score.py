"""Scores of any system's outputs: two text files with one response a line, or one file of JSON lines."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from corpus.dialogue import Message, Role
from corpus.errors import CorpusError
from corpus.files import read_json_lines
from corpus.strategy import Strategy
from evaluation.generator.models import MetricModels
from evaluation.result import EvaluationResult
from metrics.response.response_data import ResponseData
from metrics.text.scores import score_text, text_signature


def score_files(
    hypotheses: Path,
    references: Path,
    *,
    rng: np.random.Generator,
    samples: int = 1000,
    models: MetricModels | None = None,
) -> tuple[EvaluationResult, str]:
    """Scores line by line: line k of one file against line k of the other.

    The files do not say which lines belong to one dialogue, so every line is its own unit of the bootstrap, and the
    signature says so; intervals are somewhat too narrow where lines of one dialogue resemble each other.

    Args:
        hypotheses: Generated responses, UTF-8; an empty line is an empty response.
        references: Gold responses, UTF-8.
        rng: For the bootstrap.
        models: What metrics need beside the texts; those that need what is not given are left out.

    Returns:
        Protocol ``text``, one system ``hypotheses``; and a line for each reason why metrics were left out.

    Raises:
        ValueError: A file cannot be read, is empty or not UTF-8, or the counts of lines differ; one line, both names.
    """
    start = time.perf_counter()
    (generated, generated_state), (gold, gold_state) = _read(hypotheses), _read(references)
    states = f"{hypotheses}: {generated_state}; {references}: {gold_state}"
    if not generated or not gold:
        raise ValueError(f"cannot score, expected two text files with one response a line: {states}")
    if len(generated) != len(gold):
        raise ValueError(f"cannot score, the numbers of lines differ: {states}")
    data = ResponseData(
        [(text,) for text in generated], gold, np.arange(len(gold)), gold_texts=[(text,) for text in gold]
    )
    return _result(data, unit="line", start=start, rng=rng, samples=samples, models=models or MetricModels())


class Output(NamedTuple):
    """One line of a file of outputs; what is ``None`` the line does not say.

    Attributes:
        texts: The messages of ``generation``: itself, or those of a turn.
        strategies: Of the texts.
        gold_strategy: Of a response of one message.
    """

    generation: str
    response: str
    dialogue: int | str | None
    texts: tuple[str, ...]
    history: tuple[Message, ...] | None
    strategies: tuple[Strategy, ...] | None
    gold_strategy: tuple[Strategy] | None


def score_outputs(
    path: Path, *, rng: np.random.Generator, samples: int = 1000, models: MetricModels | None = None
) -> tuple[EvaluationResult, str]:
    """Scores a file of JSON lines with ``generation`` and ``response``, texts both; other fields are ignored.

    Where every line also says its ``dialogue`` (a whole number or a text), dialogues are the units of the bootstrap;
    else every line is its own unit, and the signature says which. Where every line has them, metrics see more:
    ``history`` (a list of messages with ``role`` and ``text``), ``strategies`` (of the generation, a list of labels; of
    a turn one for each of its ``texts``), ``gold_strategies`` (the one of the response). The file ``responses.jsonl``
    of a stored evaluation is of this kind. Other arguments as :func:`score_files`.

    Returns:
        As :func:`score_files`.

    Raises:
        CorpusError: The file is not of this kind; names file, line and field.
    """
    start = time.perf_counter()
    outputs = read_json_lines(path, _output)
    unnamed = [number for number, one in enumerate(outputs, start=1) if one.dialogue is None]
    if unnamed and len(unnamed) < len(outputs):
        raise CorpusError(
            f"missing in {len(unnamed)} of {len(outputs)} responses, the first of them response {unnamed[0]}: expected "
            "in all or in none",
            path=path,
            field="dialogue",
        )
    numbers: dict[int | str | None, int] = {}
    dialogues = [numbers.setdefault(one.dialogue, len(numbers)) for one in outputs]
    data = ResponseData(
        texts=[one.texts for one in outputs],
        references=[one.response for one in outputs],
        dialogue=np.arange(len(outputs)) if unnamed else np.array(dialogues, dtype=np.int64),
        histories=_of_all([one.history for one in outputs]),
        strategies=_of_all([one.strategies for one in outputs]),
        gold_texts=[(one.response,) for one in outputs],
        gold_strategies=_of_all([one.gold_strategy for one in outputs]),
    )
    unit = "line" if unnamed else "dialogue"
    return _result(data, unit=unit, start=start, rng=rng, samples=samples, models=models or MetricModels())


Known = TypeVar("Known")


def _of_all(values: Sequence[Known | None]) -> list[Known] | None:
    """The values, or ``None`` where one is missing."""
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else None


def _output(record: Mapping[str, Any]) -> Output:
    for field in ("generation", "response"):
        if not isinstance(record.get(field), str):
            got = f"got {record[field]!r:.60}" if field in record else "missing"
            raise CorpusError(f"{got}, expected a text", field=field)
    dialogue = record.get("dialogue")
    if dialogue is not None and (isinstance(dialogue, bool) or not isinstance(dialogue, (int, str))):
        raise CorpusError(f"got {dialogue!r:.60}, expected a whole number or a text", field="dialogue")
    texts = _listed(record, "texts") or [record["generation"]]
    if not all(isinstance(text, str) for text in texts) or " ".join(texts) != record["generation"]:
        raise CorpusError(f"got {texts!r:.60}, expected the messages of the generation", field="texts")
    strategies = _labels(record, "strategies")
    if strategies is not None and len(strategies) != len(texts):
        raise CorpusError(f"got {len(strategies)}, expected one for each of {len(texts)} texts", field="strategies")
    gold = _labels(record, "gold_strategies")
    history = _listed(record, "history")
    return Output(
        record["generation"],
        record["response"],
        dialogue,
        tuple(texts),
        None if history is None else tuple(_message(message) for message in history),
        strategies,
        (gold[0],) if gold is not None and len(gold) == 1 else None,
    )


def _listed(record: Mapping[str, Any], field: str) -> list[Any] | None:
    """A field that is a list, or missing."""
    value = record.get(field)
    if value is not None and not isinstance(value, list):
        raise CorpusError(f"got {value!r:.60}, expected a list", field=field)
    return value


def _labels(record: Mapping[str, Any], field: str) -> tuple[Strategy, ...] | None:
    """Strategies of a field; ``None`` where it is missing, empty, or one of them is (``null``: none was planned)."""
    labels = _listed(record, field)
    if not labels or None in labels:
        return None
    try:
        return tuple(Strategy.parse(label) for label in labels)
    except CorpusError as error:
        raise CorpusError(error.problem, field=field) from error


def _message(record: Any) -> Message:
    try:
        return Message(Role(record["role"]), record["text"].strip())
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CorpusError(f"got {record!r:.60}, expected a message with role and text", field="history") from error


def _result(
    data: ResponseData,
    *,
    unit: str,
    start: float,
    rng: np.random.Generator,
    samples: int,
    models: MetricModels,
) -> tuple[EvaluationResult, str]:
    scores = score_text(
        data.generations,
        data.references,
        data.dialogue,
        rng=rng,
        samples=samples,
        response_scores=models.scores(data),
    )
    signature = text_signature(
        samples=samples,
        vectors=models.vectors,
        bertscore=models.bertscore.name if models.bertscore is not None else None,
        unit=unit,
        **models.signature,
    )
    seconds = round(time.perf_counter() - start, 2)
    result = EvaluationResult("score", "text", "none", len(data.texts), signature, seconds, {"hypotheses": scores})
    return result, models.skipped(models.completed(data).known)


def _read(path: Path) -> tuple[list[str], str]:
    """The lines of a file and, in words, how many; no lines where it cannot be read, and why."""
    try:
        text = path.read_bytes().decode("utf-8-sig")  # some editors put a byte order mark before the first word
    except UnicodeDecodeError as error:
        return [], f"not UTF-8 (byte {error.start + 1})"
    except OSError as error:
        return [], (error.strerror or "cannot be read").lower()
    # Not str.splitlines: it also breaks at form feeds and Unicode separators, which may stand inside a response.
    lines = text.replace("\r\n", "\n").split("\n")
    if not lines[-1]:
        lines.pop()  # what follows the last line's end is no line
    return lines, f"{len(lines)} lines"
