"""Systems without models: plans follow from the length of the history, texts say what they were asked for."""

from collections.abc import Sequence

import numpy as np

from chat.system import System
from corpus.dialogue import Message
from corpus.reasoning import Need, Reasoning
from corpus.strategy import Stage, Strategy
from planner.plan import Plan
from safety.care import Care
from tests.safety.word_detectors import word_care

ALARM = "I want to kill myself"  # urgent to the screening
WORRY = "I am worried"  # worried to the fake one
SLOW = "take your time"  # the message that serve_fakes.py needs a minute for


class FakePlanner:
    """Plans a question, and every other time a suggestion after it."""

    def plan(self, history: Sequence[Message]) -> Plan:
        strategies = (Strategy.QUESTION, Strategy.SUGGESTIONS)[: 1 + len(history) % 4 // 2]
        probabilities = np.full((len(strategies), len(Strategy)), 0.05)
        probabilities[np.arange(len(strategies)), list(strategies)] = 0.65
        reasoning = Reasoning("job crisis", "anxiety", 4, Need.HEARD, Stage.EXPLORATION, (0.6, 0.5, 0.4, 0.7, 0.8))
        return Plan(strategies=strategies, probabilities=probabilities, mode="one-by-one", reasoning=reasoning)


class FakeGenerator:
    """Says which strategy it follows, how long the history was, and a random number.

    Args:
        variant: ``strategy`` or ``vanilla``.
        words: What every text begins with.
    """

    def __init__(self, variant: str = "strategy", *, words: str = "text") -> None:
        self.variant = variant
        self.words = words
        self.histories: list[list[Message]] = []

    def realize(
        self,
        history: Sequence[Message],
        strategies: Sequence[Strategy] | None = None,
        *,
        rng: np.random.Generator | None = None,
    ) -> list[tuple[Strategy | None, str]]:
        self.histories.append(list(history))
        assert rng is not None
        number = int(rng.integers(1000))
        if self.variant == "vanilla":
            return [(None, f"{self.words} {len(history)} {number}")]
        chosen = strategies if strategies is not None else (Strategy.OTHERS,)
        return [(one, f"{self.words} {one.name} {len(history)} {number}") for one in chosen]


def fake_system(
    name: str = "fake",
    *,
    variant: str = "strategy",
    words: str = "text",
    planned: bool = True,
    care: Care | None = None,
) -> System:
    """A system that answers at once; its care is worried by the word "worried"."""
    return System(name, FakeGenerator(variant, words=words), FakePlanner() if planned else None, care or word_care())
