"""What all commands of evaluate.py have in common: a seed, a JSON file, and how a result is shown."""

import dataclasses
from pathlib import Path
from typing import Literal

import numpy as np

from corpus.splits import Corpus
from evaluation.result import EvaluationResult

Split = Literal["train", "valid", "test", "all"]


@dataclasses.dataclass(frozen=True)
class EvaluationCommand:
    """Base of the commands."""

    json: Path | None = None
    """File for the results as JSON."""
    seed: int = 0
    """Seed of bootstrap, random plans and decoding (whole number)."""

    def report(self, result: EvaluationResult, *, closer: str = "") -> None:
        """Prints the table, then the closer look, and writes the JSON."""
        blocks = [result.table(), closer, f"{result.n} items, {result.seconds:.1f} s\n{result.signature}"]
        print("\n" + "\n\n".join(block for block in blocks if block))
        if self.json is not None:
            result.save(self.json)

    @property
    def rng(self) -> np.random.Generator:
        """The command's generator."""
        return np.random.default_rng(self.seed)


def data_name(corpus: Corpus, split: str) -> str:
    """What identifies the data in a signature: name and hash."""
    names = corpus.splits if split == "all" else [split]
    return f"{corpus.name}-" + "+".join(corpus.fingerprint(name)[:8] for name in names)
