"""Tiny models that start from random weights, and their tokenizer, trained on the training text alone."""

from collections.abc import Callable, Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoConfig, PretrainedConfig, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from language_models.backbone import Backbone, prepare
from language_models.families.family import Family, family_of
from language_models.settings import TinyModelConfig

# Names and numbers of BlenderBot_small's own special tokens; the byte level leaves no need for an unknown token.
PADDING, START, END = "__null__", "__start__", "__end__"
SMALLEST = 259  # tokens: all bytes and the three special ones


CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ bos_token + message.role + '\n' + message.content + eos_token + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ bos_token + 'assistant\n' }}{% endif %}"
)  # SmolLM2's, without its own system message


def _blenderbot(size: TinyModelConfig, positions: int, **vocabulary: int) -> PretrainedConfig:
    """As many layers on either side; embeddings are scaled as in the 90M model."""
    side = {"layers": size.layers, "attention_heads": size.heads, "ffn_dim": 4 * size.width}
    return AutoConfig.for_model(
        "blenderbot-small",
        d_model=size.width,
        **{f"{name}_{key}": value for name in ("encoder", "decoder") for key, value in side.items()},
        dropout=size.dropout,
        max_position_embeddings=positions,
        scale_embedding=True,
        decoder_start_token_id=vocabulary["bos_token_id"],
        **vocabulary,
    )


def _dialogpt(size: TinyModelConfig, positions: int, **vocabulary: int) -> PretrainedConfig:
    """Dropout everywhere where GPT-2 has one."""
    return AutoConfig.for_model(
        "gpt2",
        n_embd=size.width,
        n_layer=size.layers,
        n_head=size.heads,
        n_positions=positions,
        **dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), size.dropout),
        **vocabulary,
    )


def _smollm2(size: TinyModelConfig, positions: int, **vocabulary: int) -> PretrainedConfig:
    """A LLaMA."""
    return AutoConfig.for_model(
        "llama",
        hidden_size=size.width,
        intermediate_size=4 * size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        attention_dropout=size.dropout,
        max_position_embeddings=positions,
        tie_word_embeddings=True,
        **vocabulary,
    )


_CONFIGS: dict[str, Callable[..., PretrainedConfig]] = {
    "tiny-blenderbot": _blenderbot,
    "tiny-dialogpt": _dialogpt,
    "tiny-smollm2": _smollm2,
}
TINY = tuple(_CONFIGS)
CHATS = ("tiny-smollm2",)  # with a chat template


def tiny_family(name: str) -> Family:
    """The family of a tiny backbone, from its name alone.

    Raises:
        ValueError: Unknown name.
    """
    tokenizer = train_tokenizer([], size=SMALLEST, chat=name in CHATS)
    return family_of(_tiny_config(name, tokenizer, TinyModelConfig(), positions=8), tokenizer, source=name)


def _tiny_config(
    name: str, tokenizer: PreTrainedTokenizerBase, size: TinyModelConfig, *, positions: int
) -> PretrainedConfig:
    if name not in _CONFIGS:
        raise ValueError(f"unknown tiny backbone {name!r}, expected {' or '.join(TINY)}")
    return _CONFIGS[name](
        size,
        positions=positions,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )


def build_tiny_backbone(
    name: str, texts: Iterable[str], size: TinyModelConfig, *, positions: int | None = None
) -> Backbone:
    """A small model with random weights and a tokenizer of its own, for training from scratch.

    Args:
        name: One of ``TINY``.
        texts: Training text only; validation text must not shape the vocabulary.
        size: Width, layers, heads, dropout and vocabulary.
        positions: Longest sequence in tokens. ``None``: 512 as in BlenderBot_small, a chat model's 2,048.

    Raises:
        ValueError: Unknown name.
    """
    chat = name in CHATS
    tokenizer = train_tokenizer(texts, size=size.vocabulary, chat=chat)
    config = _tiny_config(name, tokenizer, size, positions=positions or (2048 if chat else 512))
    return prepare(family_of(config, tokenizer, source=name).build(config), tokenizer)


def train_tokenizer(texts: Iterable[str], *, size: int, chat: bool = False) -> PreTrainedTokenizerFast:
    """Trains byte-level byte-pair encoding (Sennrich et al. 2016; bytes as in GPT-2) on texts.

    Text is lower-cased, as in BlenderBot_small: with a few hundred thousand words of training text, two rows for
    *hello* and *Hello* cost more than the case is worth. Every byte is in the alphabet, so nothing is unknown.

    Args:
        texts: Training text only; validation text must not shape the vocabulary.
        size: Vocabulary size in tokens with the three special tokens, at least 259. Small corpora give fewer.
        chat: Whether it gets a chat template.

    Returns:
        A tokenizer with padding 0, start 1, end 2.

    Raises:
        ValueError: ``size`` cannot hold the bytes and the special tokens.
    """
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if size < SMALLEST:
        raise ValueError(f"vocabulary size {size} is too small, expected at least {SMALLEST}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    # The blank before the first word makes a word the same token at any place.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,  # a pair seen once says nothing about other text
        special_tokens=[PADDING, START, END],
        initial_alphabet=sorted(alphabet),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PADDING,
        bos_token=START,
        eos_token=END,
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE if chat else None,
    )
