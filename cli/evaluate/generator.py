"""evaluate.py generator: texts under one source of plans."""

import dataclasses
from pathlib import Path
from typing import Literal

from cli.evaluate.command import Split, TextCommand, data_name
from cli.run_folder import check_folders
from corpus.load import load_corpus


@dataclasses.dataclass(frozen=True)
class EvaluateGenerator(TextCommand):
    """Score a generator's texts under one source of plans, and store them for evaluate.py compare."""

    generator: str = dataclasses.field(kw_only=True)
    """Run folder of a trained generator, or a backbone as it is: blenderbot, dialogpt, a hub id, a weights folder."""
    data: str | None = None
    """Corpus: a file, a directory of split files, or thu-coai/esconv; without it the bundled sample."""
    split: Split = "valid"
    """Part of the corpus that is scored."""
    plan: Literal["oracle", "joint", "random", "planner"] | None = None
    """Where plans come from: the corpus (oracle), the generator itself (joint), ESConv's distribution, or --planner."""
    planner: Path | None = None
    """Run folder of the planner for --plan planner, and for --reasoning."""
    reasoning: bool = False
    """Give the planner's reasoning as prefix of the history; the generator must have been trained with reasoning."""
    unit: Literal["message", "turn"] | None = None
    """What is written and compared; by default whole turns for all-in-one and one-by-one, else single messages."""
    seeds: int = 1
    """How often texts are sampled; metrics are the mean over these runs, with their spread."""
    batch_size: int = 64
    """Responses computed side by side; fewer need less memory."""
    precision: Literal["auto", "bf16", "fp32"] = "fp32"
    """Arithmetic; auto is bf16 where the hardware has it. Scores in bf16 are not comparable with scores in fp32."""
    like: Path | None = None
    """For a backbone as it is: run folder whose lengths and decoding it takes, so that both can be compared."""
    out: Path | None = None
    """Folder in which evaluations/NAME is stored; by default the generator's run folder."""

    def evaluate(self) -> None:
        """Generates, scores and stores the texts."""
        check_folders(self.planner, self.like)
        corpus = load_corpus(self.data)
        dialogues = corpus.split(self.split)

        from evaluation.generator.benchmark import benchmark_generator, scored_messages, scored_turns
        from evaluation.generator.stored import store_evaluation
        from evaluation.generator.system import load_generator
        from planner.planner import StrategyPlanner

        loaded = load_generator(
            self.generator, out=self.out, like=self.like, batch_size=self.batch_size, precision=self.precision
        )
        planner = StrategyPlanner.load(self.planner) if self.planner is not None else None
        system = loaded.system(
            plan=self.plan,
            unit=self.unit,
            planner=planner.name if planner is not None else "",
            reasoning=self.reasoning,
            seeds=self.seeds,
        )
        benchmark = benchmark_generator(
            loaded.realizer,
            scored_turns(dialogues) if system.unit == "turn" else scored_messages(dialogues),
            system=system,
            split=self.split,
            data=data_name(corpus, self.split),
            rng=self.rng,
            planner=planner,
            vectors=self.read_vectors(),
            bertscore=self.read_bertscore(),
        )
        folder = store_evaluation(loaded.folder, benchmark.result, system, benchmark.responses)
        self.report(benchmark.result, closer=f"{system.label}\n{self.skipped}stored in {folder}")
