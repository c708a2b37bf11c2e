"""Measures corpora, planners, generators and any system's outputs; every command also writes JSON."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro

from chat.crisis_screening import RULES, TEST_SET, screen
from chat.study_session import read_study
from command_line import run_command
from corpus.dialogue import message_view, turn_view
from corpus.load import load_corpus
from corpus.quality import Thresholds
from corpus.splits import Corpus
from encoding.embedding_cache import CachedEncoder
from encoding.observation import Observer
from encoding.text_encoder import SentenceEncoder
from evaluation.corpus_report import report_corpus
from evaluation.differences import REFERENCE
from evaluation.generated import write_generated
from evaluation.generator_benchmark import benchmark_generator, scored_messages, scored_turns
from evaluation.human_comparison import compare_humans
from evaluation.message_benchmark import benchmark_messages
from evaluation.planner_console import message_text, turn_text
from evaluation.planner_rows import check_runs
from evaluation.quality_filter import check_rows_path, filter_conversations, write_judgements
from evaluation.report import ReportData, write_report
from evaluation.result import EvaluationResult
from evaluation.score import score_files
from evaluation.screening_benchmark import benchmark_screening
from evaluation.turn_benchmark import benchmark_turns
from generator.realizer import Realizer
from metrics.word_vectors import WordVectors
from planner.ladder import fit_ladder
from planner.plan import Planner
from planner.strategy_planner import StrategyPlanner
from runs import versions

Split = Literal["train", "valid", "test", "all"]


@dataclasses.dataclass(frozen=True)
class _Common:
    json: Path | None = None
    """File for the results as JSON."""
    seed: int = 0
    """Seed of bootstrap, random plans and decoding (whole number)."""

    def report(self, result: EvaluationResult, *, closer: str = "") -> None:
        """Prints the table, then the closer look, and writes the JSON."""
        blocks = [result.table(), closer, f"{result.n} items, {result.seconds:.1f} s\n{result.signature}"]
        print("\n" + "\n\n".join(block for block in blocks if block))
        if self.json is not None:
            result.save(self.json)

    @property
    def rng(self) -> np.random.Generator:
        """The command's generator."""
        return np.random.default_rng(self.seed)


@dataclasses.dataclass(frozen=True)
class EvaluateCorpus(_Common):
    """Analyse a corpus as the 2021 paper does: sizes, problems, turns, transitions, phrases, progress, ratings."""

    data: str | None = None
    """Corpus: a file, a directory of split files, or thu-coai/esconv; without it the bundled sample."""
    split: Split = "all"
    """Part of the corpus."""
    html: Path | None = None
    """File for a page with all tables and the figure."""
    figure: Path | None = None
    """File (.png) for the figure of strategies over the conversation."""

    def start(self) -> None:
        """Counts and prints."""
        report = report_corpus(load_corpus(self.data), split=self.split)
        self.report(report.result, closer=report.text())
        if self.html is not None:
            report.save_html(self.html)
        if self.figure is not None:
            report.save_figure(self.figure)


@dataclasses.dataclass(frozen=True)
class EvaluatePlanner(_Common):
    """Score planners beside the baseline ladder."""

    data: str | None = None
    """Corpus; the ladder is fitted on its training split."""
    split: Split = "valid"
    """Part of the corpus that is scored."""
    protocol: Literal["message", "turn"] = "message"
    """message: the strategy of every supporter message; turn: the plan of every turn, free-running."""
    planner: tuple[Path, ...] = ()
    """Run folders of trained planners; runs (seeds) of one folder name are averaged into one row, with their spread."""
    ladder: bool = True
    """Whether the baselines are fitted and scored too."""
    exact_weight: float | None = None
    """What an exact match counts beside the Levenshtein ratio in choosing plans (from 0), instead of the runs' own."""
    reference: str = REFERENCE
    """System that differences of the planners are measured to: a baseline, or the folder name of a --planner."""
    html: Path | None = None
    """File for a report page: tables, published figures, confusion, calibration, distribution over progress."""

    def start(self) -> None:
        """Loads or fits all planners and scores them."""
        corpus = load_corpus(self.data)
        dialogues = corpus.split(self.split)
        check_runs(self.planner)
        if self.exact_weight is not None and self.exact_weight < 0:
            raise ValueError(f"exact_weight: got {self.exact_weight}, expected 0 or more")
        trained = [StrategyPlanner.load(run) for run in self.planner]
        if self.exact_weight is not None:
            trained = [planner.with_exact_weight(self.exact_weight) for planner in trained]
        planners: list[Planner] = []
        if self.ladder:
            observer = Observer(CachedEncoder(SentenceEncoder()))
            planners = fit_ladder(corpus.split("train"), observer=observer, seed=self.seed)
        data = _data(corpus, self.split)
        page = ReportData(
            title=f"Strategy planning: {corpus.name}, {self.split}",
            facts=(("data", data), ("seed", str(self.seed)), *versions().items()),
            own=tuple(dict.fromkeys(planner.name for planner in trained)) or (("embedding",) if self.ladder else ()),
        )
        if self.protocol == "message":
            utterances = message_view(list(dialogues))
            messages = benchmark_messages(
                planners,
                utterances,
                split=self.split,
                data=data,
                rng=self.rng,
                trained=trained,
                reference=self.reference,
            )
            page, result, closer = dataclasses.replace(page, messages=messages), messages.result, message_text(messages)
        else:
            items = turn_view(list(dialogues))
            turns = benchmark_turns(
                planners, items, split=self.split, data=data, rng=self.rng, trained=trained, reference=self.reference
            )
            page, result, closer = dataclasses.replace(page, turns=turns), turns.result, turn_text(turns)
        self.report(result, closer=closer)
        if self.split != "test":
            print(
                f"Mind: on {self.split} these figures are optimistic. The ladder and the planners learned from train; "
                "planners chose epochs and the PPO checkpoint on valid."
            )
        if self.html is not None:
            write_report(self.html, page)


@dataclasses.dataclass(frozen=True)
class EvaluateGenerator(_Common):
    """Score a generator's texts under one source of plans."""

    generator: Path = dataclasses.field(kw_only=True)
    """Run folder of a trained generator."""
    data: str | None = None
    """Corpus: a file, a directory of split files, or thu-coai/esconv; without it the bundled sample."""
    split: Split = "valid"
    """Part of the corpus that is scored."""
    plan: Literal["oracle", "joint", "random", "planner"] = "oracle"
    """Where plans come from: the corpus, the generator itself, ESConv's distribution, or --planner."""
    planner: Path | None = None
    """Run folder of the planner for --plan planner."""
    unit: Literal["message", "turn"] | None = None
    """What is written and compared; by default whole turns for an all-in-one generator, else single messages."""
    vectors: Path | None = None
    """Word vectors in GloVe's text format, for Extrema, Average and Greedy."""
    generated: Path | None = None
    """File for the texts as JSON lines, beside history, plan and gold response."""

    def start(self) -> None:
        """Generates, scores and keeps the texts."""
        corpus = load_corpus(self.data)
        dialogues = corpus.split(self.split)
        realizer = Realizer.load(self.generator)
        unit = self.unit or ("turn" if realizer.variant == "all-in-one" else "message")
        benchmark = benchmark_generator(
            realizer,
            scored_turns(dialogues) if unit == "turn" else scored_messages(dialogues),
            name=self.generator.resolve().name,
            source=self.plan,
            split=self.split,
            data=_data(corpus, self.split),
            tokenizer=realizer.tokenizer_name,
            decoding=str(realizer.decoding),
            rng=self.rng,
            planner=StrategyPlanner.load(self.planner) if self.planner is not None else None,
            vectors=WordVectors.read(self.vectors) if self.vectors is not None else None,
        )
        if self.generated is not None:
            write_generated(self.generated, benchmark.responses)
        self.report(benchmark.result)


@dataclasses.dataclass(frozen=True)
class EvaluateScore(_Common):
    """Score any system's outputs, given as two text files with one response a line."""

    hypotheses: Path = dataclasses.field(kw_only=True)
    """Generated responses, one a line."""
    references: Path = dataclasses.field(kw_only=True)
    """Gold responses, one a line, in the same order."""
    vectors: Path | None = None
    """Word vectors in GloVe's text format, for Extrema, Average and Greedy."""

    def start(self) -> None:
        """Reads both files and scores them."""
        vectors = WordVectors.read(self.vectors) if self.vectors is not None else None
        self.report(score_files(self.hypotheses, self.references, rng=self.rng, vectors=vectors))


@dataclasses.dataclass(frozen=True)
class EvaluateFilter(_Common):
    """Approve or reject conversations by the 2021 paper's rules, with reasons; search thresholds by human labels."""

    data: Path = dataclasses.field(kw_only=True)
    """File of conversations, in any of the formats."""
    thresholds: Annotated[Thresholds, tyro.conf.arg(name="")] = dataclasses.field(default_factory=Thresholds)
    labels: Path | None = None
    """CSV file of human labels, columns dialogue (number in the file) and label (approved or rejected)."""
    out: Path | None = None
    """File for one row per conversation, .csv or .jsonl."""

    def start(self) -> None:
        """Judges and counts."""
        if self.out is not None:
            check_rows_path(self.out)
        filtered = filter_conversations(self.data, thresholds=self.thresholds, labels=self.labels, rng=self.rng)
        if self.out is not None:
            write_judgements(self.out, filtered.judgements)
        self.report(filtered.result, closer=filtered.text)


@dataclasses.dataclass(frozen=True)
class EvaluateHuman(_Common):
    """Show what people said of two systems in studies made by chat.py --web --compare: Table 5 of the 2021 paper."""

    study: tuple[Path, ...] = dataclasses.field(kw_only=True)
    """Files of studies, one for each pair of systems."""

    def start(self) -> None:
        """Reads the studies and counts."""
        self.report(compare_humans([read_study(path) for path in self.study]))


@dataclasses.dataclass(frozen=True)
class EvaluateScreening(_Common):
    """Measure the chat's crisis screening on the test set beside it."""

    def start(self) -> None:
        """Screens every line and prints what was found."""
        self.report(benchmark_screening(screen, test_set=TEST_SET, rules=RULES))


def _data(corpus: Corpus, split: str) -> str:
    """What identifies the data in a signature: name and hash."""
    names = corpus.splits if split == "all" else [split]
    return f"{corpus.name}-" + "+".join(corpus.fingerprint(name)[:8] for name in names)


COMMANDS = {
    "corpus": EvaluateCorpus,
    "planner": EvaluatePlanner,
    "generator": EvaluateGenerator,
    "score": EvaluateScore,
    "filter": EvaluateFilter,
    "human": EvaluateHuman,
    "screening": EvaluateScreening,
}

if __name__ == "__main__":
    run_command(COMMANDS, sys.argv[1:], program="evaluate.py", start=lambda command: command.start())
