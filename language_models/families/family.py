"""What a family of models is, and the registry of them.

A family says which models it serves, how a conversation is laid out for it, and how it writes one token a step. A model
is served by the first family that accepts its configuration and its tokenizer; to add a family is to add a module
beside this one, which is found there.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import torch
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from language_models.layout import Layout

IGNORED = -100  # label of positions without a loss, torch's convention
PROCESSOR_TOKENS = 1024  # read at once, so that activations stay in a processor's caches: twice as fast as 8,000
UNLIMITED = 1_000_000  # positions, where a model has no table of them (T5)


class Example(NamedTuple):
    """One training or scoring example.

    Attributes:
        context: Token ids of what is read; possibly none.
        target: Token ids that come after it.
        learned: Which of the target's tokens are learned and counted; ``None``: all of them.
    """

    context: list[int]
    target: list[int]
    learned: list[bool] | None = None

    @property
    def labels(self) -> list[int]:
        """The target with ``IGNORED`` in place of what is not learned."""
        if self.learned is None:
            return self.target
        return [token if learned else IGNORED for token, learned in zip(self.target, self.learned, strict=True)]


class CachedDecoder(ABC):
    """Logits of the next token of a batch of rows, step by step, with the key-value cache.

    Attributes:
        logits: Of the token that comes next, (B, V).
    """

    logits: torch.Tensor

    def known(self, context: Sequence[int]) -> int:  # noqa: ARG002
        """How many tokens at the beginning of a context need not be read again; 0 but of one row with such a cache."""
        return 0

    @abstractmethod
    def step(self, tokens: torch.Tensor) -> None:
        """Appends one token per row, int64 (B,), and computes the logits after it."""

    @abstractmethod
    def keep(self, rows: torch.Tensor) -> None:
        """Drops all rows but the given ones (indices), with their part of the cache."""


class Family(ABC):
    """How models of one family are laid out, how they read, and how they write.

    Attributes:
        name: What messages call it.
        priority: Families of higher priority are asked first.
        encoder_decoder: Whether the context goes through an encoder of its own, or before the target.
        automatic: The class of transformers that builds and loads models of this kind.
    """

    name: ClassVar[str]
    priority: ClassVar[int] = 0
    encoder_decoder: ClassVar[bool]
    automatic: ClassVar[Any]

    @abstractmethod
    def serves(self, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> bool:
        """Whether a model of this configuration, with this tokenizer, is of the family."""

    @abstractmethod
    def layout(self, tokenizer: PreTrainedTokenizerBase) -> Layout:
        """How conversations are laid out for a model with this tokenizer."""

    def build(self, config: PretrainedConfig) -> PreTrainedModel:
        """A model with random weights, in float32."""
        return self.automatic.from_config(config, dtype=torch.float32)

    def positions(self, config: PretrainedConfig) -> int:
        """Longest sequence in tokens that a model has positions for."""
        return int(getattr(config, "max_position_embeddings", None) or UNLIMITED)

    @abstractmethod
    def collate(self, examples: Sequence[Example], *, start: int, padding: int) -> dict[str, torch.Tensor]:
        """Examples as one batch, int64 tensors keyed by the model's argument names, and ``labels``.

        Args:
            examples: B of them. An empty target has no loss.
            start: Token id that a decoder of its own begins with.
            padding: Token id of padding; it may be a real token's, masks decide.
        """

    @abstractmethod
    def target_logits(
        self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of the tokens of the targets, each after the true ones before it.

        Args:
            model: Of this family, possibly wrapped for training.
            batch: What :meth:`collate` makes.

        Returns:
            Logits (B, L, V) and the labels (B, L) they belong to, where L is the number of positions at which any
            target has a token.
        """

    @abstractmethod
    def begin(
        self,
        model: PreTrainedModel,
        contexts: Sequence[Sequence[int]],
        *,
        start: int,
        padding: int,
        earlier: CachedDecoder | None = None,
    ) -> CachedDecoder:
        """Reads contexts (token ids, B rows, possibly empty); the model is in evaluation mode.

        Args:
            earlier: Of the same model and one row; where the only context begins alike, its cache is taken over, and it
                must not be used any more.
        """


FAMILIES: list[Family] = []  # in the order in which they are asked
_Kind = TypeVar("_Kind", bound=type[Family])


def register(kind: _Kind) -> _Kind:
    """Class decorator: makes a family known."""
    FAMILIES.append(kind())
    FAMILIES.sort(key=lambda family: -family.priority)
    return kind


def family_of(config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase, *, source: str) -> Family:
    """The family that serves a model; ``source`` is where it is from.

    Raises:
        ValueError: In one line that names the source: no family serves it.
    """
    for family in FAMILIES:
        if family.serves(config, tokenizer):
            return family
    kinds = " or ".join(family.name for family in FAMILIES)
    raise ValueError(f"backbone {source}: its kind is {config.model_type!r}, which writes no text; expected {kinds}")


def pad(rows: Sequence[Sequence[int]], *, value: int, left: bool = False) -> torch.Tensor:
    """Rows of different lengths as one (B, longest) int64 tensor, filled up with ``value`` on one side."""
    width = max(len(row) for row in rows)
    table = torch.full((len(rows), width), value, dtype=torch.long)
    for index, row in enumerate(rows):
        table[index, width - len(row) if left else 0 : width if left else len(row)] = torch.tensor(row)
    return table


def parts(lengths: Sequence[int], *, device: torch.device) -> Iterator[slice]:
    """Neighbouring rows that a device reads best together: all of them on a GPU, about 1,000 tokens on a processor.

    Args:
        lengths: Tokens of every row; a part is padded to its longest.
    """
    first = widest = 0
    for row, length in enumerate(lengths):
        widest = max(widest, length)
        if device.type == "cpu" and row > first and widest * (row + 1 - first) > PROCESSOR_TOKENS:
            yield slice(first, row)
            first, widest = row, length
    yield slice(first, len(lengths))
