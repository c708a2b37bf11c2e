"""Scores a generator's texts under one plan source and keeps them."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from tqdm import tqdm

from corpus.dialogue import Dialogue, Message, Turn, Utterance, message_view, turn_view
from corpus.strategy import Strategy
from evaluation.generated import TAIL, GeneratedResponse
from evaluation.items import dialogue_units
from evaluation.plan_source import choose_plans, gold_plan
from evaluation.published import PublishedTable, published
from evaluation.result import EvaluationResult
from metrics.perplexity import score_perplexity
from metrics.text_scores import score_text, text_signature
from metrics.word_vectors import WordVectors
from planner.plan import Planner

CHUNK = 256  # items realized between two steps of the progress bar; the generator makes its own batches within


class TextGenerator(Protocol):
    """What this benchmark needs of a generator (``generator.realizer.Realizer`` has it)."""

    def realize_all(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
        *,
        rng: np.random.Generator,
    ) -> list[list[tuple[Strategy | None, str]]]:
        """Texts of every plan; a plan of ``None`` lets the generator choose."""
        ...

    def negative_log_likelihood(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy]],
        responses: Sequence[Sequence[str]],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Summed negative log-likelihood (nats) and tokens of every given response under its plan; (N,) each."""
        ...


@dataclass(frozen=True)
class GeneratorBenchmark:
    """One generator under one plan source.

    Attributes:
        result: Its scores, under its name.
        source: Plan source.
        responses: What it wrote. Length N.
    """

    result: EvaluationResult
    source: str
    responses: tuple[GeneratedResponse, ...]

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
    rng: np.random.Generator,
    planner: Planner | None = None,
    vectors: WordVectors | None = None,
    samples: int = 1000,
) -> GeneratorBenchmark:
    """Realizes a plan for every item and scores the texts.

    Perplexity is the generator's on the gold text under the gold plan, whatever the plan source: it describes the
    generator, not the plan (the 2021 authors' correction likewise gives one figure for Joint and Oracle).

    Args:
        generator: What writes.
        items: Messages (:func:`scored_messages`; the reference is the message's text) or turns (:func:`scored_turns`;
            the reference is the turn's messages joined by a blank), whole dialogues of them.
        name: System's name in the result.
        source: ``oracle``, ``joint``, ``random`` or ``planner``.
        split: For the result.
        data: What identifies the data in the signature, e.g. name and shortened fingerprint.
        tokenizer: What identifies the tokenizer in the signature: perplexities compare only under the same one.
        decoding: What identifies the decoding settings in the signature, e.g. the preset's name.
        rng: For plans, decoding and bootstrap.
        planner: For the source ``planner``.
        vectors: Word vectors for Extrema, Average and Greedy; without them these are left out.
        samples: Bootstrap resamples.

    Raises:
        ValueError: No items, or a plan source that does not fit.
    """
    start = time.perf_counter()
    if not items:
        raise ValueError("nothing to evaluate: 0 responses")
    scored: list[Utterance | Turn] = list(items)
    histories = [item.history for item in items]
    plans = choose_plans(scored, source, rng=rng, planner=planner)
    realized: list[list[tuple[Strategy | None, str]]] = []
    losses, tokens = [], []
    with tqdm(total=2 * len(items), desc=f"{name}, plan {source}", unit="response", disable=None) as bar:
        for first in range(0, len(items), CHUNK):
            part = slice(first, first + CHUNK)
            realized += generator.realize_all(histories[part], plans[part], rng=rng)
            bar.update(len(histories[part]))
        for first in range(0, len(items), CHUNK):
            part = slice(first, first + CHUNK)
            gold = [gold_plan(item) for item in scored[part]]
            loss, count = generator.negative_log_likelihood(
                histories[part], gold, [_texts(one) for one in scored[part]]
            )
            losses.append(loss)
            tokens.append(count)
            bar.update(len(histories[part]))
    responses = tuple(
        GeneratedResponse(
            dialogue=item.dialogue.number,
            history=tuple(item.history[-TAIL:]),
            strategies=tuple(strategy for strategy, _ in pairs),
            generation=" ".join(text for _, text in pairs),
            gold_strategies=gold_plan(item),
            response=" ".join(_texts(item)),
        )
        for item, pairs in zip(scored, realized, strict=True)
    )
    units = dialogue_units(items)
    scores = {
        **score_perplexity(np.concatenate(losses), np.concatenate(tokens), units, rng=rng, samples=samples),
        **score_text(
            [one.generation for one in responses],
            [one.response for one in responses],
            units,
            rng=rng,
            samples=samples,
            vectors=vectors,
        ),
    }
    text = text_signature(
        samples=samples,
        vectors=vectors,
        data=data,
        split=split,
        items=("turns" if isinstance(items[0], Turn) else "messages") + "-not-first",
        ppl="gold-text-under-gold-plan",
        tokenizer=tokenizer,
        decoding=decoding,
        plan=source,
    )
    seconds = round(time.perf_counter() - start, 2)
    result = EvaluationResult("generator", "text", split, len(items), text, seconds, {name: scores})
    return GeneratorBenchmark(result, source, responses)


def comparable(benchmarks: Sequence[GeneratorBenchmark]) -> str:
    """The signature shared by benchmarks that may stand in one table: equal in everything but the plan source.

    Raises:
        ValueError: Their signatures differ elsewhere.
    """

    def without_plan(text: str) -> str:
        return "|".join(field for field in text.split("|") if not field.startswith("plan:"))

    shared = {without_plan(one.result.signature) for one in benchmarks}
    if len(shared) != 1:
        raise ValueError(f"not comparable, different signatures: {'; '.join(sorted(shared))}")
    return shared.pop()


def _texts(item: Utterance | Turn) -> list[str]:
    return [message.text for message in item.messages] if isinstance(item, Turn) else [item.message.text]
