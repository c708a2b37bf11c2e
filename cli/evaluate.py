"""Measures corpora, planners, generators and any system's outputs; every command also writes JSON."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import tyro

from chat.study.session import read_study
from cli.command_line import run_command
from cli.evaluate_dialogue import EvaluateDialogue
from cli.evaluate_texts import CompareGenerators, EvaluateGenerator, EvaluateScore
from cli.evaluation_command import EvaluationCommand, Split, data_name
from cli.run_folder import versions
from corpus.analysis.quality import Thresholds
from corpus.dialogue import message_view, turn_view
from corpus.load import load_corpus
from encoding.embedding_cache import EmbeddingCache, cache_folder
from encoding.observation import Observer
from encoding.sentence_encoder import SentenceEncoder
from evaluation.corpus.quality import check_rows_path, filter_conversations, write_judgements
from evaluation.corpus.report import report_corpus
from evaluation.differences import REFERENCE
from evaluation.human import compare_humans
from evaluation.planner.console import message_text, turn_text
from evaluation.planner.messages import benchmark_messages
from evaluation.planner.rows import check_runs
from evaluation.planner.turns import benchmark_turns
from evaluation.report.page import ReportData, write_report
from evaluation.screening import benchmark_screening
from planner.baselines.ladder import fit_ladder
from planner.plan import Planner
from planner.planner import StrategyPlanner
from safety.screening import RULES, TEST_SET, screen


@dataclasses.dataclass(frozen=True)
class EvaluateCorpus(EvaluationCommand):
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
class EvaluatePlanner(EvaluationCommand):
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
    several_weight: float = 0.0
    """With --exact-weight: what a match counts in addition where the plan has several strategies (from 0)."""
    reference: str = REFERENCE
    """System that differences of the planners are measured to: a baseline, or the folder name of a --planner."""
    html: Path | None = None
    """File for a report page: tables, published figures, confusion, calibration, distribution over progress."""

    def start(self) -> None:
        """Loads or fits all planners and scores them."""
        corpus = load_corpus(self.data)
        dialogues = corpus.split(self.split)
        check_runs(self.planner)
        for name, weight in (("exact_weight", self.exact_weight), ("several_weight", self.several_weight)):
            if weight is not None and weight < 0:
                raise ValueError(f"{name}: got {weight}, expected 0 or more")
        if self.several_weight and self.exact_weight is None:
            raise ValueError("several_weight: expected --exact-weight too")
        trained = [StrategyPlanner.load(run) for run in self.planner]
        if (exact := self.exact_weight) is not None:
            trained = [planner.with_weights(exact=exact, several=self.several_weight) for planner in trained]
        planners: list[Planner] = []
        if self.ladder:
            observer = Observer(EmbeddingCache(SentenceEncoder(), folder=cache_folder()))
            planners = fit_ladder(corpus.split("train"), observer=observer, seed=self.seed)
        data = data_name(corpus, self.split)
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
class EvaluateFilter(EvaluationCommand):
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
class EvaluateHuman(EvaluationCommand):
    """Show how people compared two systems (studies of python -m chat --compare): Table 5 of the 2021 paper."""

    study: tuple[Path, ...] = dataclasses.field(kw_only=True)
    """Files of studies, one for each pair of systems."""

    def start(self) -> None:
        """Reads the studies and counts."""
        self.report(compare_humans([read_study(path) for path in self.study]))


@dataclasses.dataclass(frozen=True)
class EvaluateScreening(EvaluationCommand):
    """Measure the chat's crisis screening on the test set beside it."""

    def start(self) -> None:
        """Screens every line and prints what was found."""
        self.report(benchmark_screening(screen, test_set=TEST_SET, rules=RULES))


COMMANDS = {
    "corpus": EvaluateCorpus,
    "planner": EvaluatePlanner,
    "generator": EvaluateGenerator,
    "score": EvaluateScore,
    "compare": CompareGenerators,
    "dialogue": EvaluateDialogue,
    "filter": EvaluateFilter,
    "human": EvaluateHuman,
    "screening": EvaluateScreening,
}


def main(arguments: Sequence[str]) -> None:
    """Runs an evaluation command."""
    run_command(COMMANDS, arguments, program="evaluate.py", start=lambda command: command.start())
