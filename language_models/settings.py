"""Settings of what writes text: optimisation, tiny models, decoding. Docs of the fields are the command line's help.

Nothing heavy is imported here, so that a command line can be explained without loading torch.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

Precision = Literal["auto", "bf16", "fp32"]
PRECISIONS: tuple[str, ...] = get_args(Precision)


def check_number(
    name: str,
    value: float | None,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    below: float = math.inf,
) -> None:
    """Refuses a number that is not finite or out of its range; ``None`` leaves the choice to the program.

    Raises:
        ValueError: In one line that names the field and its range.
    """
    if value is None or (math.isfinite(value) and least <= value <= most and above < value < below):
        return
    limits = (("at least", least), ("more than", above), ("at most", most), ("less than", below))
    expected = " and ".join(f"{words} {limit:g}" for words, limit in limits if math.isfinite(limit))
    raise ValueError(f"{name}: got {value}, expected {expected or 'a finite number'}")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuses a value that is not among the choices.

    Raises:
        ValueError: In one line that names the field and the choices.
    """
    if value not in choices:
        raise ValueError(f"{name}: got {value!r}, expected one of {', '.join(choices)}")


@dataclass(frozen=True)
class OptimisationConfig:
    """How the weights are trained."""

    epochs: float | None = None
    """Passes over the examples; the best weights on validation are saved. None: 4 if tiny, adapters 1, else 2."""
    learning_rate: float | None = None
    """Peak learning rate of AdamW. None: 4e-4 if tiny, which is random at first, adapters 2e-3, else 3e-5."""
    warmup_steps: int | None = None
    """Optimizer steps of linear warm-up; then the rate falls to 0. None: 800 if tiny, adapters 10, else 100."""
    weight_decay: float = 0.0
    """Decoupled weight decay of AdamW (0 or more)."""
    max_gradient_norm: float = 1.0
    """Largest Euclidean norm of a gradient; larger ones are scaled down to it."""
    batch_size: int | None = None
    """Examples per forward pass and process. None: 32 for tiny backbones, else 16; whole conversations: 1."""
    accumulation_steps: int | None = None
    """Forward passes per optimizer step. None: 1; whole conversations: 4."""
    evaluation_steps: int | None = None
    """Optimizer steps between two validations, each with a checkpoint. None: once an epoch; conversations: 50."""
    evaluation_examples: int | None = None
    """Examples that are validated on, evenly chosen. None: all; whole conversations: 48."""
    evaluation_batch_size: int | None = None
    """Examples per forward pass in validation. None: 64; whole conversations: 1."""
    precision: Precision = "auto"
    """Arithmetic: bf16 (mixed precision), fp32, or auto (bf16 where the hardware multiplies it natively)."""
    gradient_checkpointing: bool = False
    """Trade a third more time for much less memory by computing activations twice."""

    def __post_init__(self) -> None:
        check_number("epochs", self.epochs, above=0)
        check_number("learning_rate", self.learning_rate, above=0)
        check_number("warmup_steps", self.warmup_steps, least=0)
        check_number("weight_decay", self.weight_decay, least=0)
        check_number("max_gradient_norm", self.max_gradient_norm, above=0)
        for name in (
            "batch_size",
            "accumulation_steps",
            "evaluation_steps",
            "evaluation_examples",
            "evaluation_batch_size",
        ):
            check_number(name, getattr(self, name), least=1)
        check_choice("precision", self.precision, PRECISIONS)


@dataclass(frozen=True)
class AdapterConfig:
    """Low-rank adapters, which learn in place of a pretrained model's own weights."""

    rank: int | None = None
    """Rank of the adapters on all linear layers; 0: the model's own weights are trained. None: 16 for chat, else 0."""

    def __post_init__(self) -> None:
        check_number("rank", self.rank, least=0)


@dataclass(frozen=True)
class TinyModelConfig:
    """Size of a tiny backbone, which starts from random weights; pretrained backbones have a size of their own."""

    width: int = 256
    """Width of the layers, a multiple of --tiny.heads; feed-forward layers are four times as wide."""
    layers: int = 3
    """Number of layers; an encoder-decoder has as many on either side."""
    heads: int = 4
    """Attention heads of every layer."""
    dropout: float = 0.1
    """Share of activations dropped in training (0 to below 1)."""
    vocabulary: int = 6000
    """Most tokens in the vocabulary (at least 259: all bytes and three special tokens)."""

    def __post_init__(self) -> None:
        for name in ("width", "layers", "heads"):
            check_number(name, getattr(self, name), least=1)
        check_number("dropout", self.dropout, least=0, below=1)
        check_number("vocabulary", self.vocabulary, least=259)
        if self.width % self.heads:
            raise ValueError(f"width: got {self.width}, expected a multiple of heads {self.heads}")


@dataclass(frozen=True)
class DecodingConfig:
    """Settings of decoding; the defaults are those of Liu et al. (ACL 2021), section 6.1.

    ``top_k=1`` is greedy decoding: the likeliest token that may come next is always taken.
    """

    temperature: float = 0.7
    """Logits are divided by it: below 1 sharper, above 1 flatter."""
    top_k: int = 30
    """Only this many of the likeliest tokens can be sampled; 0: all, 1: greedy decoding."""
    top_p: float = 0.9
    """Only the likeliest tokens that together reach this probability can be sampled, above 0 and at most 1; 1: all."""
    repetition_penalty: float = 1.03
    """Logits of tokens that the response has already are made worse by this factor (Keskar et al. 2019); 1: not."""
    min_message_tokens: int = 2
    """Tokens of text before a message may end, so that none is empty."""
    max_message_tokens: int = 40
    """Tokens of text after which a message must end; fewer in a turn that the model's positions would not hold."""
    max_messages: int = 5
    """Messages after which a turn without a plan must end."""

    def __str__(self) -> str:
        """Short form for signatures, e.g. ``t0.7-k30-p0.9-r1.03-tokens2to40-messages5``."""
        return (
            f"t{self.temperature:g}-k{self.top_k}-p{self.top_p:g}-r{self.repetition_penalty:g}"
            f"-tokens{self.min_message_tokens}to{self.max_message_tokens}-messages{self.max_messages}"
        )

    def __post_init__(self) -> None:
        check_number("temperature", self.temperature, above=0)
        check_number("top_k", self.top_k, least=0)
        check_number("top_p", self.top_p, above=0, most=1)
        check_number("repetition_penalty", self.repetition_penalty, above=0)
        check_number("max_message_tokens", self.max_message_tokens, least=1)
        check_number("min_message_tokens", self.min_message_tokens, least=0, most=self.max_message_tokens)
        check_number("max_messages", self.max_messages, least=1)
