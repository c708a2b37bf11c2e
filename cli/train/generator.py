"""train.py generator: supporter messages from histories and strategies."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

import tyro

from cli.train.training import Training
from corpus.load import load_corpus
from corpus.splits import Corpus
from generator.config import RENAMED, RETRIEVAL, GeneratorConfig, upgraded


@dataclasses.dataclass(frozen=True)
class TrainGenerator(Training):
    """Train a generator: fine-tune a backbone, train a tiny one from scratch, or index training messages."""

    NAME: ClassVar[str] = "generator"
    SHARED: ClassVar[bool] = True
    RENAMED: ClassVar[Mapping[str, str]] = RENAMED
    upgraded = staticmethod(upgraded)

    config: Annotated[GeneratorConfig, tyro.conf.arg(name="")] = dataclasses.field(default_factory=GeneratorConfig)
    out: Path = Path("runs/generator")
    """Run folder. The same command resumes a killed run."""

    def resolved(self) -> GeneratorConfig:
        """Settings of the backbone's kind where none are given, and this machine's precision."""
        return self.config.resolved()

    def train(self) -> None:
        """Trains and prints the perplexity on valid."""
        corpus = load_corpus(self.data)
        if self.config.backbone == RETRIEVAL:
            self._index(corpus)
            return
        train, valid = corpus.split("train"), corpus.split("valid")

        from generator.training import train_generator
        from language_models.adapters import Base

        config = self.resolved()
        built_on = {"base": Base.of(config.backbone).digest} if config.adapter.rank else {}
        with self.run_folder(self.out, corpus, precision=config.optimisation.precision, built_on=built_on) as run:
            if not run.finished:
                trained = train_generator(
                    config, train=train, valid=valid, out=self.out, seed=self.seed, corpus=corpus.name
                )
                run.finish({"valid": {"ppl": trained.summary.best_perplexity, "step": trained.summary.best_step}})
            if run.leads:  # the first of the processes reports
                scores = run.metrics()["valid"]
                print(f"perplexity on valid: {scores['ppl']:.2f} (step {scores['step']})")
                print(f"{self.out}: finished, {run.minutes:.1f} minutes")

    def _index(self, corpus: Corpus) -> None:
        """Builds the index of a retrieval generator and prints its size."""
        from generator.retrieval import build_index

        with self.run_folder(self.out, corpus) as run:
            if not run.finished:
                built = build_index(
                    self.resolved(), train=corpus.split("train"), out=self.out, seed=self.seed, corpus=corpus.name
                )
                run.finish({"train": {"messages": built.examples["train"]}})
            print(f"messages that can be found: {run.metrics()['train']['messages']:,}")
            print(f"{self.out}: finished, {run.minutes:.1f} minutes")
