"""What a generator's training can be told. The docs of the fields are the command line's help.

Nothing heavy is imported before :meth:`GeneratorConfig.resolved`, so that a command line can be explained at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from language_models.settings import (
    AdapterConfig,
    DecodingConfig,
    OptimisationConfig,
    TinyModelConfig,
    check_choice,
    check_number,
)

Variant = Literal["vanilla", "strategy", "all-in-one", "one-by-one"]
VARIANTS: tuple[str, ...] = get_args(Variant)

RETRIEVAL = "retrieval"  # backbone of a generator that answers with training messages and has no language model

ADAPTER_RANK = 16  # on all linear layers: 4.9 million weights for SmolLM2-135M
CHAT_MESSAGE_TOKENS = 60  # longest message that a chat model writes; 97 % of ESConv's are shorter

DECODING_PRESETS: dict[str, DecodingConfig] = {
    "esconv2021": DecodingConfig(),
    # The authors' second code, its inference script: no top-k, no repetition penalty, at least 10 tokens.
    "esconv-official": DecodingConfig(top_k=0, repetition_penalty=1.0, min_message_tokens=10),
    "greedy": DecodingConfig(top_k=1),
}


@dataclass(frozen=True)
class LengthConfig:
    """How much of a dialogue the model reads and writes, in tokens of the backbone's own tokenizer."""

    history_tokens: int | None = None
    """Longest history (tokens); the oldest are cut off. None: 96 if tiny, else 160, causal 180, chat 2048."""
    history_messages: int | None = None
    """Longest history (messages); older ones are left out. None: no limit."""
    response_tokens: int | None = None
    """Longest message (tokens, with its end token). None: 40 for encoder-decoders, 45 causal, 256 for chat."""

    def __post_init__(self) -> None:
        check_number("history_tokens", self.history_tokens, least=1)
        check_number("history_messages", self.history_messages, least=1)
        check_number("response_tokens", self.response_tokens, least=2)


@dataclass(frozen=True)
class GeneratorConfig:
    """Settings of one training."""

    backbone: str = "smollm2"
    """smollm2, blenderbot, dialogpt, a hub id, a folder; from scratch: tiny-blenderbot, tiny-dialogpt, tiny-smollm2; or
    retrieval: no language model, but the training message of the planned strategy with the most similar history."""
    variant: Variant = "strategy"
    """What is learned: vanilla: text; strategy: strategy, text; one-by-one: and whether to stop; all-in-one: a turn."""
    reasoning_share: float = 0.0
    """Share of the training turns whose history begins with the supporter's reasoning in words (0 to 1)."""
    lengths: LengthConfig = field(default_factory=LengthConfig)
    optimisation: OptimisationConfig = field(default_factory=OptimisationConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    tiny: TinyModelConfig = field(default_factory=TinyModelConfig)
    decoding: Literal["esconv2021", "esconv-official", "greedy"] = "esconv2021"
    """Decoding settings that are saved with the run and used wherever it writes."""

    def __post_init__(self) -> None:
        check_choice("variant", self.variant, VARIANTS)
        check_number("reasoning_share", self.reasoning_share, least=0, most=1)
        check_choice("decoding", self.decoding, tuple(DECODING_PRESETS))
        if self.backbone == RETRIEVAL and (self.variant != "strategy" or self.reasoning_share):
            raise ValueError("backbone retrieval: it follows plans (variant strategy) and reads no reasoning")

    @property
    def from_scratch(self) -> bool:
        """Whether the backbone is a tiny one, which starts from random weights."""
        return self.backbone.startswith("tiny-")

    def resolved(self) -> "GeneratorConfig":
        """The same settings with every choice made that was left to the program, on this machine.

        Lengths and fine-tuning follow the 2021 authors' second code. The precision is the one that this device computes
        in. Resolved settings stay as they are when they are resolved again.

        Raises:
            ValueError: The backbone cannot be found, so that nobody knows of which kind it is.
        """
        from language_models.backbone import pretrained_family
        from language_models.families.chat import ChatFamily
        from language_models.precision import default_device, resolve_precision
        from language_models.tiny import tiny_family

        if self.backbone == RETRIEVAL:  # nothing is trained
            return replace(self, optimisation=replace(self.optimisation, precision="fp32"))
        scratch, chosen = self.from_scratch, self.optimisation
        family = tiny_family(self.backbone) if scratch else pretrained_family(self.backbone)
        chat = isinstance(family, ChatFamily)
        rank = self.adapter.rank
        if rank is None:
            rank = ADAPTER_RANK if chat and not scratch else 0
        elif rank and scratch:
            raise ValueError(f"adapter.rank: got {rank}, but {self.backbone} has no weights yet to adapt; expected 0")
        # An adapter begins at nothing and bears far larger steps than pretrained weights do.
        rate, warmup, batch, epochs = (4e-4, 800, 32, 4.0) if scratch else (3e-5, 100, 16, 2.0)
        if rank:
            rate, warmup, epochs = 2e-3, 10, 1.0
        optimisation = replace(
            chosen,
            epochs=chosen.epochs or epochs,
            learning_rate=chosen.learning_rate or rate,
            warmup_steps=warmup if chosen.warmup_steps is None else chosen.warmup_steps,
            batch_size=chosen.batch_size or (1 if chat else batch),
            accumulation_steps=chosen.accumulation_steps or (4 if chat else 1),
            evaluation_batch_size=chosen.evaluation_batch_size or (1 if chat else 64),
            evaluation_steps=chosen.evaluation_steps or (50 if chat else None),
            evaluation_examples=chosen.evaluation_examples or (48 if chat else None),
            precision=resolve_precision(chosen.precision, default_device()),
        )
        history, response = default_lengths(encoder_decoder=family.encoder_decoder, chat=chat)
        lengths = replace(
            self.lengths,
            history_tokens=self.lengths.history_tokens or (96 if scratch and not chat else history),
            response_tokens=self.lengths.response_tokens or response,
        )
        return replace(self, lengths=lengths, optimisation=optimisation, adapter=AdapterConfig(rank))


def default_lengths(*, encoder_decoder: bool, chat: bool) -> tuple[int, int]:
    """Longest history and longest message in tokens, by the backbone's kind.

    Those of the 2021 authors' second code; a chat model reads whole conversations, of which 2 % are longer in ESConv.
    """
    if chat:
        return 2048, 256
    return (160, 40) if encoder_decoder else (180, 45)


# Name of a setting in version 1's flat configuration -> where it is now.
RENAMED: dict[str, str] = {
    "max_history_tokens": "lengths.history_tokens",
    "max_history_messages": "lengths.history_messages",
    "max_response_tokens": "lengths.response_tokens",
    "epochs": "optimisation.epochs",
    "learning_rate": "optimisation.learning_rate",
    "warmup_steps": "optimisation.warmup_steps",
    "weight_decay": "optimisation.weight_decay",
    "max_gradient_norm": "optimisation.max_gradient_norm",
    "batch_size": "optimisation.batch_size",
    "accumulation_steps": "optimisation.accumulation_steps",
    "evaluation_steps": "optimisation.evaluation_steps",
    "evaluation_batch_size": "optimisation.evaluation_batch_size",
    "precision": "optimisation.precision",
    "gradient_checkpointing": "optimisation.gradient_checkpointing",
    "tiny_width": "tiny.width",
    "tiny_layers": "tiny.layers",
    "tiny_heads": "tiny.heads",
    "tiny_dropout": "tiny.dropout",
    "tiny_vocabulary": "tiny.vocabulary",
}
# What meant "the program chooses" or "no limit" before there was None.
_CHOSEN_BY_PROGRAM = {
    "max_history_tokens": 0,
    "max_history_messages": 0,
    "max_response_tokens": 0,
    "epochs": 0,
    "learning_rate": 0,
    "warmup_steps": -1,
    "batch_size": 0,
    "evaluation_steps": 0,
}


def upgraded(values: Mapping[str, Any]) -> dict[str, Any]:
    """The plain values of a preset or ``config.json``, of today or of a flat earlier one, as today's nested ones.

    Args:
        values: Names -> values; names that no version knows stay as they are, for the caller to refuse.
    """
    nested: dict[str, Any] = {}
    for name, value in values.items():
        if name in RENAMED:
            section, new = RENAMED[name].split(".")
            left_open = name in _CHOSEN_BY_PROGRAM and value == _CHOSEN_BY_PROGRAM[name]
            nested.setdefault(section, {})[new] = None if left_open else value
        elif isinstance(value, Mapping):
            nested.setdefault(name, {}).update(value)
        else:
            nested[name] = value
    return nested
