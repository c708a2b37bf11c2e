"""Very small models that the tests of language models share."""

from collections.abc import Callable

import pytest
import torch

from language_models.backbone import Backbone, add_tokens
from language_models.settings import TinyModelConfig
from language_models.tiny import build_tiny_backbone

SIZE = TinyModelConfig(width=16, layers=1, heads=2, dropout=0.1, vocabulary=320)
TEXTS = [
    f"{who} can't {what}, you know? Some {what} and {other}."
    for who in ("I", "You", "We", "They")
    for what in ("sleep", "work", "walk", "talk", "rain", "help")
    for other in ("tea", "music", "plans", "friends")
]
MARKERS = {f"[{word}]": word for word in ("sleep", "work", "walk", "talk", "rain", "tea", "music", "plans")}


@pytest.fixture(scope="session")
def make_tiny() -> Callable[..., Backbone]:
    """Builds an untrained model of about 20,000 weights; flat enough that all tokens can be sampled.

    The last tokens of its vocabulary are eight markers and, where it is asked for, one that says *continue*.
    """

    def build(
        name: str = "tiny-blenderbot",
        *,
        markers: bool = True,
        continuation: bool = False,
        positions: int = 512,
        size: TinyModelConfig = SIZE,
    ) -> Backbone:
        torch.manual_seed(0)
        backbone = build_tiny_backbone(name, TEXTS, size, positions=positions)
        if markers:
            add_tokens(backbone, MARKERS | ({"[continue]": "and"} if continuation else {}))
        return backbone

    return build


@pytest.fixture(scope="session")
def contexts() -> list[list[int]]:
    """Token ids of thirty-six contexts, closed by the start token, before which every third is empty."""
    generator = torch.Generator().manual_seed(4)
    lengths = [length for _ in range(12) for length in (0, 7, 30)]
    return [[*torch.randint(3, 250, (length,), generator=generator).tolist(), 1] for length in lengths]
