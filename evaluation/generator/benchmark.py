"""Benchmark of a generator under one plan source: realizes a plan for every item and scores the texts."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from tqdm import tqdm

from corpus.dialogue import Dialogue, Message, SupporterMessage, Turn, message_view, turn_view
from corpus.reasoning import Reasoning
from corpus.strategy import Strategy
from evaluation.generator.models import MetricModels
from evaluation.generator.responses import TAIL, GeneratedResponse, Loss, response_score, response_statistics
from evaluation.generator.system import NO_PLAN, TextSystem
from evaluation.items import dialogue_units
from evaluation.plan_source import CachedPlanner, ScoredItem, choose_plans, gold_plan, planned_reasoning
from evaluation.published import PublishedTable, published
from evaluation.result import EvaluationResult
from language_models.perplexity import TargetLosses
from metrics.response.response_data import ResponseData
from metrics.statistics.agreement import share
from metrics.text.scores import text_signature
from planner.plan import Planner
from safety.replies import ReplyScreener

# Signature fields that tell systems apart.
SYSTEM_FIELDS = ("plan", "planner", "reasoning", "history", "seeds", "prompt", "candidates", "chooser")
FULL_PRECISION = "fp32"  # the default, which signatures do not mention
CHUNK = 256  # items realized between two steps of the progress bar; the sampled texts depend on it

Realized = list[list[tuple[Strategy | None, str]]]


class TextGenerator(Protocol):
    """What a benchmark needs of a generator (``generator.turn_writer.TurnWriter`` has it)."""

    @property
    def variant(self) -> str:
        """``vanilla``, ``strategy``, ``all-in-one`` or ``one-by-one``."""
        ...

    @property
    def with_reasoning(self) -> bool:
        """Whether it was trained on histories that begin with reasoning, and may be given some."""
        ...

    @property
    def tokenizer_name(self) -> str:
        """What identifies the tokenizer in the signature: perplexities compare only under the same one."""
        ...

    @property
    def decoding(self) -> object:
        """Decoding configuration; its text identifies it in the signature."""
        ...

    @property
    def precision(self) -> str:
        """Arithmetic it computes in, which the signature names unless it is full."""
        ...

    def realize_all(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
        *,
        rng: np.random.Generator,
        reasoning: Sequence[Reasoning | None] | None = None,
    ) -> Realized:
        """Texts of every plan; a plan of ``None`` lets the generator choose."""
        ...


@runtime_checkable
class GivesLikelihoods(Protocol):
    """A generator that has perplexities (``generator.realizer.Realizer`` is one, a retrieval generator is none)."""

    def negative_log_likelihood(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy]],
        responses: Sequence[Sequence[str]],
        *,
        reasoning: Sequence[Reasoning | None] | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> TargetLosses:
        """Losses of every given response under its plan, those of strategy tokens apart.

        ``progress`` is called with the number of newly scored sequences: whole turns of ``all-in-one``, else messages.
        """
        ...


@dataclass(frozen=True)
class GeneratorBenchmark:
    """One generator under one plan source.

    Attributes:
        system: The generator and how it was asked.
        responses: Of all sampling runs, one run after the other. Length: runs times N.
        skipped: One line for each reason why metrics were left out.
        speed: Messages written per second.
    """

    result: EvaluationResult
    system: TextSystem
    responses: tuple[GeneratedResponse, ...]
    skipped: str = ""
    speed: float = 0.0

    @property
    def source(self) -> str:
        """Plan source."""
        return self.system.plan

    @property
    def published(self) -> tuple[PublishedTable, ...]:
        """What others report on texts."""
        return published("text")


def scored_messages(dialogues: Sequence[Dialogue]) -> list[SupporterMessage]:
    """The text protocol's items: supporter messages that are not the first message of their dialogue.

    Source: the 2021 authors' second code (``codes_zcj``), which scores 2,793 of the official test split's 2,895: the
    first message answers nothing.
    """
    return [item for item in message_view(dialogues) if item.index > 0]


def scored_turns(dialogues: Sequence[Dialogue]) -> list[Turn]:
    """The same rule for whole turns: those that begin their dialogue are left out."""
    return [turn for turn in turn_view(dialogues) if turn.start > 0]


def drawn(items: int, count: int | None) -> np.ndarray:
    """Places of so many of the items, always the same ones, in order; all of them for ``None``.

    Raises:
        ValueError: Fewer than one, or more than there are.
    """
    if count is None:
        return np.arange(items)
    if not 1 <= count <= items:
        raise ValueError(f"items: got {count}, expected 1 to {items}, as many as there are")
    return np.sort(np.random.default_rng(0).choice(items, size=count, replace=False))


def benchmark_generator(
    generator: TextGenerator,
    items: Sequence[SupporterMessage] | Sequence[Turn],
    *,
    system: TextSystem,
    split: str,
    data: str,
    rng: np.random.Generator,
    planner: Planner | None = None,
    models: MetricModels | None = None,
    screener: ReplyScreener | None = None,
    samples: int = 1000,
    losses: TargetLosses | None = None,
) -> GeneratorBenchmark:
    """Realizes a plan for every item and scores the texts.

    Perplexity is the generator's on the gold text under the gold plan, whatever the plan source: it describes the
    generator, not the plan (the 2021 authors' correction likewise gives one figure for Joint and Oracle). Where there
    are strategy tokens it is computed without them, as in all published figures, and with them.

    Args:
        items: Messages (:func:`scored_messages`; the reference is the message's text) or turns (:func:`scored_turns`;
            the reference is the turn's messages joined by a blank), whole dialogues of them.
        system: Its name, and how it is asked: plan source, reasoning, sampling runs, messages or turns, how many.
        data: What identifies the data in the signature, e.g. name and shortened fingerprint.
        rng: For plans, decoding and bootstrap.
        planner: For the plan source ``planner``, and for reasoning.
        models: What metrics need beside the texts; those that need what is not given are left out.
        screener: Counts the texts that a person would not be shown; all scores are those of the raw texts.
        losses: Of :func:`gold_losses`, where they are known already.

    Raises:
        ValueError: No items, items of another unit than the system's, a planner or reasoning that does not fit.
    """
    start = time.perf_counter()
    if not items:
        raise ValueError("nothing to evaluate: 0 responses")
    places = drawn(len(items), system.items).tolist()
    scored: list[ScoredItem] = [items[place] for place in places]
    if isinstance(scored[0], Turn) != (system.unit == "turn"):
        raise ValueError(f"expected {system.unit}s to score, got {type(scored[0]).__name__}")
    if system.reasoning and not generator.with_reasoning:
        raise ValueError(
            f"generator {system.generator} was trained without reasoning: --reasoning needs one that has seen some"
        )
    cached = CachedPlanner(planner) if planner is not None else None
    reasoning = planned_reasoning(scored, cached) if system.reasoning and cached is not None else None
    seed = int(rng.integers(2**63))  # of the bootstrap
    steps = len(scored) * system.seeds + (_sequences(generator, scored) if losses is None else 0)
    with tqdm(total=steps, desc=system.label, unit="response", disable=None) as bar:
        realized, writing = [], 0.0
        for sampling in rng.spawn(system.seeds):
            plans = _plans(scored, system.plan, rng=sampling, planner=cached)
            began = time.perf_counter()
            realized.append(_realize(generator, scored, plans, reasoning, rng=sampling, bar=bar))
            writing += time.perf_counter() - began
        texts_alone = with_strategies = _no_losses(scored)
        if losses is None and isinstance(generator, GivesLikelihoods):
            losses = gold_losses(generator, scored, reasoning=reasoning, progress=bar.update)
        if losses is not None:
            texts_alone = _losses(losses.nats, losses.tokens)
            if system.plan != NO_PLAN and losses.apart_tokens.any():
                with_strategies = _losses(losses.nats + losses.apart_nats, losses.tokens + losses.apart_tokens)
    units = dialogue_units(items)[places]
    references = [" ".join(gold_texts(item)) for item in scored]
    models = models or MetricModels()
    responses: list[GeneratedResponse] = []
    for number, pairs_of_items in enumerate(realized):
        given = _response_data(scored, pairs_of_items, references, dialogue=units)
        scores = models.scores(given)
        responses += [
            GeneratedResponse(
                dialogue=item.dialogue.number,
                history=tuple(item.history[-TAIL:]),
                strategies=tuple(strategy for strategy, _ in pairs),
                texts=tuple(text for _, text in pairs),
                gold_strategies=gold_plan(item),
                response=references[index],
                unit=int(units[index]),
                run=number,
                loss=texts_alone[index],
                loss_with_strategy=with_strategies[index],
                scores={metric: response_score(block[index]) for metric, block in scores.items()},
            )
            for index, (item, pairs) in enumerate(zip(scored, pairs_of_items, strict=True))
        ]
    estimated = response_statistics(responses, system=system).estimates(seed=seed, samples=samples)
    if screener is not None:
        unsafe = [one.unsafe for one in screener.screen_all([text for one in responses for text in one.texts])]
        estimated = {**estimated, "replaced_rate": share(sum(unsafe), len(unsafe))}
    signature = text_signature(
        samples=samples,
        vectors=models.vectors,
        bertscore=models.bertscore.name if models.bertscore is not None else None,
        **models.signature,
        data=data,
        split=split,
        items=f"{system.unit}s-not-first" + ("" if system.items is None else f"-{system.items}-drawn"),
        ppl="gold-text-under-gold-plan",
        tokenizer=generator.tokenizer_name,
        decoding=str(generator.decoding),
        **({"precision": generator.precision} if generator.precision != FULL_PRECISION else {}),
        plan=system.plan,
        **({"planner": system.planner} if system.planner else {}),
        **({"reasoning": "planner"} if system.reasoning else {}),
        **({"history": str(system.history)} if system.history is not None else {}),
        seeds=system.seeds,
        **({"prompt": system.prompt} if system.prompt else {}),
        **({"candidates": str(system.candidates)} if system.candidates is not None else {}),
        **({"chooser": system.chooser} if system.chooser is not None else {}),
    )
    result = EvaluationResult(
        command="generator",
        protocol="text",
        split=split,
        n=len(scored),
        signature=signature,
        seconds=round(time.perf_counter() - start, 2),
        systems={system.generator: estimated},
        details={"setting": {name: value for name, value in dataclasses.asdict(system).items() if value is not None}},
    )
    skipped = models.skipped(models.completed(given).known)
    messages = sum(len(pairs) for run in realized for pairs in run)
    return GeneratorBenchmark(result, system, tuple(responses), skipped, messages / writing)


def gold_losses(
    generator: GivesLikelihoods,
    items: Sequence[ScoredItem],
    *,
    reasoning: Sequence[Reasoning] | None = None,
    progress: Callable[[int], object] | None = None,
) -> TargetLosses:
    """Losses of the gold texts under their gold plans, the same for every plan source."""
    # All at once: the more sequences there are, the less padding do batches of about one length hold.
    return generator.negative_log_likelihood(
        [item.history for item in items],
        [gold_plan(item) for item in items],
        [gold_texts(item) for item in items],
        reasoning=reasoning,
        progress=progress,
    )


def shared_signature(benchmarks: Sequence[GeneratorBenchmark]) -> str:
    """The signature of benchmarks that may stand in one table: equal in everything but what tells systems apart.

    Raises:
        ValueError: Their signatures differ elsewhere.
    """

    def measured(signature: str) -> str:
        return "|".join(part for part in signature.split("|") if part.split(":", 1)[0] not in SYSTEM_FIELDS)

    shared = {measured(one.result.signature) for one in benchmarks}
    if len(shared) != 1:
        raise ValueError(f"not comparable, different signatures: {'; '.join(sorted(shared))}")
    return shared.pop()


def gold_texts(item: ScoredItem) -> list[str]:
    """The corpus's texts: one of a message, all of a turn."""
    return [message.text for message in item.messages] if isinstance(item, Turn) else [item.message.text]


def _plans(
    items: Sequence[ScoredItem], source: str, *, rng: np.random.Generator, planner: Planner | None
) -> Sequence[tuple[Strategy, ...] | None]:
    if source == NO_PLAN:
        return [None] * len(items)
    return choose_plans(items, source, rng=rng, planner=planner if source == "planner" else None)


def _realize(
    generator: TextGenerator,
    items: Sequence[ScoredItem],
    plans: Sequence[tuple[Strategy, ...] | None],
    reasoning: Sequence[Reasoning] | None,
    *,
    rng: np.random.Generator,
    bar: tqdm,
) -> Realized:
    """Texts of every item under its plan, with its reasoning where given, whole chunks at a time."""
    realized: Realized = []
    for first in range(0, len(items), CHUNK):
        part = slice(first, first + CHUNK)
        given = reasoning[part] if reasoning is not None else None
        histories = [item.history for item in items[part]]
        realized += generator.realize_all(histories, plans[part], rng=rng, reasoning=given)
        bar.update(len(histories))
    return realized


def _no_losses(items: Sequence[ScoredItem]) -> list[Loss | None]:
    return [None] * len(items)


def _losses(nats: np.ndarray, tokens: np.ndarray) -> list[Loss | None]:
    return [Loss(float(loss), int(count)) for loss, count in zip(nats, tokens, strict=True)]


def _sequences(generator: TextGenerator, items: Sequence[ScoredItem]) -> int:
    """How many sequences the gold texts are scored as: whole turns in ``all-in-one``, else single messages."""
    if not isinstance(generator, GivesLikelihoods):
        return 0
    return len(items) if generator.variant == "all-in-one" else sum(len(gold_texts(item)) for item in items)


def _response_data(
    items: Sequence[ScoredItem], realized: Realized, references: Sequence[str], *, dialogue: np.ndarray
) -> ResponseData:
    """What metrics may ask for of the texts of one sampling run."""
    plans = [[strategy for strategy, _ in pairs if strategy is not None] for pairs in realized]
    planned = all(len(plan) == len(pairs) for plan, pairs in zip(plans, realized, strict=True))
    return ResponseData(
        texts=[[text for _, text in pairs] for pairs in realized],
        references=references,
        dialogue=dialogue,
        histories=[item.history for item in items],
        strategies=plans if planned else None,
        gold_texts=[gold_texts(item) for item in items],
        gold_strategies=[gold_plan(item) for item in items],
    )
