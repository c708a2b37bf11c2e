"""Chat models: causal models whose tokenizer has a chat template with roles for the two speakers."""

from transformers import PretrainedConfig, PreTrainedTokenizerBase

from language_models.families.causal import Causal
from language_models.families.family import register
from language_models.layout import ChatTemplate, Layout, template_pieces

SYSTEM = "You give emotional support."


@register
class ChatFamily(Causal):
    """The seeker is the template's user, the supporter its assistant."""

    name = "a chat model"
    priority = 1

    def serves(self, config: PretrainedConfig, tokenizer: PreTrainedTokenizerBase) -> bool:
        """Every causal model whose tokenizer's template tells the speakers apart."""
        return super().serves(config, tokenizer) and template_pieces(tokenizer) is not None

    def layout(self, tokenizer: PreTrainedTokenizerBase) -> Layout:
        """Messages between the pieces of the template, after one short system message."""
        return ChatTemplate(tokenizer, SYSTEM)
