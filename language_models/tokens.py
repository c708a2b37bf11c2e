"""Text as token ids, and new tokens in a vocabulary, each with a sensible first embedding."""

from collections.abc import Mapping
from typing import cast

import torch
from transformers import PreTrainedTokenizerBase

from language_models.backbone import Backbone


def text_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Token ids of plain text, without start or end token.

    Line breaks and runs of blanks become one blank, as they carry no meaning in a chat message. Text that looks like
    a special token stays ordinary text; where a vocabulary has such a word as a token of its own (BlenderBot_small's
    ``__end__``) it is left out, so that no message can end or begin another.
    """
    ids = tokenizer(" ".join(text.split()), add_special_tokens=False, split_special_tokens=True)["input_ids"]
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    return [token for token in ids if token not in special]


def add_tokens(backbone: Backbone, tokens: Mapping[str, str]) -> list[int]:
    """Adds special tokens to a tokenizer and one embedding row for each to its model, both in place.

    A new row starts as the mean of the embeddings of its words' pieces, so that ``[Providing Suggestions]`` begins near
    *providing* and *suggestions* instead of at a random point. Where input and output embeddings are not tied, the
    output matrix gets the mean of its own rows.

    Args:
        backbone: Grown to ``len(tokenizer)`` rows.
        tokens: New token -> the words that it begins near to.

    Returns:
        Token ids of the new tokens, in their order.

    Raises:
        ValueError: The tokenizer has one of the tokens already, so its row would be overwritten.
    """
    model, tokenizer = backbone.model, backbone.tokenizer
    present = [token for token in tokens if token in tokenizer.get_vocab()]
    if present:
        raise ValueError(f"the tokenizer has the tokens {', '.join(present)} already")
    pieces = [text_ids(tokenizer, words) for words in tokens.values()]  # before the tokens exist
    tokenizer.add_special_tokens({"additional_special_tokens": [*tokens]}, replace_extra_special_tokens=False)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    ids = [tokenizer.get_vocab()[token] for token in tokens]
    layers = (model.get_input_embeddings(), model.get_output_embeddings())
    matrices = {id(layer.weight): cast(torch.Tensor, layer.weight) for layer in layers}  # one where they are tied
    with torch.no_grad():
        for weight in matrices.values():  # (vocabulary, width)
            for row, near in zip(ids, pieces, strict=True):
                weight[row] = weight[near].mean(dim=0)
    return ids
