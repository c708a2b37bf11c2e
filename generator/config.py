"""What a generator's training can be told: one flat, frozen record, whose field docs are the command line's help."""

import dataclasses
from dataclasses import dataclass

from language_models.decoding.sampling import DECODING_PRESETS

VARIANTS = ("vanilla", "strategy", "all-in-one", "one-by-one")
PRECISIONS = ("auto", "bf16", "fp32")


@dataclass(frozen=True)
class GeneratorConfig:
    """Settings of one training. Lengths count tokens of the backbone's own tokenizer."""

    backbone: str = "tiny-blenderbot"
    """Backbone: blenderbot, dialogpt, tiny-blenderbot, tiny-dialogpt, or a hub id or folder of one of those kinds."""
    variant: str = "strategy"
    """What is learned: vanilla (text), strategy (token, text), one-by-one (and when to stop) or all-in-one (a turn)."""
    reasoning_share: float = 0.0
    """Share of the turns that are learned after the supporter's reasoning as prefix, 0..1; 0: never after one."""
    max_history_tokens: int = 0
    """Longest history in tokens, older ones cut off; 0: 96 for tiny backbones, else 160, decoder-only 180."""
    max_history_messages: int = 0
    """Longest history in messages, older ones left out; 0: no limit."""
    max_response_tokens: int = 0
    """Longest message in tokens with its end token; 0: 40 for encoder-decoders, 45 for decoder-only backbones."""
    epochs: float = 0.0
    """Passes over the training examples, the best of which by validation perplexity is kept; 0: 4 for tiny, else 2."""
    learning_rate: float = 0.0
    """Peak learning rate of AdamW; 0: 4e-4 for tiny backbones, which start from nothing, else 3e-5."""
    warmup_steps: int = -1
    """Optimizer steps of linear warm-up, after which the rate falls linearly to 0; -1: 800 for tiny, else 100."""
    weight_decay: float = 0.0
    """Decoupled weight decay of AdamW per step, as a share of the learning rate."""
    max_gradient_norm: float = 1.0
    """Gradients with a larger Euclidean norm are scaled down to it."""
    batch_size: int = 0
    """Examples per forward pass and process; 0: 32 for tiny backbones, else 16."""
    accumulation_steps: int = 1
    """Forward passes per optimizer step."""
    evaluation_steps: int = 0
    """Optimizer steps between two validations with a checkpoint each; 0: at the end of every epoch."""
    evaluation_batch_size: int = 64
    """Examples per forward pass in validation."""
    precision: str = "auto"
    """Arithmetic: bf16 (mixed precision), fp32, or auto (bf16 where the hardware multiplies it natively)."""
    gradient_checkpointing: bool = False
    """Trade a third more time for much less memory by computing activations twice."""
    tiny_width: int = 256
    """Width of a tiny backbone's layers (pretrained backbones have their own); a multiple of tiny_heads."""
    tiny_layers: int = 3
    """Layers of a tiny backbone, in an encoder-decoder as many on either side."""
    tiny_heads: int = 4
    """Attention heads of a tiny backbone's layers."""
    tiny_dropout: float = 0.1
    """Share of activations dropped while a tiny backbone trains, 0..1."""
    tiny_vocabulary: int = 6000
    """Most tokens in a tiny backbone's own vocabulary, at least 259."""
    decoding: str = "esconv2021"
    """Decoding settings the run is saved with: esconv2021, esconv-official or greedy."""

    def resolved(self) -> "GeneratorConfig":
        """The same settings, those left to the kind of backbone filled in (from scratch, or the second 2021 code)."""
        tiny = self.backbone.startswith("tiny-")
        return dataclasses.replace(
            self,
            epochs=self.epochs or (4.0 if tiny else 2.0),
            learning_rate=self.learning_rate or (4e-4 if tiny else 3e-5),
            warmup_steps=self.warmup_steps if self.warmup_steps >= 0 else (800 if tiny else 100),
            batch_size=self.batch_size or (32 if tiny else 16),
            max_history_tokens=self.max_history_tokens or (96 if tiny else 0),
        )

    def __post_init__(self) -> None:
        _check_choice("variant", self.variant, VARIANTS)
        _check_choice("precision", self.precision, PRECISIONS)
        _check_choice("decoding", self.decoding, tuple(DECODING_PRESETS))
        for name in ("accumulation_steps", "evaluation_batch_size", "tiny_layers", "tiny_heads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected at least 1")
        for name in ("batch_size", "epochs", "learning_rate", "max_history_tokens", "max_history_messages"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: got {getattr(self, name)}, expected 0 or more")
        if self.max_response_tokens < 0 or self.warmup_steps < -1:
            raise ValueError("max_response_tokens: expected 0 or more; warmup_steps: expected -1 or more")
        if not self.max_gradient_norm > 0:
            raise ValueError(f"max_gradient_norm: got {self.max_gradient_norm}, expected more than 0")
        if self.evaluation_steps < 0 or self.weight_decay < 0:
            raise ValueError("evaluation_steps and weight_decay: expected 0 or more")
        if not 0 <= self.reasoning_share <= 1:
            raise ValueError(f"reasoning_share: got {self.reasoning_share}, expected 0 to 1")
        if not 0 <= self.tiny_dropout < 1:
            raise ValueError(f"tiny_dropout: got {self.tiny_dropout}, expected 0 or more and less than 1")
        if self.tiny_width < 1 or self.tiny_width % self.tiny_heads:
            raise ValueError(f"tiny_width: got {self.tiny_width}, expected a multiple of tiny_heads {self.tiny_heads}")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name}: got {value!r}, expected one of {', '.join(choices)}")
