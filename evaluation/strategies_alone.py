"""The same conversations without a generator, shown beside those with one: what the texts change."""

from dataclasses import replace

from evaluation.dialogue_benchmark import DialogueBenchmark
from evaluation.dialogue_console import exploit_text, pace_text
from evaluation.result import EvaluationResult

TITLE = "The same without texts: the seeker reacts to strategies alone (another signature, so not to be compared)"


def alone_text(alone: DialogueBenchmark) -> str:
    """The second table of a terminal."""
    return f"{TITLE}\n{alone.result.table()}\n{exploit_text(alone)}\n{pace_text(alone)}\n{alone.result.signature}"


def with_alone(result: EvaluationResult, alone: DialogueBenchmark) -> EvaluationResult:
    """A result with the scores of strategies alone in its details, under their own signature."""
    written = alone.result.to_json()
    kept = {key: written[key] for key in ("signature", "seconds", "systems")}
    return replace(result, details={**result.details, "strategies_alone": {**kept, "exploits": list(alone.exploits)}})
