"""train.py dialogue: PPO in whole dialogues with a simulated seeker, from a trained planner on."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import tyro

from cli.run_folder import check_folders, weights_digest
from cli.train.training import Training
from corpus.load import load_corpus
from planner.config import RENAMED, DialogueConfig, upgraded


@dataclasses.dataclass(frozen=True)
class TrainDialogue(Training):
    """Train a planner further, by PPO in dialogues with a simulated seeker; compare it with its start on valid.

    The defaults suit one-by-one planners; for all-in-one ones take --preset all-in-one.
    """

    NAME: ClassVar[str] = "dialogue"
    RENAMED: ClassVar[Mapping[str, str]] = RENAMED
    upgraded = staticmethod(upgraded)

    planner: Path = Path("runs/planner")
    """Run folder of the planner that training starts from and stays close to; its --mode stays."""
    seeker_run: Path | None = None
    """Run folder of a seeker (train.py seeker) of the same training split; None: one is fitted on successes only."""
    config: Annotated[DialogueConfig, tyro.conf.arg(name="")] = dataclasses.field(default_factory=DialogueConfig)
    seeds: int = 5
    """Conversations of each planner with each seeker of valid, where both are compared (1 or more)."""
    out: Path = Path("runs/dialogue")
    """Run folder; it can be used as any planner's. The same command resumes a killed run."""

    def train(self) -> None:
        """Trains, compares on valid, and prints both."""
        if self.seeds < 1:
            raise ValueError(f"seeds: got {self.seeds}, expected at least 1")
        check_folders(self.planner, self.seeker_run)
        corpus = load_corpus(self.data)

        from env.conversation import DialogueRules, seeker_profiles
        from evaluation.dialogue.before_after import (
            PlannerTrial,
            before_after_text,
            compare_before_after,
            training_text,
        )
        from evaluation.dialogue.recipe import SeekerChoice
        from planner.checkpoint import discard_checkpoints
        from planner.files import copy_fine_tuned
        from planner.ppo.dialogues import (
            CHECKPOINTS,
            FOLD_SEED,
            divide_seekers,
            load_start,
            read_fold_seed,
            train_in_dialogues,
        )

        fold_seed = read_fold_seed(self.planner, train=corpus.digest("train"))
        built_on = {
            "planner": weights_digest(self.planner),
            FOLD_SEED: fold_seed,
            "seeker": weights_digest(self.seeker_run) if self.seeker_run is not None else "fitted",
            "seeds": self.seeds,
        }
        with self.run_folder(self.out, corpus, built_on=built_on) as run:
            if not run.finished:
                start = load_start(self.planner)
                train, valid = corpus.split("train"), corpus.split("valid")
                if not seeker_profiles(valid):
                    raise ValueError(
                        "valid: no dialogue with an initial intensity, so there is no seeker to compare on"
                    )
                (seeker,) = SeekerChoice(run=self.seeker_run).open(train, runs=1, seed=self.seed)
                selection = self.config.selection
                rules = DialogueRules(max_turns=self.config.max_turns)
                learned, apart = divide_seekers(
                    seeker_profiles(train), held_out=selection.seekers, rng=np.random.default_rng(self.seed)
                )
                trial = PlannerTrial(apart, seeker, rules=rules, trials=selection.trials, seed=self.seed)
                copy_fine_tuned(self.planner, self.out)
                trained = train_in_dialogues(
                    start,
                    learned,
                    seeker,
                    trial=trial,
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
                    data=corpus.identity("train", "valid"),
                )
                run.finish({"training": trained.summary(), **compared})
                discard_checkpoints(self.out / CHECKPOINTS)
            metrics = run.metrics()
            print(training_text(metrics["training"]))
            print(before_after_text(metrics))
            print(f"{self.out}: finished, {run.minutes:.1f} minutes")
