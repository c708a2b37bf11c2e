"""A byte-pair tokenizer trained on the training text alone, for backbones that start from scratch."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

# Names and numbers of BlenderBot_small's own special tokens; the byte level leaves no need for an unknown token.
PADDING, START, END = "__null__", "__start__", "__end__"


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
    # The blank before the first word makes a word one token wherever it stands.
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
