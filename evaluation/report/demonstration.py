"""The quickstart's second half: a trained planner and generator beside the baselines, on a terminal and as a report."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from corpus.dialogue import Turn, message_view, turn_view
from corpus.splits import Corpus
from evaluation.generator.benchmark import (
    GeneratorBenchmark,
    benchmark_generator,
    gold_losses,
    scored_messages,
    scored_turns,
    shared_signature,
)
from evaluation.generator.system import TextSystem
from evaluation.plan_source import PLAN_SOURCES
from evaluation.planner.messages import MessageBenchmark, benchmark_messages
from evaluation.planner.setup import BenchmarkSetup
from evaluation.planner.turns import TurnBenchmark, benchmark_turns
from evaluation.report.figures import LearningCurve, Series
from evaluation.report.system_report import ReportData, SampleTurn, render_report
from evaluation.report.tables import to_text
from evaluation.result import EvaluationResult
from generator.realizer import Realizer
from language_models.training_record import CurvePoint
from planner.plan import Planner
from planner.planner import StrategyPlanner

_SAMPLES = 3
_TEXTS = 3  # scored texts of every dialogue, its first: long histories take a pretrained model seconds on two cores


@dataclasses.dataclass(frozen=True)
class Demonstration:
    """What the quickstart shows: planner and baselines by message and by turn, texts by plan source, a few turns."""

    messages: MessageBenchmark
    turns: TurnBenchmark
    texts: tuple[GeneratorBenchmark, ...]
    samples: tuple[SampleTurn, ...]

    def metrics(self) -> dict[str, Any]:
        """All results, for ``metrics.json``."""
        results = {"message": self.messages.result, "turn": self.turns.result, "text": generator_by_source(self.texts)}
        return {protocol: result.to_json() for protocol, result in results.items()}

    def text(self) -> str:
        """Everything as plain text for a terminal."""
        generator = generator_by_source(self.texts)
        parts = [
            "Strategy of the next message (message protocol)",
            to_text(self.messages.result.table(), below=True),
            "Strategies of the next turn (turn protocol)",
            to_text(self.turns.result.table(), below=True),
            f"Generated text by plan source (the first {_TEXTS} messages of every dialogue)",
            to_text(generator.table(), below=True),
            "Sample turns",
            *(_sample_text(sample) for sample in self.samples),
        ]
        return "\n\n".join(parts)

    def html(self, *, planner: str, facts: Sequence[tuple[str, str]], curves: Sequence[LearningCurve]) -> str:
        """Everything as a page."""
        return render_report(
            ReportData(
                title="Emotional support: planner and generator",
                summary="A strategy planner and a response generator trained by two commands, beside baselines.",
                facts=tuple(facts),
                own=(planner,),
                messages=self.messages,
                turns=self.turns,
                texts=self.texts,
                curves=tuple(curves),
                samples=self.samples,
            )
        )


def demonstrate(
    corpus: Corpus,
    *,
    split: str,
    planner: StrategyPlanner,
    ladder: Sequence[Planner],
    realizer: Realizer,
    backbone: str,
    rng: np.random.Generator,
) -> Demonstration:
    """Scores planner and ladder on one split, the generator on its first messages, and makes sample turns.

    Args:
        ladder: Baselines fitted on the same training split.
        backbone: Name of the one that the generator was trained from.
        rng: For bootstrap, plans and decoding.
    """
    dialogues = corpus.split(split)
    data = corpus.identity(split)
    setup = BenchmarkSetup(split, data, planners=tuple(ladder), oracle=True, trained=(planner,))
    messages = benchmark_messages(setup, message_view(dialogues), rng=rng)
    turns = benchmark_turns(setup, turn_view(dialogues), rng=rng)
    items = [item for dialogue in dialogues for item in scored_messages([dialogue])[:_TEXTS]]
    losses = gold_losses(realizer, items)
    texts = tuple(
        benchmark_generator(
            realizer,
            items,
            system=TextSystem(
                generator="generator",
                variant=realizer.variant,
                backbone=backbone,
                fine_tuned=True,
                unit="message",
                plan=source,
                planner=planner.name if source == "planner" else "",
            ),
            split=split,
            data=data,
            rng=rng,
            planner=planner if source == "planner" else None,
            losses=losses,
        )
        for source in PLAN_SOURCES
    )
    answers = scored_turns(dialogues)
    chosen = [answers[index] for index in rng.choice(len(answers), size=min(_SAMPLES, len(answers)), replace=False)]
    return Demonstration(messages, turns, texts, sample_turns(chosen, planner, realizer, rng=rng))


def generator_by_source(benchmarks: Sequence[GeneratorBenchmark]) -> EvaluationResult:
    """One generator's results under all plan sources as one table, a system per source.

    Raises:
        ValueError: Their signatures differ in more than the plan source.
    """
    signature = shared_signature(benchmarks)
    systems = {one.source: scores for one in benchmarks for scores in one.result.systems.values()}
    seconds = sum(one.result.seconds for one in benchmarks)
    return dataclasses.replace(benchmarks[0].result, signature=signature, seconds=seconds, systems=systems)


def sample_turns(
    turns: Sequence[Turn], planner: Planner, realizer: Realizer, *, rng: np.random.Generator
) -> tuple[SampleTurn, ...]:
    """Plans and realizes some turns."""
    histories = [turn.history for turn in turns]
    plans = planner.plans(histories)
    realized = realizer.realize_all(histories, [plan.strategies for plan in plans], rng=rng)
    return tuple(
        SampleTurn(turn.dialogue.number, turn.history, turn.messages, plan, tuple(pairs))
        for turn, plan, pairs in zip(turns, plans, realized, strict=True)
    )


def planner_curves(curves: Mapping[str, Mapping[int, float]]) -> tuple[LearningCurve, ...]:
    """Panels of a planner's training: cloning loss, then PPO's validation LR and training return."""

    def series(key: str, name: str) -> Series:
        steps = sorted(curves[key])
        return Series(name, tuple(steps), tuple(curves[key][step] for step in steps))

    panels = [
        LearningCurve(
            "Planner: behaviour cloning",
            "epoch",
            "loss per decision, nats",
            (series("cloning/train_loss", "train"), series("cloning/valid_loss", "valid")),
        )
    ]
    if "ppo/valid_lr" in curves:
        panels.append(
            LearningCurve("Planner: PPO", "environment steps", "LR on valid, %", (series("ppo/valid_lr", "valid LR"),))
        )
    return tuple(panels)


def generator_curve(points: Sequence[CurvePoint]) -> LearningCurve:
    """Panel of a generator's training: perplexity of the validation texts."""
    validated = [(point.step, point.valid_perplexity) for point in points if point.valid_perplexity is not None]
    steps, values = zip(*validated, strict=True)
    return LearningCurve("Generator", "optimizer steps", "PPL on valid", (Series("valid", steps, values),))


def _sample_text(sample: SampleTurn) -> str:
    lines = [f"dialogue {sample.dialogue}"]
    lines += [f"  {message.role.value}: {message.text}" for message in sample.history[-2:]]
    lines.append(f"  plan: {sample.plan}")
    lines += [
        f"  -> [{strategy.label if strategy is not None else 'free'}] {text}" for strategy, text in sample.realized
    ]
    return "\n".join(lines)
