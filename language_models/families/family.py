"""What a family of models is, and the registry of them.

A family says which configurations it serves, how context and target are laid out for it, and how it writes one token a
step. To add one is to add a module beside this one, which is found there: a causal model needs its ``model_type`` and
no more, see :mod:`language_models.families.causal`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import torch
from transformers import AutoConfig, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from language_models.settings import TinyModelConfig

IGNORED = -100  # label of positions without a loss, torch's convention


class Example(NamedTuple):
    """One training or scoring example.

    Attributes:
        context: Token ids of what is read; possibly none.
        target: Token ids that are learned, with the token that closes them.
    """

    context: list[int]
    target: list[int]


class CachedDecoder(ABC):
    """Logits of the next token of a batch of rows, step by step, with the key-value cache.

    Attributes:
        logits: Of the token that comes next, (B, V).
    """

    logits: torch.Tensor

    @abstractmethod
    def step(self, tokens: torch.Tensor) -> None:
        """Appends one token per row, int64 (B,), and computes the logits after it."""

    @abstractmethod
    def keep(self, rows: torch.Tensor) -> None:
        """Drops all rows but the given ones (indices), with their part of the cache."""


class Family(ABC):
    """How models of one family are built, how they read, and how they write.

    Attributes:
        model_type: The family's name in transformers' configurations.
        pretrained: Short names of pretrained backbones -> their hub ids.
        tiny: Name of the tiny backbone that starts from random weights; empty where there is none.
        encoder_decoder: Whether the context goes through an encoder of its own, or before the target.
        automatic: The class of transformers that builds and loads models of this kind.
    """

    model_type: ClassVar[str]
    pretrained: ClassVar[Mapping[str, str]] = {}
    tiny: ClassVar[str] = ""
    encoder_decoder: ClassVar[bool]
    automatic: ClassVar[Any]

    def build(self, config: PretrainedConfig) -> PreTrainedModel:
        """A model with random weights, in float32."""
        return self.automatic.from_config(config, dtype=torch.float32)

    def tiny_config(self, size: TinyModelConfig, *, positions: int, **vocabulary: int) -> PretrainedConfig:
        """Configuration of a tiny model; the names are those of most models, LLaMA and Qwen among them.

        Args:
            size: Width, layers, heads and dropout; its vocabulary is not used.
            positions: Longest sequence in tokens.
            **vocabulary: ``vocab_size`` and the ids of the special tokens, by their names in configurations.
        """
        return AutoConfig.for_model(
            self.model_type,
            hidden_size=size.width,
            intermediate_size=4 * size.width,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            num_key_value_heads=size.heads,
            attention_dropout=size.dropout,
            max_position_embeddings=positions,
            **vocabulary,
        )

    def start_token(self, tokenizer: PreTrainedTokenizerBase) -> int:
        """Token id before every target: the tokenizer's start token, or its end token where it has none."""
        return tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id

    def positions(self, config: PretrainedConfig) -> int:
        """Longest sequence in tokens that a model has positions for."""
        return int(config.max_position_embeddings)

    @abstractmethod
    def collate(self, examples: Sequence[Example], *, start: int, padding: int) -> dict[str, torch.Tensor]:
        """Examples as one batch, int64 tensors keyed by the model's argument names, and ``labels``.

        Args:
            examples: B of them. An empty target has no loss.
            start: Token id before every target.
            padding: Token id of padding; it may be a real token's, masks decide.
        """

    @abstractmethod
    def target_logits(
        self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of all tokens of the targets, each after the true ones before it.

        Args:
            model: Of this family, possibly wrapped for training in more than one process.
            batch: What :meth:`collate` makes.

        Returns:
            Logits (B, L, V) and the labels (B, L) they belong to, where L is the longest target.
        """

    @abstractmethod
    def begin(
        self, model: PreTrainedModel, contexts: Sequence[Sequence[int]], *, start: int, padding: int
    ) -> CachedDecoder:
        """Reads contexts (token ids, B rows, possibly empty) and the start token; the model is in evaluation mode."""


FAMILIES: dict[str, Family] = {}  # by model_type
_Kind = TypeVar("_Kind", bound=type[Family])


def register(kind: _Kind) -> _Kind:
    """Class decorator: makes a family known under its ``model_type``."""
    FAMILIES[kind.model_type] = kind()
    return kind


def family_of(model_type: str | None, *, source: str) -> Family:
    """The family that serves a configuration; ``source`` is where it is from.

    Raises:
        ValueError: In one line that names the source: no family serves it.
    """
    if model_type not in FAMILIES:
        raise ValueError(f"backbone {source}: its kind is {model_type!r}, expected {' or '.join(sorted(FAMILIES))}")
    return FAMILIES[model_type]


def family_named(backbone: str) -> Family | None:
    """The family of a pretrained or tiny backbone's short name, e.g. ``tiny-dialogpt``; ``None`` of any other name."""
    for family in FAMILIES.values():
        if backbone in family.pretrained or (backbone and backbone == family.tiny):
            return family
    return None


def pretrained_names() -> tuple[str, ...]:
    """Short names of all pretrained backbones, e.g. ``blenderbot``."""
    return tuple(sorted(name for family in FAMILIES.values() for name in family.pretrained))


def hub_id(backbone: str) -> str | None:
    """The hub id behind a pretrained backbone's short name, e.g. ``dialogpt``; ``None`` of any other name."""
    family = family_named(backbone)
    return None if family is None else family.pretrained.get(backbone)


def pad(rows: Sequence[Sequence[int]], *, value: int, left: bool = False) -> torch.Tensor:
    """Rows of different lengths as one (B, longest) int64 tensor, filled up with ``value`` on one side."""
    width = max(len(row) for row in rows)
    table = torch.full((len(rows), width), value, dtype=torch.long)
    for index, row in enumerate(rows):
        table[index, width - len(row) if left else 0 : width if left else len(row)] = torch.tensor(row)
    return table
