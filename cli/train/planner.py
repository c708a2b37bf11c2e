"""train.py planner: behaviour cloning, then PPO in the turn environment."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

import tyro

from cli.train.training import Training
from corpus.load import load_corpus
from planner.config import RENAMED, PlannerConfig, upgraded


@dataclasses.dataclass(frozen=True)
class TrainPlanner(Training):
    """Train a planner: behaviour cloning, then PPO in the turn environment."""

    NAME: ClassVar[str] = "planner"
    RENAMED: ClassVar[Mapping[str, str]] = RENAMED
    upgraded = staticmethod(upgraded)

    config: Annotated[PlannerConfig, tyro.conf.arg(name="")] = dataclasses.field(default_factory=PlannerConfig)
    out: Path = Path("runs/planner")
    """Run folder. The same command resumes a killed run."""

    def train(self) -> None:
        """Trains and prints the scores on valid."""
        corpus = load_corpus(self.data)
        train, valid = corpus.split("train"), corpus.split("valid")

        from planner.training import train_planner

        precision = "fp32" if self.config.fine_tuning.epochs is None else "fp32, encoders bf16"
        with self.run_folder(self.out, corpus, precision=precision) as run:
            if not run.finished:
                trained = train_planner(train, valid, config=self.config, out=self.out, seed=self.seed)
                scores = {
                    "cloned": trained.before,
                    "planner": trained.after,
                    "planner, without offsets": trained.without_offsets,
                }
                run.finish({"valid": scores})
            for name, scores in run.metrics()["valid"].items():
                # In the JSON, sampled plans keep the name that they had in earlier versions.
                shown = [f"{metric.replace('drawn_', 'sampled_')} {value:.2f}" for metric, value in scores.items()]
                print(f"{name}, valid: {', '.join(shown)}")
            print(f"{self.out}: finished, {run.minutes:.1f} minutes")
