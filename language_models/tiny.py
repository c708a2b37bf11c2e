"""Tiny models that start from random weights, and their tokenizer, trained on the training text alone."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from language_models.backbone import Backbone, prepare
from language_models.families.family import FAMILIES, family_named
from language_models.settings import TinyModelConfig

# Names and numbers of BlenderBot_small's own special tokens; the byte level leaves no need for an unknown token.
PADDING, START, END = "__null__", "__start__", "__end__"


def build_tiny_backbone(
    name: str, tokenizer: PreTrainedTokenizerBase, size: TinyModelConfig, *, positions: int = 512
) -> Backbone:
    """A small model with random weights, for training from scratch.

    Args:
        name: ``tiny-blenderbot``, ``tiny-dialogpt``, or what another family calls its own.
        tokenizer: With pad, start and end token; its size is that of the vocabulary, whatever ``size`` says.
        size: Width, layers, heads and dropout.
        positions: Longest sequence in tokens; 512 is BlenderBot_small's.

    Raises:
        ValueError: Unknown name.
    """
    family = family_named(name)
    if family is None or name != family.tiny:
        known = " or ".join(sorted(one.tiny for one in FAMILIES.values() if one.tiny))
        raise ValueError(f"unknown tiny backbone {name!r}, expected {known}")
    config = family.tiny_config(
        size,
        positions=positions,
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return prepare(family.build(config), tokenizer)


def train_tokenizer(texts: Iterable[str], *, size: int) -> PreTrainedTokenizerFast:
    """Trains byte-level byte-pair encoding (Sennrich et al. 2016; bytes as in GPT-2) on texts.

    Text is lower-cased, as in BlenderBot_small: with a few hundred thousand words of training text, two rows for
    *hello* and *Hello* cost more than the case is worth. Every byte is in the alphabet, so nothing is unknown.

    Args:
        texts: Training text only; validation text must not shape the vocabulary.
        size: Vocabulary size in tokens with the three special tokens, at least 259. Small corpora give fewer.

    Returns:
        A tokenizer with padding 0, start 1, end 2.

    Raises:
        ValueError: ``size`` cannot hold the bytes and the special tokens.
    """
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    smallest = len(alphabet) + 3
    if size < smallest:
        raise ValueError(f"vocabulary size {size} is too small, expected at least {smallest}")
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
    )
