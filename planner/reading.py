"""What a reader reads: the last messages of a history as one row of tokens, who speaks and with which strategy."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from corpus.dialogue import Message, Role
from corpus.strategy import LABELS

_MESSAGES = 7
_SMALLEST_PIECE = 16  # tokens of an older message worth keeping where not all of it fits; the mark may take ten
_PREFACE = 5  # tokens that may be needed for the number of messages


class Reading:
    """Turns histories into tokens: ``[CLS] 12 messages [SEP] seeker : ... [SEP] supporter question : ... [SEP]``.

    Args:
        tokenizer: Of the transformer that reads.
        tokens: Longest row; older messages are cut first.
    """

    def __init__(self, tokenizer: Any, *, tokens: int) -> None:
        self._tokenizer = tokenizer
        self._tokens = tokens
        self._ids = lru_cache(maxsize=100_000)(self._tokenize)

    def rows(self, histories: Sequence[Sequence[Message]]) -> list[list[int]]:
        """Token ids of each history, at most ``tokens`` each."""
        return [self._row(history) for history in histories]

    def batch(self, rows: Sequence[list[int]]) -> tuple[Tensor, Tensor]:
        """Rows filled up to the longest: token ids and mask. Shapes: (B, T), int64."""
        longest = max(len(row) for row in rows)
        ids = torch.full((len(rows), longest), int(self._tokenizer.pad_token_id))
        mask = torch.zeros(len(rows), longest, dtype=torch.long)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = torch.tensor(row)
            mask[number, : len(row)] = 1
        return ids, mask

    def _row(self, history: Sequence[Message]) -> list[int]:
        room = self._tokens - _PREFACE - 1
        recent: list[int] = []
        for message in reversed(history[-_MESSAGES:]):
            ids = self._ids(_speaker(message), message.text)
            left = room - len(recent)
            if len(ids) > left:
                if not recent or left > _SMALLEST_PIECE:
                    mark = self._ids(f"{_speaker(message)} :", "")[:-1]  # what is cut still says who spoke
                    recent = [*mark, *ids[len(mark) - left :], *recent]
                break
            recent = list(ids) + recent
        preface = self._ids(f"{min(len(history), 40)} messages", "")[:_PREFACE]
        return [self._tokenizer.cls_token_id, *preface, *recent]

    def _tokenize(self, speaker: str, text: str) -> tuple[int, ...]:
        whole = f"{speaker} : {text}" if text else speaker
        return (*self._tokenizer(whole, add_special_tokens=False)["input_ids"], self._tokenizer.sep_token_id)


def _speaker(message: Message) -> str:
    if message.role is Role.SEEKER:
        return "seeker"
    return "supporter" if message.strategy is None else f"supporter {LABELS[message.strategy].lower()}"
