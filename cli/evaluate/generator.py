"""evaluate.py generator: texts under one source of plans."""

import dataclasses
from pathlib import Path
from typing import Literal

from cli.evaluate.command import Split, TextCommand
from cli.run_folder import check_folders
from corpus.load import load_corpus


@dataclasses.dataclass(frozen=True)
class EvaluateGenerator(TextCommand):
    """Score a generator's texts under one source of plans, and store them for evaluate.py compare."""

    generator: str = dataclasses.field(kw_only=True)
    """Run folder of a generator, or a backbone without fine-tuning: smollm2, dialogpt, a hub id, or its folder."""
    prompted: Literal["zero-shot", "few-shot"] | None = None
    """Tell a chat model without fine-tuning each strategy and what it means; few-shot: with three examples of train."""
    candidates: int = 1
    """Samples of every message, of which the best is taken; more than 1 need --tagger, whose other tagger chooses."""
    data: str | None = None
    """Corpus: a file, a directory of split files, or thu-coai/esconv; without it, the bundled sample."""
    split: Split = "valid"
    """Part of the corpus that is scored."""
    plan: Literal["oracle", "joint", "random", "planner"] | None = None
    """Source of plans: annotation (oracle, the default), the generator (joint), ESConv's shares (random), --planner."""
    planner: Path | None = None
    """Run folder of a planner, for --plan planner and for --reasoning."""
    reasoning: bool = False
    """Put the planner's reasoning before the history; the generator must be trained with --reasoning-share."""
    unit: Literal["message", "turn"] | None = None
    """What is written and scored; by default turns for variants all-in-one and one-by-one, else messages."""
    history_messages: int | None = None
    """Longest history (messages) that the generator reads; by default as in its training."""
    items: int | None = None
    """Number of messages or turns that are scored, always the same ones of a split; by default all."""
    seeds: int = 1
    """Times that all texts are sampled; metrics are means over them, with their standard deviation."""
    batch_size: int = 64
    """Responses computed together; fewer need less memory."""
    precision: Literal["auto", "bf16", "fp32"] = "fp32"
    """Arithmetic; auto is bf16 where the hardware has it. Scores in bf16 and in fp32 are not compared."""
    like: Path | None = None
    """For a backbone without fine-tuning: run folder whose lengths and decoding it uses, to compare both."""
    out: Path | None = None
    """Folder that gets evaluations/NAME; by default the generator's run folder."""

    def evaluate(self) -> None:
        """Generates, scores and stores the texts."""
        check_folders(self.planner, self.like, self.tagger)
        if self.candidates < 1:
            raise ValueError(f"candidates: got {self.candidates}, expected at least 1")
        if self.candidates > 1 and self.tagger is None:
            raise ValueError("--candidates needs --tagger RUN, which chooses among them: train.py tagger makes one")
        corpus = load_corpus(self.data)
        dialogues = corpus.split(self.split)

        from evaluation.generator.benchmark import benchmark_generator, scored_messages, scored_turns
        from evaluation.generator.stored import store_evaluation
        from evaluation.generator.system import Prompting, load_generator
        from generator.choosing import SampleChooser
        from planner.planner import StrategyPlanner
        from safety.care import default_care

        prompting = chooser = None
        if self.prompted is not None:
            prompting = Prompting.of(self.prompted, corpus.split("train"), rng=self.rng)
        if self.tagger is not None and self.candidates > 1:
            chooser = SampleChooser.load(self.tagger, candidates=self.candidates)
        loaded = load_generator(
            self.generator,
            out=self.out,
            like=self.like,
            batch_size=self.batch_size,
            precision=self.precision,
            history_messages=self.history_messages,
            prompting=prompting,
            chooser=chooser,
        )
        planner = StrategyPlanner.load(self.planner) if self.planner is not None else None
        system = loaded.system(
            plan=self.plan,
            unit=self.unit,
            planner=planner.name if planner is not None else "",
            reasoning=self.reasoning,
            seeds=self.seeds,
            items=self.items,
        )
        models = self.read_models()
        benchmark = benchmark_generator(
            loaded.realizer,
            scored_turns(dialogues) if system.unit == "turn" else scored_messages(dialogues),
            system=system,
            split=self.split,
            data=corpus.identity(self.split),
            rng=self.rng,
            planner=planner,
            models=models,
            screener=default_care().replies,
        )
        speed = f"{system.label}, written at {benchmark.speed:.1f} messages/s"
        folder = store_evaluation(loaded.folder, benchmark.result, system, benchmark.responses)
        self.report(
            benchmark.result,
            table=benchmark.result.table(self.columns),
            closer=f"{speed}\n{benchmark.skipped}stored in {folder}",
        )
