"""Scores a generator's texts under one plan source and keeps them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from tqdm import tqdm

from corpus.dialogue import Dialogue, Turn, Utterance, message_view, turn_view
from corpus.strategy import Strategy
from evaluation.generator.response_statistics import response_statistics
from evaluation.generator.responses import TAIL, GeneratedResponse
from evaluation.generator.setting import NO_PLAN, GeneratorSetting
from evaluation.generator.stored import setting_json
from evaluation.generator.writing import (
    Realized,
    RememberingPlanner,
    TextGenerator,
    gold_losses,
    gold_texts,
    planned_reasoning,
    realize_items,
    scored_sequences,
)
from evaluation.items import dialogue_units
from evaluation.plan_source import choose_plans, gold_plan
from evaluation.published import PublishedTable, published
from evaluation.result import EvaluationResult
from metrics.text.embedding_scores import WordVectors
from metrics.text.scores import embedding_scores, text_signature
from planner.plan import Planner

FREE = ("plan", "planner", "reasoning", "seeds")  # signature fields that tell systems apart, not how they are measured
FULL_PRECISION = "fp32"  # what is computed in unless otherwise asked, and what signatures do not mention


class ResponseScorer(Protocol):
    """A learned metric (``metrics.text.bertscore.BertScore`` is one)."""

    name: str

    def __call__(self, hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
        """Score of every response, percent. Shape: (N,)."""
        ...


@dataclass(frozen=True)
class GeneratorBenchmark:
    """One generator under one plan source.

    Attributes:
        result: Its scores, under its name.
        setting: How it was asked to write.
        responses: What it wrote, one sampling run after the other. Length: runs times N.
    """

    result: EvaluationResult
    setting: GeneratorSetting
    responses: tuple[GeneratedResponse, ...]

    @property
    def source(self) -> str:
        """Plan source."""
        return self.setting.plan

    @property
    def published(self) -> tuple[PublishedTable, ...]:
        """What others report on texts."""
        return published("text")


def scored_messages(dialogues: Sequence[Dialogue]) -> list[Utterance]:
    """The text protocol's items: supporter messages that are not the first message of their dialogue.

    Source: the 2021 authors' second code (``codes_zcj``), which scores 2,793 of the official test split's 2,895. Their
    reason is plain: the first message answers nothing.
    """
    return [utterance for utterance in message_view(list(dialogues)) if utterance.index > 0]


def scored_turns(dialogues: Sequence[Dialogue]) -> list[Turn]:
    """The same rule for whole turns: those that begin their dialogue are left out."""
    return [turn for turn in turn_view(list(dialogues)) if turn.start > 0]


def benchmark_generator(
    generator: TextGenerator,
    items: Sequence[Utterance] | Sequence[Turn],
    *,
    name: str,
    source: str,
    split: str,
    data: str,
    tokenizer: str,
    decoding: str,
    precision: str = FULL_PRECISION,
    rng: np.random.Generator,
    planner: Planner | None = None,
    reasoning: bool = False,
    seeds: int = 1,
    backbone: str = "unknown",
    fine_tuned: bool = True,
    vectors: WordVectors | None = None,
    bertscore: ResponseScorer | None = None,
    samples: int = 1000,
) -> GeneratorBenchmark:
    """Realizes a plan for every item and scores the texts.

    Perplexity is the generator's on the gold text under the gold plan, whatever the plan source: it describes the
    generator, not the plan (the 2021 authors' correction likewise gives one figure for Joint and Oracle). Where there
    are strategy tokens it is computed without them, as in all published figures, and with them.

    Args:
        generator: What writes.
        items: Messages (:func:`scored_messages`; the reference is the message's text) or turns (:func:`scored_turns`;
            the reference is the turn's messages joined by a blank), whole dialogues of them.
        name: System's name in the result.
        source: ``oracle``, ``joint``, ``random`` or ``planner``; of a generator without strategies ``none``.
        split: For the result.
        data: What identifies the data in the signature, e.g. name and shortened fingerprint.
        tokenizer: What identifies the tokenizer in the signature: perplexities compare only under the same one.
        decoding: What identifies the decoding settings in the signature, e.g. the preset's name.
        precision: Arithmetic the generator computes in, which the signature names unless it is full.
        rng: For plans, decoding and bootstrap.
        planner: For the source ``planner``, and for ``reasoning``.
        reasoning: Whether the planner's reasoning is given to the generator.
        seeds: How often texts (and random plans) are sampled; metrics are means over these runs, with their spread.
        backbone: What the generator was trained from, for tables.
        fine_tuned: Whether it was trained on dialogues at all.
        vectors: Word vectors for Extrema, Average and Greedy; without them these are left out.
        bertscore: BERTScore's model; without it BERTScore is left out.
        samples: Bootstrap resamples.

    Raises:
        ValueError: No items, or a plan source, unit or reasoning that does not fit generator or planner.
    """
    start = time.perf_counter()
    if not items:
        raise ValueError("nothing to evaluate: 0 responses")
    scored: list[Utterance | Turn] = list(items)
    setting = GeneratorSetting(
        generator=name,
        variant=generator.variant,
        backbone=backbone,
        fine_tuned=fine_tuned,
        unit="turn" if isinstance(scored[0], Turn) else "message",
        plan=source,
        planner=planner.name if planner is not None else "",
        reasoning=reasoning,
        seeds=seeds,
    )
    if reasoning and not generator.with_reasoning:
        raise ValueError(f"generator {name} was trained without reasoning: --reasoning needs one that has seen some")
    asked = RememberingPlanner(planner) if planner is not None else None
    concluded = planned_reasoning(scored, asked) if reasoning and asked is not None else None
    seed = int(rng.integers(2**63))  # of the bootstrap
    with_strategies = source != NO_PLAN
    steps = len(items) * seeds + scored_sequences(generator, scored) * (1 + with_strategies)
    with tqdm(total=steps, desc=setting.row, unit="response", disable=None) as bar:
        realized = []
        for sampling in rng.spawn(seeds):
            plans = _plans(scored, source, rng=sampling, planner=asked)
            realized.append(realize_items(generator, scored, plans, concluded, rng=sampling, bar=bar))
        losses = gold_losses(generator, scored, concluded, with_strategies=False, bar=bar)
        with_tokens = (
            gold_losses(generator, scored, concluded, with_strategies=True, bar=bar) if with_strategies else None
        )
    units = dialogue_units(items).tolist()
    references = [" ".join(gold_texts(item)) for item in scored]
    responses: list[GeneratedResponse] = []
    for number, pairs_of_items in enumerate(realized):
        scores = _response_scores(pairs_of_items, references, vectors=vectors, bertscore=bertscore)
        responses += [
            GeneratedResponse(
                dialogue=item.dialogue.number,
                history=tuple(item.history[-TAIL:]),
                strategies=tuple(strategy for strategy, _ in pairs),
                texts=tuple(text for _, text in pairs),
                gold_strategies=gold_plan(item),
                response=references[index],
                unit=units[index],
                run=number,
                loss=losses[index],
                loss_with_strategy=with_tokens[index] if with_tokens is not None else None,
                scores={metric: float(column[index]) for metric, column in scores.items()},
            )
            for index, (item, pairs) in enumerate(zip(scored, pairs_of_items, strict=True))
        ]
    estimated = response_statistics(responses, setting=setting).estimates(seed=seed, samples=samples)
    text = text_signature(
        samples=samples,
        vectors=vectors,
        bertscore=bertscore.name if bertscore is not None else None,
        data=data,
        split=split,
        items=f"{setting.unit}s-not-first",
        ppl="gold-text-under-gold-plan",
        tokenizer=tokenizer,
        decoding=decoding,
        **({"precision": precision} if precision != FULL_PRECISION else {}),
        plan=source,
        **({"planner": setting.planner} if setting.planner else {}),
        **({"reasoning": "planner"} if reasoning else {}),
        seeds=seeds,
    )
    seconds = round(time.perf_counter() - start, 2)
    details = {"setting": setting_json(setting)}
    result = EvaluationResult("generator", "text", split, len(items), text, seconds, {name: estimated}, details)
    return GeneratorBenchmark(result, setting, tuple(responses))


def comparable(benchmarks: Sequence[GeneratorBenchmark]) -> str:
    """The signature shared by benchmarks that may stand in one table: equal in everything but where plans come from.

    Raises:
        ValueError: Their signatures differ elsewhere.
    """

    def measured(text: str) -> str:
        return "|".join(part for part in text.split("|") if part.split(":", 1)[0] not in FREE)

    shared = {measured(one.result.signature) for one in benchmarks}
    if len(shared) != 1:
        raise ValueError(f"not comparable, different signatures: {'; '.join(sorted(shared))}")
    return shared.pop()


def _plans(
    items: Sequence[Utterance | Turn], source: str, *, rng: np.random.Generator, planner: Planner | None
) -> Sequence[tuple[Strategy, ...] | None]:
    if source == NO_PLAN:
        return [None] * len(items)
    return choose_plans(items, source, rng=rng, planner=planner if source == "planner" else None)


def _response_scores(
    realized: Realized,
    references: Sequence[str],
    *,
    vectors: WordVectors | None,
    bertscore: ResponseScorer | None,
) -> dict[str, np.ndarray]:
    texts = [" ".join(text for _, text in pairs) for pairs in realized]
    scores = embedding_scores(texts, references, vectors=vectors) if vectors is not None else {}
    return scores | ({"bertscore": bertscore(texts, references)} if bertscore is not None else {})
