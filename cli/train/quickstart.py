"""train.py without a command: the whole pipeline on the bundled sample, with a report."""

import dataclasses
import json
from pathlib import Path

import numpy as np

from cli.configuration import load_preset, plain, toml_text
from cli.machine import choose_device, seed_everything, versions
from cli.run_folder import CONFIG, RunFolder
from cli.train.generator import TrainGenerator
from cli.train.planner import TrainPlanner
from corpus.files import write_whole
from corpus.load import load_corpus
from generator.config import GeneratorConfig
from planner.config import PlannerConfig

_PRESETS = ("quickstart", "quickstart-tiny")


@dataclasses.dataclass(frozen=True)
class Quickstart:
    """Train planner and generator on the bundled sample, compare, and write a report (the default command)."""

    out: Path = Path("runs/quickstart")
    """Run folder; planner and generator get run folders of their own in it."""
    seed: int = 0
    """Seed of everything random (whole number from 0)."""
    device: str = "auto"
    """Where models compute: auto (a GPU where there is one), cpu, cuda, or cuda:NUMBER."""
    print_config: bool = False
    """Print the settings of both trainings as TOML and exit."""

    def start(self) -> None:
        """Trains both, compares them with the baselines, and writes the report."""
        choose_device(self.device)
        wanted, tiny = (load_preset("generator", name, GeneratorConfig()) for name in _PRESETS)
        if self.print_config:
            trainings = self._trainings(wanted)
            print(toml_text({training.NAME: plain(training.resolved()) for training in trainings}), end="")
            return
        _say(
            "This trains a planner and a generator on the bundled sample and compares them with baselines: "
            "about three minutes on two cores.\n"
            f"[0/3] Loading the libraries and {wanted.backbone}, opening {self.out}"
        )
        seed_everything(self.seed)
        trainings = self._trainings(self._generator(wanted, tiny))
        with RunFolder(
            self.out,
            command="quickstart",
            settings={"config": {one.NAME: plain(one.resolved()) for one in trainings}, "seed": self.seed},
            corpus=load_corpus(None),
            upgraded=lambda values: {one.NAME: one.completed(values[one.NAME]) for one in trainings},
        ) as run:
            report = self.out / "report.html"
            if run.finished:
                print(f"{self.out}: finished, {run.minutes:.1f} minutes. Report: {report}")
                return
            for step, training in enumerate(trainings, start=1):
                _say(f"[{step}/3] Training the {training.NAME}")
                training.train()
            _say("[3/3] Comparing them with the baselines on test, and writing texts")
            self._report(run, report, trainings[1].resolved())

    def _generator(self, wanted: GeneratorConfig, tiny: GeneratorConfig) -> GeneratorConfig:
        """The settings that this run began with; at first those wanted, or the tiny ones where no weights are had."""
        if _begun_with(self.out) == tiny.backbone:
            return tiny
        from language_models.backbone import PACKAGED, locate

        if wanted.backbone in PACKAGED:
            try:
                locate(wanted.backbone)
            except ValueError as error:
                _say(f"There is no {wanted.backbone}, so a tiny model is trained, whose texts are poor: {error}")
                return tiny
        return wanted

    def _trainings(self, generator: GeneratorConfig) -> tuple[TrainPlanner, TrainGenerator]:
        """The two trainings, each in a folder of its own."""
        planner = load_preset("planner", "quickstart", PlannerConfig())
        return (
            TrainPlanner(config=planner, out=self.out / "planner", seed=self.seed),
            TrainGenerator(config=generator, out=self.out / "generator", seed=self.seed),
        )

    def _report(self, run: RunFolder, report: Path, generator: GeneratorConfig) -> None:
        """Scores both trained systems and the baselines on test, writes the report and finishes the run."""
        from encoding.embedding_cache import EmbeddingCache, cache_folder
        from encoding.observation import Observer
        from encoding.sentence_encoder import SentenceEncoder
        from evaluation.report.demonstration import demonstrate, generator_curve, planner_curves
        from generator.files import read_curve
        from generator.realizer import Realizer
        from planner.baselines.ladder import fit_ladder
        from planner.planner import StrategyPlanner
        from planner.training_log import read_curves

        corpus = load_corpus(None)
        planner = StrategyPlanner.load(self.out / "planner")
        observer = Observer(EmbeddingCache(SentenceEncoder(), folder=cache_folder()))
        demonstration = demonstrate(
            corpus,
            split="test",
            planner=planner,
            ladder=fit_ladder(corpus.split("train"), observer=observer, seed=self.seed),
            realizer=Realizer.load(self.out / "generator", precision=generator.optimisation.precision),
            backbone=generator.backbone,
            rng=np.random.default_rng(self.seed),
        )
        page = demonstration.html(
            planner=planner.name,
            facts=[
                ("data", f"bundled sample, {len(corpus.split('all'))} dialogues"),
                ("scored on", f"test, {len(corpus.split('test'))} dialogues"),
                ("generator", generator.backbone),
                ("seed", str(self.seed)),
                ("minutes", f"{run.minutes:.1f}"),
                *versions().items(),
            ],
            curves=[
                *planner_curves(read_curves(self.out / "planner")),
                generator_curve(read_curve(self.out / "generator")),
            ],
        )
        write_whole(report, page)
        run.finish(demonstration.metrics())
        print(demonstration.text())
        print(f"\n{run.minutes:.1f} minutes. Report: {report}")


def _begun_with(out: Path) -> str | None:
    """The backbone of the run that a folder holds, finished or not."""
    try:
        return json.loads((out / CONFIG).read_text(encoding="utf-8"))["config"]["generator"]["backbone"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # none, or one that opening the folder complains about


def _say(text: str) -> None:
    print(text, flush=True)
