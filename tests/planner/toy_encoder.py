"""A transformer and a tokenizer small enough to be made in a test, behind a sentence encoder's interface."""

import zlib
from collections.abc import Sequence
from typing import Any

import torch
from transformers import BertConfig, BertModel

from tests.hash_encoder import HashEncoder

WORDS = 300


class ToyTokenizer:
    """One token per word, its number a checksum of the word."""

    pad_token_id, cls_token_id, sep_token_id = 0, 1, 2

    def __init__(self, words: int = WORDS) -> None:
        self._words = words
        self.known: dict[int, str] = {0: "[PAD]", 1: "[CLS]", 2: "[SEP]"}

    def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
        assert not add_special_tokens
        ids = [3 + zlib.crc32(word.encode()) % (self._words - 3) for word in text.split()]
        self.known |= dict(zip(ids, text.split(), strict=True))
        return {"input_ids": ids}

    def words(self, ids: Sequence[int]) -> str:
        """The words again."""
        return " ".join(self.known[number] for number in ids)


def toy_transformer(*, seed: int = 0, layers: int = 2) -> Any:
    """A random BERT of 16 units."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=WORDS,
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=128,
    )
    return BertModel(config, add_pooling_layer=False).eval()


class ToyEncoder(HashEncoder):
    """Stands for :class:`encoding.sentence_encoder.SentenceEncoder`."""

    def token_model(self) -> tuple[Any, Any]:
        """The same tokenizer and weights whenever they are asked for."""
        state = torch.get_rng_state()
        transformer = toy_transformer()
        torch.set_rng_state(state)
        return ToyTokenizer(), transformer
