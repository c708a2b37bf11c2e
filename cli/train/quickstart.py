"""train.py without a command: the whole pipeline on the bundled sample, with a report."""

import dataclasses
from pathlib import Path

import numpy as np

from cli.command_line import load_preset
from cli.run_folder import Run, resolved, seed_everything, versions
from cli.train.generator import TrainGenerator
from cli.train.planner import TrainPlanner
from corpus.load import load_corpus
from generator.config import GeneratorConfig
from planner.config import PlannerConfig


@dataclasses.dataclass(frozen=True)
class Quickstart:
    """Train planner and generator on the bundled sample, compare, and write a report (the default command)."""

    out: Path = Path("runs/quickstart")
    """Run folder; planner and generator become runs of their own in it."""
    seed: int = 0
    """Seed of everything random (whole number)."""

    def start(self) -> None:
        """The whole pipeline, in a few minutes."""
        print("Trains a planner and a generator on the bundled sample and compares them with baselines.", flush=True)
        from encoding.embedding_cache import EmbeddingCache, cache_folder
        from encoding.observation import Observer
        from encoding.sentence_encoder import SentenceEncoder
        from evaluation.report.demonstration import demonstrate, generator_curve, planner_curves, write_demonstration
        from generator.files import read_curve
        from generator.realizer import Realizer
        from planner.baselines.ladder import fit_ladder
        from planner.planner import StrategyPlanner
        from planner.training_log import read_curves

        seed_everything(self.seed)
        corpus = load_corpus(None)
        planner_config = load_preset("planner", "quickstart", PlannerConfig())
        generator_config = load_preset("generator", "quickstart", GeneratorConfig())
        settings = {"planner": resolved(planner_config), "generator": resolved(generator_config)}
        run = Run(self.out, command="quickstart", settings={"config": settings, "seed": self.seed}, corpus=corpus)
        report = self.out / "report.html"
        if run.finished:
            print(f"{self.out}: finished, {run.minutes:.1f} minutes. Report: {report}")
            return
        planner_run, generator_run = self.out / "planner", self.out / "generator"
        TrainPlanner(config=planner_config, out=planner_run, seed=self.seed).start()
        TrainGenerator(config=generator_config, out=generator_run, seed=self.seed).start()
        planner = StrategyPlanner.load(planner_run)
        demonstration = demonstrate(
            corpus,
            split="test",
            planner=planner,
            ladder=fit_ladder(
                corpus.split("train"),
                observer=Observer(EmbeddingCache(SentenceEncoder(), folder=cache_folder())),
                seed=self.seed,
            ),
            realizer=Realizer.load(generator_run),
            rng=np.random.default_rng(self.seed),
        )
        write_demonstration(
            report,
            demonstration,
            planner=planner.name,
            facts=[
                ("data", f"bundled sample, {len(corpus.split('all'))} dialogues"),
                ("scored on", f"test, {len(corpus.split('test'))} dialogues"),
                ("seed", str(self.seed)),
                ("minutes", f"{run.minutes:.1f}"),
                *versions().items(),
            ],
            curves=[*planner_curves(read_curves(planner_run)), generator_curve(read_curve(generator_run))],
        )
        run.finish(demonstration.metrics())
        print(demonstration.text())
        print(f"\n{run.minutes:.1f} minutes. Report: {report}")
