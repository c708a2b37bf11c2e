"""A training of a very small generator, which tests run many times with other settings."""

import dataclasses
from typing import Any

from generator.config import GeneratorConfig, LengthConfig
from language_models.settings import OptimisationConfig, TinyModelConfig

CONFIG = GeneratorConfig(
    lengths=LengthConfig(history_tokens=96, response_tokens=40),
    optimisation=OptimisationConfig(batch_size=4, epochs=3.0, learning_rate=5e-3, warmup_steps=3, precision="fp32"),
    tiny=TinyModelConfig(width=16, layers=1, heads=2, vocabulary=320),
)


def changed(config: GeneratorConfig, **changes: Any) -> GeneratorConfig:
    """The same configuration with other values; a dict changes values of the section it is named after."""
    for name, value in changes.items():
        if isinstance(value, dict):
            value = dataclasses.replace(getattr(config, name), **value)
        config = dataclasses.replace(config, **{name: value})
    return config
