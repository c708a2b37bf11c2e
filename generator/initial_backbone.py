"""What a training starts from: a pretrained backbone or a tiny one, grown by the tokens its variant needs."""

from collections.abc import Sequence

from corpus.dialogue import Dialogue
from generator.backbone import Backbone, build_tiny_backbone, load_backbone
from generator.config import GeneratorConfig
from generator.precision import default_device
from generator.strategy_tokens import add_strategy_tokens
from generator.tokenizer import train_tokenizer


def initial_backbone(config: GeneratorConfig, train: Sequence[Dialogue], *, random_weights: bool = False) -> Backbone:
    """The model and tokenizer a training starts from; weights come from the global random state where they are new.

    Args:
        config: Resolved settings.
        train: Dialogues to learn from; a tiny backbone's vocabulary is theirs.
        random_weights: Start a pretrained backbone's architecture from random weights (tests, measurements).

    Raises:
        ValueError: The backbone cannot be loaded.
    """
    if config.backbone.startswith("tiny-"):
        texts = (message.text for dialogue in train for message in dialogue.messages)
        tokenizer = train_tokenizer(texts, size=config.tiny_vocabulary)
        backbone = build_tiny_backbone(
            config.backbone,
            tokenizer,
            width=config.tiny_width,
            layers=config.tiny_layers,
            heads=config.tiny_heads,
            dropout=config.tiny_dropout,
        )
    else:
        backbone = load_backbone(config.backbone, random_weights=random_weights)
    if config.variant != "vanilla":
        add_strategy_tokens(backbone.model, backbone.tokenizer, stop_decision=config.variant == "one-by-one")
    if default_device().type == "cpu":
        # torch's fused attention has a slow backward pass on processors: a whole step takes a quarter longer with it.
        backbone.model.set_attn_implementation("eager")
    if config.gradient_checkpointing:
        backbone.model.activation_checkpointing_enable({"use_reentrant": False})
    return backbone
