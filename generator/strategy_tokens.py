"""The eight strategies as special tokens of a tokenizer, each with a sensible first embedding.

Variant ``one-by-one`` has one more: ``[continue]`` ends a message that another of the same turn follows, where the end
token ends the last. Together they are its stop decision.
"""

from typing import cast

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from corpus.strategy import Strategy

CONTINUE = "[continue]"


def strategy_token(strategy: Strategy) -> str:
    """A strategy as it stands in a token sequence: its label in square brackets, as in the 2021 release."""
    return f"[{strategy.label}]"


def add_strategy_tokens(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, stop_decision: bool = False
) -> list[int]:
    """Adds the eight strategy tokens to the tokenizer and one embedding row for each to the model.

    A new row starts as the mean of the embeddings of its label's word pieces, so that ``[Providing Suggestions]``
    begins near *providing* and *suggestions* instead of at a random point. Input and output embeddings are tied in
    both supported architectures; an untied output matrix gets the mean of its own rows.

    Args:
        model: Grown in place to ``len(tokenizer)`` rows.
        tokenizer: Extended in place.
        stop_decision: Add ``[continue]`` too, after them.

    Returns:
        Token ids in the order of :class:`Strategy`, 8 numbers; with a stop decision a ninth, of ``[continue]``.

    Raises:
        ValueError: The tokenizer has one of the tokens already, so its row would be overwritten.
    """
    tokens = added_tokens(stop_decision=stop_decision)
    present = [token for token in tokens if token in tokenizer.get_vocab()]
    if present:
        raise ValueError(f"the tokenizer has the strategy tokens {', '.join(present)} already")
    words = [text_ids(tokenizer, token.strip("[]")) for token in tokens]  # before the tokens exist
    tokenizer.add_special_tokens({"additional_special_tokens": tokens}, replace_extra_special_tokens=False)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    ids = [tokenizer.get_vocab()[token] for token in tokens]
    layers = (model.get_input_embeddings(), model.get_output_embeddings())
    matrices = {id(layer.weight): cast(torch.Tensor, layer.weight) for layer in layers}  # one where they are tied
    with torch.no_grad():
        for weight in matrices.values():  # (vocabulary, width)
            for row, pieces in zip(ids, words, strict=True):
                weight[row] = weight[pieces].mean(dim=0)
    return ids


def added_tokens(*, stop_decision: bool) -> list[str]:
    """The tokens a variant adds to a tokenizer, in their order: eight strategies, then the decision to continue."""
    return [*(strategy_token(strategy) for strategy in Strategy), *([CONTINUE] if stop_decision else [])]


def strategy_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Token ids of the eight strategies in the order of :class:`Strategy`.

    Raises:
        ValueError: The tokenizer lacks one of them.
    """
    vocabulary = tokenizer.get_vocab()
    missing = [strategy_token(strategy) for strategy in Strategy if strategy_token(strategy) not in vocabulary]
    if missing:
        raise ValueError(f"the tokenizer lacks the strategy tokens {', '.join(missing)}")
    return [vocabulary[strategy_token(strategy)] for strategy in Strategy]


def continue_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """Token id of the decision that another message of the turn follows.

    Raises:
        ValueError: The tokenizer lacks it.
    """
    vocabulary = tokenizer.get_vocab()
    if CONTINUE not in vocabulary:
        raise ValueError(f"the tokenizer lacks the token {CONTINUE} of variant one-by-one")
    return vocabulary[CONTINUE]


def text_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of plain text, without start or end token.

    Line breaks and runs of blanks become one blank, as they carry no meaning in a chat message. Text that looks like
    a special token stays ordinary text; where a vocabulary has such a word as a token of its own (BlenderBot_small's
    ``__end__``) it is left out, so that no message can end or begin another.
    """
    ids = tokenizer(" ".join(text.split()), add_special_tokens=False, split_special_tokens=True)["input_ids"]
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    return [token for token in ids if token not in special]
