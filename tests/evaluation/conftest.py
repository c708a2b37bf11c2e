"""Small dialogues, planners and a generator whose every number can be computed by hand."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role, SupporterMessage, Turn, message_view, turn_view
from corpus.reasoning import Reasoning
from corpus.strategy import Strategy
from evaluation.generator.benchmark import GeneratorBenchmark, benchmark_generator, scored_messages, scored_turns
from evaluation.generator.stored import store_evaluation
from evaluation.generator.system import TextSystem
from language_models.perplexity import TargetLosses
from planner.plan import Plan, Planner

Q, RE, AF, SU = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


def seeker(text: str) -> Message:
    return Message(Role.SEEKER, text)


def supporter(text: str, strategy: Strategy) -> Message:
    return Message(Role.SUPPORTER, text, strategy)


# Five supporter messages, four turns, one of them with two messages; the first dialogue's supporter opens.
DIALOGUES = (
    Dialogue(
        1,
        (
            supporter("Hello, what brings you here?", Q),  # 0 of 6
            seeker("My shop is failing."),
            supporter("So the shop does badly.", RE),  # 2 of 6
            supporter("You did all you could.", AF),  # 3 of 6
            seeker("Maybe."),
            seeker("I am tired."),
        ),
    ),
    Dialogue(
        1,  # the same number as the first: two files, each counting from 1
        (
            seeker("I cannot sleep."),
            supporter("How long has it been?", Q),  # 1 of 4
            seeker("A month."),
            supporter("Try to keep regular hours.", SU),  # 3 of 4
        ),
    ),
)


class TablePlanner:
    """Says the same plan every time, or what a function of the plan that really followed in ``DIALOGUES`` gives."""

    def __init__(self, name: str, choose: Callable[[tuple[Strategy, ...]], tuple[Strategy, ...]]) -> None:
        self.name = name
        self.choose = choose
        self._followed = {turn.history: turn.plan for turn in turn_view(DIALOGUES)}
        self._next = {item.history: (item.strategy,) for item in message_view(DIALOGUES)}

    def plans(self, histories: Sequence[Sequence[Message]]) -> list[Plan]:
        chosen = [self.choose(self._followed.get(tuple(history), (Q,))) for history in histories]
        return [Plan(plan, np.eye(8)[[int(one) for one in plan]].reshape(-1, 8), "table") for plan in chosen]

    def strategy_probabilities(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        return np.eye(8)[[int(self.choose(self._next.get(tuple(history), (Q,)))[0]) for history in histories]]


class EchoGenerator:
    """Writes the strategy's name; two nats a token and five tokens for every gold message.

    A strategy token costs eight nats. Without strategies (``vanilla``) it says "yes" and looks at no plan.
    """

    tokenizer_name = "words"
    decoding = "greedy"
    precision = "fp32"

    def __init__(self, variant: str = "strategy", *, with_reasoning: bool = False) -> None:
        self.variant = variant
        self.with_reasoning = with_reasoning
        self.scored_plans: list[tuple[Strategy, ...]] = []
        self.reasoning: list[Reasoning | None] = []
        self.scorings = 0  # how often likelihoods were asked for

    def realize_all(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
        *,
        rng: np.random.Generator,
        reasoning: Sequence[Reasoning | None] | None = None,
    ) -> list[list[tuple[Strategy | None, str]]]:
        assert len(histories) == len(plans)
        self.reasoning += reasoning or []
        if self.variant == "vanilla":
            assert not any(plans)
            return [[(None, "yes")] for _ in plans]
        return [[(one, f"a {one.label.lower()} reply") for one in plan or (Strategy.OTHERS,)] for plan in plans]

    def negative_log_likelihood(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy]],
        responses: Sequence[Sequence[str]],
        *,
        reasoning: Sequence[Reasoning | None] | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> TargetLosses:
        self.scorings += 1
        messages = np.array([len(texts) for texts in responses])
        if progress is not None:
            progress(len(responses) if self.variant == "all-in-one" else int(messages.sum()))
        self.scored_plans += [tuple(plan) for plan in plans]
        return TargetLosses(10.0 * messages, 5 * messages, 8.0 * messages, messages)


@pytest.fixture()
def dialogues() -> tuple[Dialogue, ...]:
    return DIALOGUES


@pytest.fixture()
def gold_planner() -> TablePlanner:
    return TablePlanner("gold", lambda plan: plan)


@pytest.fixture()
def question_planner() -> TablePlanner:
    return TablePlanner("majority", lambda _: (Q,))


@pytest.fixture()
def make_planner() -> type[TablePlanner]:
    return TablePlanner


@pytest.fixture()
def generator() -> EchoGenerator:
    return EchoGenerator()


@pytest.fixture()
def make_generator() -> type[EchoGenerator]:
    return EchoGenerator


def score_system(
    generator: EchoGenerator,
    items: Sequence[SupporterMessage] | Sequence[Turn],
    source: str = "",
    *,
    name: str = "tiny-run",
    planner: Planner | None = None,
    reasoning: bool = False,
    seeds: int = 1,
    fine_tuned: bool = True,
    **options: object,
) -> GeneratorBenchmark:
    """Scores a generator on the small dialogues; by default under the gold plan, of a vanilla generator under none."""
    system = TextSystem(
        generator=name,
        variant=generator.variant,
        backbone="tiny-words",
        fine_tuned=fine_tuned,
        unit="turn" if items and isinstance(items[0], Turn) else "message",
        plan=source or ("none" if generator.variant == "vanilla" else "oracle"),
        planner=planner.name if planner is not None else "",
        reasoning=reasoning,
        seeds=seeds,
    )
    given = {"split": "valid", "data": "tiny", "rng": np.random.default_rng(0), "samples": 1000, **options}
    return benchmark_generator(generator, items, system=system, planner=planner, **given)


@pytest.fixture()
def score() -> Callable[..., GeneratorBenchmark]:
    return score_system


@pytest.fixture()
def store(dialogues: tuple[Dialogue, ...], tmp_path: Path) -> Callable[..., Path]:
    """Scores a generator, by default on the small dialogues, and stores that in ``tmp_path/NAME``; gives the folder."""

    def score_and_store(
        generator: EchoGenerator,
        name: str,
        *,
        unit: str = "message",
        items: Sequence[SupporterMessage] | None = None,
        **options: object,
    ) -> Path:
        generator = copy.copy(generator)
        for attribute, option in (("tokenizer_name", "tokenizer"), ("decoding", "decoding")):
            setattr(generator, attribute, options.pop(option, getattr(generator, attribute)))
        items = items or (scored_turns(dialogues) if unit == "turn" else scored_messages(dialogues))
        benchmark = score_system(generator, items, name=Path(name).name, **options)
        store_evaluation(tmp_path / name, benchmark.result, benchmark.system, benchmark.responses)
        return tmp_path / name

    return score_and_store
