"""The commands of evaluate.py about texts: score a generator, score anybody's outputs, compare systems."""

import dataclasses
from pathlib import Path
from typing import Literal

import tyro

from cli.evaluation_command import EvaluationCommand, Split, data_name
from corpus.load import load_corpus
from evaluation.generator.benchmark import benchmark_generator, scored_messages, scored_turns
from evaluation.generator.comparison_report import compare_runs
from evaluation.generator.score import score_files, score_outputs, skipped_text
from evaluation.generator.setting import default_unit, open_generator, plan_source
from evaluation.generator.stored import store_evaluation
from metrics.text.bertscore import BertScore
from metrics.text.embedding_scores import WordVectors
from planner.planner import StrategyPlanner


@dataclasses.dataclass(frozen=True)
class TextCommand(EvaluationCommand):
    """Base of the commands that score texts."""

    vectors: Path | None = None
    """Word vectors in GloVe's text format, for Extrema, Average and Greedy."""
    bertscore: str | None = None
    """Model of BERTScore: a hub id or a folder (needs pip install bert-score)."""

    def read_vectors(self) -> WordVectors | None:
        """The vectors, where given."""
        return WordVectors.read(self.vectors) if self.vectors is not None else None

    def read_bertscore(self) -> BertScore | None:
        """The model, where given."""
        return BertScore(self.bertscore) if self.bertscore is not None else None

    @property
    def skipped(self) -> str:
        """Which metrics are left out, and why."""
        return skipped_text(vectors=self.vectors is not None, bertscore=self.bertscore is not None)


@dataclasses.dataclass(frozen=True)
class EvaluateGenerator(TextCommand):
    """Score a generator's texts under one source of plans, and keep them for evaluate.py compare."""

    generator: str = dataclasses.field(kw_only=True)
    """Run folder of a trained generator, or a backbone as it is: blenderbot, dialogpt, a hub id, a weights folder."""
    data: str | None = None
    """Corpus: a file, a directory of split files, or thu-coai/esconv; without it the bundled sample."""
    split: Split = "valid"
    """Part of the corpus that is scored."""
    plan: Literal["oracle", "joint", "random", "planner"] | None = None
    """Where plans come from: the corpus (oracle, the default), the generator itself (joint: strategies, and by turns
    how many), ESConv's distribution (random), or --planner. A vanilla generator follows none."""
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
    """Arithmetic: bf16, fp32, or auto (bf16 where the hardware multiplies it natively). What is not fp32 stands in
    the signature, and compares only with its like."""
    like: Path | None = None
    """For a backbone as it is: run folder whose lengths and decoding it takes, so that both can be compared."""
    out: Path | None = None
    """Folder in which evaluations/NAME is kept; by default the generator's run folder."""

    def start(self) -> None:
        """Generates, scores and keeps the texts."""
        opened = open_generator(
            self.generator, out=self.out, like=self.like, batch_size=self.batch_size, precision=self.precision
        )
        realizer = opened.realizer
        source = plan_source(realizer.variant, self.plan)
        corpus = load_corpus(self.data)
        dialogues = corpus.split(self.split)
        unit = self.unit or default_unit(realizer.variant)
        benchmark = benchmark_generator(
            realizer,
            scored_turns(dialogues) if unit == "turn" else scored_messages(dialogues),
            name=opened.name,
            source=source,
            split=self.split,
            data=data_name(corpus, self.split),
            tokenizer=realizer.tokenizer_name,
            decoding=str(realizer.decoding),
            precision=realizer.precision,
            rng=self.rng,
            planner=StrategyPlanner.load(self.planner) if self.planner is not None else None,
            reasoning=self.reasoning,
            seeds=self.seeds,
            backbone=opened.backbone,
            fine_tuned=opened.fine_tuned,
            vectors=self.read_vectors(),
            bertscore=self.read_bertscore(),
        )
        kept = store_evaluation(opened.folder, benchmark.result, benchmark.setting, benchmark.responses)
        self.report(benchmark.result, closer=f"{benchmark.setting.row}\n{self.skipped}kept in {kept}")


@dataclasses.dataclass(frozen=True)
class EvaluateScore(TextCommand):
    """Score any system's outputs: two text files with one response a line, or one file of JSON lines."""

    hypotheses: Path | None = None
    """Generated responses, one a line."""
    references: Path | None = None
    """Gold responses, one a line, in the same order."""
    outputs: Path | None = None
    """Instead of both: JSON lines with generation and response, and possibly dialogue, the unit of the bootstrap."""

    def start(self) -> None:
        """Reads and scores."""
        if (self.outputs is None) == (self.hypotheses is None) or (self.hypotheses is None) != (
            self.references is None
        ):
            raise ValueError("expected either --outputs FILE, or --hypotheses FILE and --references FILE")
        vectors, bertscore = self.read_vectors(), self.read_bertscore()
        if self.outputs is not None:
            result = score_outputs(self.outputs, rng=self.rng, vectors=vectors, bertscore=bertscore)
        elif self.hypotheses is not None and self.references is not None:
            result = score_files(self.hypotheses, self.references, rng=self.rng, vectors=vectors, bertscore=bertscore)
        self.report(result, closer=self.skipped.rstrip())


@dataclasses.dataclass(frozen=True)
class CompareGenerators(EvaluationCommand):
    """Put kept evaluations beside each other and the published figures; mark what differs by more than chance."""

    runs: tyro.conf.Positional[tuple[Path, ...]] = dataclasses.field(kw_only=True)
    """Run folders with evaluations, or single folders RUN/evaluations/NAME."""
    reference: str | None = None
    """Row that the others are compared with; by default the fine-tuned Vanilla, else the first that writes freely."""
    split: Split | None = None
    """Only evaluations of this part of the corpus."""
    html: Path | None = None
    """File for a page with the tables."""
    latex: Path | None = None
    """File for LaTeX tables (booktabs)."""
    text: Path | None = None
    """File for what is printed."""

    def start(self) -> None:
        """Reads, compares, shows and writes."""
        report = compare_runs(self.runs, reference=self.reference, split=self.split, seed=self.seed)
        print(f"\n{report.text()}")
        if self.json is not None:
            report.result.save(self.json)
        if self.html is not None:
            report.save_html(self.html)
        if self.latex is not None:
            report.save_latex(self.latex)
        if self.text is not None:
            report.save_text(self.text)
