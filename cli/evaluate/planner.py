"""evaluate.py planner: planners beside the baseline ladder, by message or by turn."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from cli.evaluate.command import ModelCommand, Split
from cli.machine import versions
from cli.run_folder import check_folders
from corpus.dialogue import message_view, turn_view
from corpus.files import write_whole
from corpus.load import load_corpus


@dataclasses.dataclass(frozen=True)
class EvaluatePlanner(ModelCommand):
    """Score planners beside the baseline ladder."""

    RENAMED: ClassVar[Mapping[str, str]] = {"several_weight": "multi_strategy_weight"}

    data: str | None = None
    """Corpus; the baselines learn from its training split. Without it, the bundled sample."""
    split: Split = "valid"
    """Part of the corpus that is scored."""
    protocol: Literal["message", "turn"] = "message"
    """message: the strategy of every supporter message; turn: the whole plan of every turn, from the history before."""
    planner: tuple[Path, ...] = ()
    """Run folders of trained planners; those with one folder name (seeds) become one row, their mean and spread."""
    ladder: bool = True
    """Fit and score the baselines and the oracle too."""
    exact_weight: float | None = None
    """Weight of an exact match beside the Levenshtein ratio where a plan is chosen (0 or more); default: the run's."""
    multi_strategy_weight: float = 0.0
    """With --exact-weight: additional weight of an exact match of two or more strategies (0 or more)."""
    reference: str = "tfidf"
    """System that planners are compared with in pairs: a baseline's name, or the folder name of a --planner."""
    html: Path | None = None
    """File for a report as an HTML page: tables, confusion, calibration, strategies over the conversation."""

    def evaluate(self) -> None:
        """Loads or fits all planners and scores them."""
        check_folders(*self.planner)
        corpus = load_corpus(self.data)
        dialogues = corpus.split(self.split)
        for name, weight in (
            ("exact_weight", self.exact_weight),
            ("multi_strategy_weight", self.multi_strategy_weight),
        ):
            if weight is not None and weight < 0:
                raise ValueError(f"{name}: got {weight}, expected 0 or more")
        if self.multi_strategy_weight and self.exact_weight is None:
            raise ValueError("multi_strategy_weight: has an effect only with --exact-weight, give both")

        from encoding.embedding_cache import EmbeddingCache, cache_folder
        from encoding.observation import Observer
        from encoding.sentence_encoder import SentenceEncoder
        from evaluation.planner.messages import benchmark_messages
        from evaluation.planner.setup import BenchmarkSetup, check_runs
        from evaluation.planner.tables import message_text, turn_text
        from evaluation.planner.turns import benchmark_turns
        from evaluation.report.system_report import ReportData, render_report
        from planner.baselines.ladder import fit_ladder
        from planner.plan import Planner
        from planner.planner import StrategyPlanner

        check_runs(self.planner)
        trained = [StrategyPlanner.load(run) for run in self.planner]
        if (exact := self.exact_weight) is not None:
            multi = self.multi_strategy_weight
            trained = [planner.with_weights(exact=exact, multi_strategy=multi) for planner in trained]
        ladder: list[Planner] = []
        if self.ladder:
            observer = Observer(EmbeddingCache(SentenceEncoder(), folder=cache_folder()))
            ladder = fit_ladder(corpus.split("train"), observer=observer, seed=self.seed)
        data = corpus.identity(self.split)
        setup = BenchmarkSetup(
            self.split,
            data,
            planners=tuple(ladder),
            oracle=self.ladder,
            trained=tuple(trained),
            reference=self.reference,
        )
        page = ReportData(
            title=f"Strategy planning: {corpus.name}, {self.split}",
            facts=(("data", data), ("seed", str(self.seed)), *versions().items()),
            own=tuple(dict.fromkeys(planner.name for planner in trained)) or (("embedding",) if self.ladder else ()),
        )
        if self.protocol == "message":
            messages = benchmark_messages(setup, message_view(dialogues), rng=self.rng)
            page, result, closer = dataclasses.replace(page, messages=messages), messages.result, message_text(messages)
        else:
            turns = benchmark_turns(setup, turn_view(dialogues), rng=self.rng)
            page, result, closer = dataclasses.replace(page, turns=turns), turns.result, turn_text(turns)
        self.report(result, table=result.table(self.columns), closer=closer)
        if self.split != "test":
            print(
                f"Note: figures on {self.split} are optimistic. Baselines and planners learned from train; "
                "epochs and the PPO checkpoint of planners were selected on valid."
            )
        if self.html is not None:
            write_whole(self.html, render_report(page))
