"""Very small models and dialogues that the generator's tests share."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from generator.config import LengthConfig
from generator.inputs import InputFormat
from generator.realizer import Realizer
from generator.strategy_tokens import add_strategy_tokens
from language_models.backbone import Backbone
from language_models.settings import DecodingConfig, TinyModelConfig
from language_models.tiny import build_tiny_backbone

WORDS = ("rain", "sun", "work", "sleep", "friend", "talk", "walk", "music", "tea", "plan", "day", "night", "help")


def make_dialogue(number: int, *, first: Role = Role.SEEKER) -> Dialogue:
    """Eight messages or so, the second supporter turn with two of them."""

    def supporter(index: int) -> Message:
        strategy = Strategy((number + index) % len(Strategy))
        return Message(Role.SUPPORTER, f"You could try some {WORDS[(number * 5 + index) % len(WORDS)]}.", strategy)

    def seeker(index: int) -> Message:
        return Message(Role.SEEKER, f"I can't {WORDS[(number * 3 + index) % len(WORDS)]}, you know?")

    messages = [seeker(0), supporter(1), seeker(2), supporter(3), supporter(4), seeker(5), supporter(6)]
    return Dialogue(number, tuple(messages if first is Role.SEEKER else messages[1:]))


@pytest.fixture(scope="session")
def dialogues() -> list[Dialogue]:
    """Twelve dialogues; every fourth begins with the supporter."""
    return [make_dialogue(n, first=Role.SUPPORTER if n % 4 == 0 else Role.SEEKER) for n in range(1, 13)]


@pytest.fixture(scope="session")
def make_tiny(dialogues: list[Dialogue]) -> Callable[..., Backbone]:
    """Builds an untrained model of about 20,000 weights; flat enough that all tokens can be sampled."""

    def build(
        name: str = "tiny-blenderbot", *, strategies: bool = True, stop_decision: bool = False, seed: int = 0
    ) -> Backbone:
        torch.manual_seed(seed)
        texts = (m.text for d in dialogues for m in d.messages)
        backbone = build_tiny_backbone(name, texts, TinyModelConfig(width=16, layers=1, heads=2, vocabulary=320))
        if strategies:
            add_strategy_tokens(backbone, stop_decision=stop_decision)
        return backbone

    return build


@pytest.fixture(scope="session")
def make_form() -> Callable[..., InputFormat]:
    """Builds the inputs of a backbone."""

    def build(
        backbone: Backbone, variant: str, *, history: int = 60, response: int = 20, with_reasoning: bool = False
    ) -> InputFormat:
        return InputFormat(
            backbone,
            variant=variant,
            lengths=LengthConfig(history_tokens=history, response_tokens=response),
            with_reasoning=with_reasoning,
        )

    return build


@pytest.fixture(scope="session")
def make_realizer(make_tiny, make_form) -> Callable[..., Realizer]:
    """Builds an untrained realizer that writes short messages, three at most."""
    config = DecodingConfig(temperature=1.0, top_k=0, top_p=1.0, max_message_tokens=6, max_messages=3)

    def build(name: str, variant: str, *, with_reasoning: bool = False, **options: Any) -> Realizer:
        backbone = make_tiny(name, strategies=variant != "vanilla", stop_decision=variant == "one-by-one")
        form = make_form(backbone, variant, history=200, with_reasoning=with_reasoning)
        return Realizer(backbone, form, **{"decoding": config, "screened": False} | options)

    return build


@pytest.fixture(scope="session")
def histories(dialogues) -> list[Sequence[Message]]:
    """Four histories, one of them empty."""
    return [dialogues[0].messages[:3], (), dialogues[1].messages[:1], dialogues[2].messages[:5]]
