"""Stored evaluations, which later ones are compared with: ``RUN/evaluations/NAME/``.

``result.json`` holds scores, signature and system, ``responses.jsonl`` every response with all that was measured on
it, one sampling run after the other. Both are written whole, the result last: a folder without it is not finished.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.files import read_json_lines
from evaluation.generator.responses import GeneratedResponse, write_generated
from evaluation.generator.system import NO_PLAN, TextSystem
from evaluation.plan_source import PLAN_SOURCES
from evaluation.result import EvaluationResult

EVALUATIONS = "evaluations"
RESULT = "result.json"
RESPONSES = "responses.jsonl"


@dataclass(frozen=True)
class StoredEvaluation:
    """One evaluation.

    Attributes:
        responses: Of all sampling runs, one run after the other.
    """

    folder: Path
    result: EvaluationResult
    system: TextSystem
    responses: tuple[GeneratedResponse, ...]

    @property
    def fields(self) -> dict[str, str]:
        """The signature's fields by name."""
        return dict(part.split(":", 1) for part in self.result.signature.split("|"))


def store_evaluation(
    run: Path, result: EvaluationResult, system: TextSystem, responses: Sequence[GeneratedResponse]
) -> Path:
    """Writes an evaluation into a run folder; one of the same name is replaced.

    Returns:
        Its folder.
    """
    folder = run / EVALUATIONS / system.folder(result.split)
    (folder / RESULT).unlink(missing_ok=True)  # its responses are about to be others
    write_generated(folder / RESPONSES, responses)
    result.save(folder / RESULT)
    return folder


def read_evaluations(run: Path, *, split: str | None = None) -> tuple[StoredEvaluation, ...]:
    """All finished evaluations of a run folder, or the one that a folder of ``evaluations/`` holds.

    Args:
        run: Either kind of folder.
        split: Only those on this part of the corpus; ``None``: all.

    Returns:
        Ordered by unit, then plan source: none, oracle, joint, random, planner.

    Raises:
        ValueError: There is none, or a file is not what :func:`store_evaluation` wrote; names file, line and field.
    """
    alone = (run / RESULT).is_file() and run.parent.name == EVALUATIONS
    folders = [run] if alone else [path.parent for path in (run / EVALUATIONS).glob(f"*/{RESULT}")]
    named = [folder for folder in sorted(folders) if split is None or folder.name.startswith(f"{split}-")]
    if not named:
        kind = f"{split}-..." if split is not None else "NAME"
        raise ValueError(
            f"{run}: no stored evaluation, expected {EVALUATIONS}/{kind}/{RESULT}: evaluate.py generator makes it"
        )
    order = (NO_PLAN, *PLAN_SOURCES)
    read = [_read(folder) for folder in named]
    return tuple(sorted(read, key=lambda one: (one.system.unit, order.index(one.system.plan), one.folder.name)))


def _read(folder: Path) -> StoredEvaluation:
    result = EvaluationResult.load(folder / RESULT)
    try:
        system = TextSystem(**result.details["setting"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder / RESULT}: no evaluation of a generator: {error}") from error
    if list(result.systems) != [system.generator]:
        raise ValueError(f"{folder / RESULT}: expected the scores of {system.generator} alone")
    responses = tuple(read_json_lines(folder / RESPONSES, GeneratedResponse.from_json))
    if len(responses) != result.n * system.seeds:
        raise ValueError(
            f"{folder / RESPONSES}: got {len(responses)} responses, expected {result.n} of each of {system.seeds} runs"
        )
    return StoredEvaluation(folder, result, system, responses)
