"""What is known of a finished training beside its weights."""

from dataclasses import dataclass
from typing import Any

from generator.decoding_config import DecodingConfig


@dataclass(frozen=True)
class CurvePoint:
    """One logged moment of a training.

    Attributes:
        step: Optimizer steps done.
        epoch: Passes over the examples done.
        train_loss: Mean loss per token in nats since the last one; ``None`` at a validation.
        valid_perplexity: Perplexity per token of the validation texts; ``None`` between validations.
    """

    step: int
    epoch: float
    train_loss: float | None
    valid_perplexity: float | None


@dataclass(frozen=True)
class GeneratorSummary:
    """All of a finished run but its weights.

    Attributes:
        variant: One of ``generator.config.VARIANTS``.
        max_history_tokens: Of the inputs.
        max_response_tokens: Of the inputs.
        max_history_messages: Of the inputs; 0: no limit.
        decoding: Settings that texts are sampled with.
        config: The training's settings as given.
        seed: The training's.
        data: SHA-256 of the training and the validation examples' messages.
        examples: Numbers of training and validation examples.
        parameters: Number of the model's weights.
        best_step: Optimizer steps of the checkpoint kept.
        best_perplexity: Its validation perplexity per token.
        seconds: Time from the start, or from the last resumption, to the end.
        corpus: Name of the data; empty where nobody said.
        processes: That trained side by side; ``batch_size`` of the settings is one process's.
    """

    variant: str
    max_history_tokens: int
    max_response_tokens: int
    max_history_messages: int
    decoding: DecodingConfig
    config: dict[str, Any]
    seed: int
    data: dict[str, str]
    examples: dict[str, int]
    parameters: int
    best_step: int
    best_perplexity: float
    seconds: float
    corpus: str = ""
    processes: int = 1
