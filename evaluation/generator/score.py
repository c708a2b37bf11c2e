"""Scores of any system's outputs: two text files with one response a line, or one file of JSON lines."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from corpus.errors import CorpusError
from corpus.files import read_json_lines
from evaluation.generator.benchmark import ResponseScorer
from evaluation.result import EvaluationResult
from metrics.metric import metrics_of
from metrics.text.embedding_scores import WordVectors
from metrics.text.scores import score_text, text_signature


def score_files(
    hypotheses: Path,
    references: Path,
    *,
    rng: np.random.Generator,
    samples: int = 1000,
    vectors: WordVectors | None = None,
    bertscore: ResponseScorer | None = None,
) -> EvaluationResult:
    """Scores line by line: line k of one file against line k of the other.

    The files do not say which lines belong to one dialogue, so every line is its own unit of the bootstrap, and the
    signature says so; intervals are somewhat too narrow where lines of one dialogue resemble each other.

    Args:
        hypotheses: Generated responses, UTF-8; an empty line is an empty response.
        references: Gold responses, UTF-8.
        rng: For the bootstrap.
        vectors: Word vectors for Extrema, Average and Greedy; without them these are left out.
        bertscore: BERTScore's model; without it BERTScore is left out.

    Returns:
        Protocol ``text``, one system ``hypotheses``.

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
    return _result(
        generated, gold, np.arange(len(gold)), unit="line", start=start, rng=rng, samples=samples, vectors=vectors,
        bertscore=bertscore,
    )  # fmt: skip


class Output(NamedTuple):
    """One line of a file of outputs; ``dialogue`` is ``None`` where the line names none."""

    generation: str
    response: str
    dialogue: int | str | None


def score_outputs(
    path: Path,
    *,
    rng: np.random.Generator,
    samples: int = 1000,
    vectors: WordVectors | None = None,
    bertscore: ResponseScorer | None = None,
) -> EvaluationResult:
    """Scores a file of JSON lines with ``generation`` and ``response``, texts both; other fields are ignored.

    Where every line also says its ``dialogue`` (a whole number or a text), dialogues are the units of the bootstrap;
    else every line is its own unit, and the signature says which. Other arguments as :func:`score_files`.

    Returns:
        Protocol ``text``, one system ``hypotheses``.

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
    units = np.arange(len(outputs)) if unnamed else np.array(dialogues, dtype=np.int64)
    return _result(
        [one.generation for one in outputs], [one.response for one in outputs], units,
        unit="line" if unnamed else "dialogue", start=start, rng=rng, samples=samples, vectors=vectors,
        bertscore=bertscore,
    )  # fmt: skip


def _output(record: Mapping[str, Any]) -> Output:
    for field in ("generation", "response"):
        if not isinstance(record.get(field), str):
            got = f"got {record[field]!r:.60}" if field in record else "missing"
            raise CorpusError(f"{got}, expected a text", field=field)
    dialogue = record.get("dialogue")
    if dialogue is not None and (isinstance(dialogue, bool) or not isinstance(dialogue, (int, str))):
        raise CorpusError(f"got {dialogue!r:.60}, expected a whole number or a text", field="dialogue")
    return Output(record["generation"], record["response"], dialogue)


def _result(
    generated: Sequence[str],
    gold: Sequence[str],
    units: np.ndarray,
    *,
    unit: str,
    start: float,
    rng: np.random.Generator,
    samples: int,
    vectors: WordVectors | None,
    bertscore: ResponseScorer | None,
) -> EvaluationResult:
    learned = bertscore(generated, gold) if bertscore is not None else None
    scores = score_text(generated, gold, units, rng=rng, samples=samples, vectors=vectors, bertscore=learned)
    name = bertscore.name if bertscore is not None else None
    text = text_signature(samples=samples, vectors=vectors, bertscore=name, unit=unit)
    seconds = round(time.perf_counter() - start, 2)
    return EvaluationResult("score", "text", "none", len(gold), text, seconds, {"hypotheses": scores})


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


def skipped_text(*, vectors: bool, bertscore: bool) -> str:
    """One line for each kind of metric that was skipped, each ended by a line break; empty where none was."""
    options = {
        "vectors": (vectors, "no --vectors: a file of word vectors in GloVe's text format"),
        "bertscore": (bertscore, "no --bertscore: a model"),
    }
    labels = {name: [metric.label for metric in metrics_of("text") if metric.requires == name] for name in options}
    return "".join(
        f"skipped: {', '.join(labels[name])} ({reason})\n" for name, (given, reason) in options.items() if not given
    )
