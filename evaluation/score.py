"""Scores any system's outputs, given as two text files with one response a line."""

import time
from pathlib import Path

import numpy as np

from evaluation.result import EvaluationResult
from metrics.text_scores import score_text, text_signature
from metrics.word_vectors import WordVectors


def score_files(
    hypotheses: Path,
    references: Path,
    *,
    rng: np.random.Generator,
    samples: int = 1000,
    vectors: WordVectors | None = None,
) -> EvaluationResult:
    """Scores line by line: line k of one file against line k of the other.

    The files do not say which lines belong to one dialogue, so every line is its own unit of the bootstrap, and the
    signature says so; intervals are somewhat too narrow where lines of one dialogue resemble each other.

    Args:
        hypotheses: Generated responses, UTF-8; an empty line is an empty response.
        references: Gold responses, UTF-8.
        rng: For the bootstrap.
        samples: Bootstrap resamples.
        vectors: Word vectors for Extrema, Average and Greedy; without them these are left out.

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
    scores = score_text(generated, gold, np.arange(len(gold)), rng=rng, samples=samples, vectors=vectors)
    text = text_signature(samples=samples, vectors=vectors, unit="line")
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
