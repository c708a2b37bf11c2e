"""The base of all evaluation commands: seed, JSON file, how a result is shown, metrics that need models."""

import abc
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from cli.machine import choose_device
from corpus.load import load_corpus

if TYPE_CHECKING:
    from evaluation.generator.models import MetricModels
    from evaluation.report.tables import Table
    from evaluation.result import EvaluationResult

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

    encoder: str = "all-MiniLM-L6-v2"
    """Sentence encoder for similarity and retrieval rank: a folder, a hub id; none leaves both out."""
    tagger: Path | None = None
    """Run folder of train.py tagger, whose scoring tagger measures strategy adherence; without it, that is left out."""
    train_data: str | None = None
    """Corpus whose train split the texts' author has read: how much of it they repeat; without it, that is left out."""

    def read_models(self) -> "MetricModels":
        """All that is given for metrics that need more than texts."""
        train = load_corpus(self.train_data).split("train") if self.train_data is not None else ()

        from encoding.embedding_cache import EmbeddingCache, cache_folder
        from encoding.sentence_encoder import SentenceEncoder
        from encoding.tagger import StrategyTaggers
        from evaluation.generator.models import MetricModels
        from metrics.response.memorised import TrainingTexts
        from metrics.text.bertscore import BertScore
        from metrics.text.embedding_scores import WordVectors

        folder = cache_folder()
        encoder = EmbeddingCache(SentenceEncoder(self.encoder), folder=folder) if self.encoder != "none" else None
        tagger = None
        if self.tagger is not None:
            own = EmbeddingCache(SentenceEncoder(), folder=folder)
            if encoder is not None and encoder.fingerprint == own.fingerprint:
                own = encoder  # one model in memory
            tagger = StrategyTaggers.load(self.tagger, text_encoder=own).scoring
        return MetricModels(
            vectors=WordVectors.read(self.vectors) if self.vectors is not None else None,
            bertscore=BertScore(self.bertscore) if self.bertscore is not None else None,
            encoder=encoder,
            encoder_name=Path(self.encoder).name,
            tagger=tagger,
            training=TrainingTexts.of([one.text for dialogue in train for one in dialogue.messages]) if train else None,
        )
