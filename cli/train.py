"""Trains planners, generators, seekers. Without arguments: the whole pipeline on the bundled sample, with a report."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from cli.command_line import load_preset, run_command
from cli.evaluation_command import data_name
from cli.run_folder import Run, resolved, seed_everything, versions, weights_digest
from corpus.formats.detection import read_dialogues
from corpus.load import load_corpus
from corpus.splits import Corpus
from encoding.embedding_cache import EmbeddingCache, cache_folder
from encoding.observation import Observer
from encoding.sentence_encoder import SentenceEncoder
from env.conversation import seeker_profiles
from env.dialogue_task import DialogueRules
from env.seekers.retrieval.fit_quality import fit_quality, fit_quality_lines
from env.seekers.retrieval.fitting import SeekerConfig, dialogues_digest, divide_failed, fit_seeker
from evaluation.dialogue.before_after import PlannerTrial, before_after_text, compare_before_after, training_text
from evaluation.dialogue.seeker import SeekerChoice
from evaluation.report.demonstration import demonstrate, generator_curve, planner_curves, write_demonstration
from generator.config import GeneratorConfig
from generator.files import read_curve
from generator.realizer import Realizer
from generator.training import train_generator
from planner.baselines.ladder import fit_ladder
from planner.checkpoint import discard_checkpoints
from planner.config import DialogueConfig, PlannerConfig
from planner.planner import StrategyPlanner
from planner.ppo.dialogues import (
    CHECKPOINTS,
    FOLD_SEED,
    copy_readers,
    divide_seekers,
    load_start,
    read_fold_seed,
    train_in_dialogues,
)
from planner.training import train_planner
from planner.training_log import read_curves


@dataclasses.dataclass(frozen=True)
class _Training:
    """What all trainings are told beside their configuration."""

    data: str | None = None
    """Corpus: a file, a directory of split files, or thu-coai/esconv; without it the bundled sample."""
    seed: int = 0
    """Seed of everything random (whole number)."""
    preset: str | None = None
    """Named settings from configs; further options override them."""

    def open(self, command: str, config: Any, out: Path) -> tuple[Corpus, Run]:
        """Seeds, loads the data and opens the run folder."""
        seed_everything(self.seed)
        corpus = load_corpus(self.data)
        settings = {"config": resolved(config), "seed": self.seed}
        return corpus, Run(out, command=command, settings=settings, corpus=corpus)


@dataclasses.dataclass(frozen=True)
class TrainPlanner(_Training):
    """Train a planner: behaviour cloning, then PPO in the turn environment."""

    config: Annotated[PlannerConfig, tyro.conf.arg(name="")] = dataclasses.field(default_factory=PlannerConfig)
    out: Path = Path("runs/planner")
    """Run folder. The same command again goes on with it after a kill."""

    def start(self) -> None:
        """Trains, or says that it is done."""
        corpus, run = self.open("planner", self.config, self.out)
        if not run.finished:
            trained = train_planner(
                corpus.split("train"), corpus.split("valid"), config=self.config, out=self.out, seed=self.seed
            )
            scores = {
                "cloned": trained.before,
                "planner": trained.after,
                "planner, without offsets": trained.without_offsets,
            }
            run.finish({"valid": scores})
        for name, scores in run.metrics()["valid"].items():
            print(f"{name}, valid: " + ", ".join(f"{metric} {value:.2f}" for metric, value in scores.items()))
        print(f"{self.out}: finished, {run.minutes:.1f} minutes")


@dataclasses.dataclass(frozen=True)
class TrainGenerator(_Training):
    """Train a generator: fine-tune a pretrained backbone, or a tiny one from scratch."""

    config: Annotated[GeneratorConfig, tyro.conf.arg(name="")] = dataclasses.field(default_factory=GeneratorConfig)
    out: Path = Path("runs/generator")
    """Run folder. The same command again goes on with it after a kill."""

    def start(self) -> None:
        """Trains, or says that it is done."""
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


@dataclasses.dataclass(frozen=True)
class TrainSeeker(_Training):
    """Fit a simulated help-seeker: its ratings, its hidden intensity, when it gives up; and say how good the fit is."""

    config: Annotated[SeekerConfig, tyro.conf.arg(name="")] = dataclasses.field(default_factory=SeekerConfig)
    failed: str | None = None
    """File of failed conversations (FailedESConv.json); without it training dialogues with a small fall stand in."""
    out: Path = Path("runs/seeker")
    """Run folder."""

    def start(self) -> None:
        """Fits, scores on valid, prints the figures."""
        seed_everything(self.seed)
        corpus = load_corpus(self.data)
        failed = read_dialogues(Path(self.failed)) if self.failed else ()
        settings = {"config": resolved(self.config), "failed": dialogues_digest(failed), "seed": self.seed}
        run = Run(self.out, command="seeker", settings=settings, corpus=corpus)
        if not run.finished:
            rng = np.random.default_rng(self.seed)
            text_encoder = EmbeddingCache(SentenceEncoder(), folder=cache_folder())
            train = corpus.split("train")
            fitted, held_out = divide_failed(failed, share=self.config.failed_share, rng=rng)
            models = fit_seeker(train, fitted, text_encoder=text_encoder, config=self.config)
            models.save(self.out)
            figures = fit_quality(models, train, corpus.split("valid"), held_out, text_encoder=text_encoder, rng=rng)
            run.finish({"valid": {name: estimate.as_json() for name, estimate in figures.items()}})
        for line in fit_quality_lines(run.metrics()["valid"]):
            print(line)
        print(f"{self.out}: finished, {run.minutes:.1f} minutes")


@dataclasses.dataclass(frozen=True)
class TrainDialogue(_Training):
    """Train a planner further, by PPO in conversations with a simulated seeker; compare it with its start on valid.

    The defaults suit one-by-one planners; for all-in-one ones take --preset all-in-one.
    """

    planner: Path = Path("runs/planner")
    """Run folder of the planner to start from, and to stay near to; its mode says how PPO acts."""
    seeker_run: Path | None = None
    """Run folder of the simulated seeker (train.py seeker), fitted to the same training split; without it one is fitted
    for this run, without failed conversations."""
    config: Annotated[DialogueConfig, tyro.conf.arg(name="")] = dataclasses.field(default_factory=DialogueConfig)
    seeds: int = 5
    """How often both planners talk to each valid seeker when they are compared."""
    out: Path = Path("runs/dialogue")
    """Run folder, a planner's as any other. The same command again goes on with it after a kill."""

    def start(self) -> None:
        """Trains and compares, or says that it is done."""
        if self.seeds < 1:
            raise ValueError(f"seeds: got {self.seeds}, expected at least 1")
        corpus = load_corpus(self.data)
        fold_seed = read_fold_seed(self.planner, train=corpus.fingerprint("train"))
        settings = {
            "config": resolved(self.config),
            "planner": weights_digest(self.planner),
            FOLD_SEED: fold_seed,
            "seeker": weights_digest(self.seeker_run) if self.seeker_run is not None else "fitted",
            "seeds": self.seeds,
            "seed": self.seed,
        }
        run = Run(self.out, command="dialogue", settings=settings, corpus=corpus)
        if not run.finished:
            seed_everything(self.seed)
            start = load_start(self.planner)
            train, valid = corpus.split("train"), corpus.split("valid")
            if not seeker_profiles(valid):
                raise ValueError("valid: no dialogue whose seeker told the initial intensity, nobody to compare on")
            (seeker,) = SeekerChoice(run=self.seeker_run).open(train, runs=1, seed=self.seed)
            rules = DialogueRules(max_turns=self.config.max_turns)
            learned, apart = divide_seekers(
                seeker_profiles(train), kept_apart=self.config.kept_apart, rng=np.random.default_rng(self.seed)
            )
            judge = PlannerTrial(apart, seeker, rules=rules, trials=self.config.trials, seed=self.seed)
            copy_readers(self.planner, self.out)
            trained = train_in_dialogues(
                start,
                learned,
                seeker,
                judge=judge,
                train=train,
                fold_seed=fold_seed,
                config=self.config,
                out=self.out,
                seed=self.seed,
            )
            compared = compare_before_after(
                start,
                trained.planner,
                valid,
                seeker=seeker,
                rules=rules,
                seeds=self.seeds,
                seed=self.seed,
                split="valid",
                data=data_name(corpus, "train") + "+" + data_name(corpus, "valid").removeprefix(f"{corpus.name}-"),
            )
            run.finish({"training": trained.summary(), **compared})
            discard_checkpoints(self.out / CHECKPOINTS)
        metrics = run.metrics()
        print(training_text(metrics["training"]))
        print(before_after_text(metrics))
        print(f"{self.out}: finished, {run.minutes:.1f} minutes")


@dataclasses.dataclass(frozen=True)
class Quickstart:
    """Train planner and generator on the bundled sample, compare, and write a report (the default command)."""

    out: Path = Path("runs/quickstart")
    """Run folder; planner and generator become runs of their own in it."""
    seed: int = 0
    """Seed of everything random (whole number)."""

    def start(self) -> None:
        """The whole pipeline, in a few minutes."""
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


COMMANDS = {
    "planner": TrainPlanner,
    "generator": TrainGenerator,
    "seeker": TrainSeeker,
    "dialogue": TrainDialogue,
    "quickstart": Quickstart,
}


def main(arguments: Sequence[str]) -> None:
    """Runs a training command; without a command it is the quickstart."""
    given = list(arguments)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given = ["quickstart", *given]
    run_command(COMMANDS, given, program="train.py", start=lambda command: command.start())
