"""The base of all evaluation commands: seed, JSON file, how a result is shown, metrics that need models."""

import abc
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from cli.machine import choose_device

if TYPE_CHECKING:
    from evaluation.report.tables import Table
    from evaluation.result import EvaluationResult
    from metrics.text.bertscore import BertScore
    from metrics.text.embedding_scores import WordVectors

Split = Literal["train", "valid", "test", "all"]


@dataclasses.dataclass(frozen=True)
class EvaluationCommand(abc.ABC):
    """Base of the commands."""

    json: Path | None = None
    """File for the results as JSON."""
    seed: int = 0
    """Seed of everything random: bootstrap, random plans, sampled texts (whole number from 0)."""

    def start(self) -> None:
        """Evaluates."""
        self.evaluate()

    @abc.abstractmethod
    def evaluate(self) -> None:
        """Measures, prints, and writes the files that are asked for."""

    def report(self, result: "EvaluationResult", *, table: "Table | None" = None, closer: str = "") -> None:
        """Prints the table (by default the result's own), then the closer look, and writes the JSON."""
        from evaluation.report.tables import to_text

        main = to_text(result.table() if table is None else table, below=True)
        blocks = [main, closer, f"{result.n} items, {result.seconds:.1f} s\n{result.signature}"]
        print("\n" + "\n\n".join(block for block in blocks if block))
        if self.json is not None:
            result.save(self.json)

    @property
    def rng(self) -> np.random.Generator:
        """The command's generator."""
        return np.random.default_rng(self.seed)


@dataclasses.dataclass(frozen=True)
class ModelCommand(EvaluationCommand):
    """Base of the commands in which models compute; their main table shows metrics."""

    device: str = "auto"
    """Where models compute: auto (a GPU where there is one), cpu, cuda, or cuda:NUMBER."""
    columns: tuple[str, ...] = ()
    """Metrics of the main table by their names in the JSON, e.g. --columns emr lr; by default the protocol's usual."""

    def start(self) -> None:
        """Checks the columns and chooses the device, then as every command."""
        if self.columns:
            from evaluation.metric_columns import METRIC_NAMES

            if unknown := [name for name in self.columns if name not in METRIC_NAMES]:
                raise ValueError(f"columns: unknown metric {unknown[0]!r}, expected some of {', '.join(METRIC_NAMES)}")
        choose_device(self.device)
        super().start()


@dataclasses.dataclass(frozen=True)
class TextCommand(ModelCommand):
    """Base of the commands that score texts."""

    vectors: Path | None = None
    """File of word vectors in GloVe's text format; without it, Extrema, Average and Greedy are left out."""
    bertscore: str | None = None
    """Model for BERTScore (hub id or folder; needs pip install bert-score); without it, the metric is left out."""

    def read_vectors(self) -> "WordVectors | None":
        """The vectors, where given."""
        from metrics.text.embedding_scores import WordVectors

        return WordVectors.read(self.vectors) if self.vectors is not None else None

    def read_bertscore(self) -> "BertScore | None":
        """The model, where given."""
        from metrics.text.bertscore import BertScore

        return BertScore(self.bertscore) if self.bertscore is not None else None

    @property
    def skipped(self) -> str:
        """Which metrics are left out, and why."""
        from evaluation.generator.score import skipped_text

        return skipped_text(vectors=self.vectors is not None, bertscore=self.bertscore is not None)
