"""train.py generator: supporter messages from histories and strategies."""

import dataclasses
from pathlib import Path
from typing import Annotated

import tyro

from cli.train.training import Training
from generator.config import GeneratorConfig


@dataclasses.dataclass(frozen=True)
class TrainGenerator(Training):
    """Train a generator: fine-tune a pretrained backbone, or train a tiny one from scratch."""

    config: Annotated[GeneratorConfig, tyro.conf.arg(name="")] = dataclasses.field(default_factory=GeneratorConfig)
    out: Path = Path("runs/generator")
    """Run folder. The same command resumes a killed run."""

    def start(self) -> None:
        """Trains, or says that the run is finished."""
        from generator.training import train_generator

        corpus, run = self.open("generator", self.config.resolved(), self.out)
        trained = train_generator(
            self.config,
            train=corpus.split("train"),
            valid=corpus.split("valid"),
            out=self.out,
            seed=self.seed,
            corpus=corpus.name,
        )
        if not run.leads:
            return  # the first of several processes reports
        if not run.finished:
            run.finish({"valid": {"ppl": trained.summary.best_perplexity, "step": trained.summary.best_step}})
        print(f"perplexity on valid: {trained.summary.best_perplexity:.2f} (step {trained.summary.best_step})")
        print(f"{self.out}: finished, {run.minutes:.1f} minutes")
