"""Which tokens may come next: strategies in their places, text between them, an end when the message or turn is over.

A turn reads ``[S1] text [S2] text ... end`` (without strategy tokens in ``vanilla``). The *boundary* tokens, the end
token and the strategy tokens, close a message. Where the plan leaves only one of them, all the probability the model
gives to boundaries goes to that one: the model decides *when* a message is over, the plan decides what follows.
"""

import re
from collections.abc import Sequence

import torch
from transformers import PreTrainedTokenizerBase

from generator.decoding_config import DecodingConfig

FORBIDDEN = float("-inf")
_MARKER = re.compile(r"__[a-z0-9_]*[a-z0-9][a-z0-9_]*__")  # BlenderBot_small's __newln__, __silence__, __fp16_pad_0__
_WORD_START = re.compile("\u0120?[A-Za-z0-9]")


class Vocabulary:
    """Token ids by their part in the grammar.

    Args:
        tokenizer: Of the backbone.
        strategies: Token ids of the strategies; empty in ``vanilla``.
        rows: Rows of the model's output matrix, V.
        device: Where the tensors live.
    """

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, strategies: Sequence[int], *, rows: int, device: torch.device
    ) -> None:
        self.end: int = tokenizer.eos_token_id
        self.boundaries = torch.tensor([self.end, *strategies], device=device)  # (1 + S,), the end first
        words = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        markers = {index for index, word in enumerate(words) if _MARKER.fullmatch(word)}
        beyond = set(range(len(tokenizer), rows))  # rows of padding in the matrix, no tokens
        banned = (set(tokenizer.all_special_ids) | markers | beyond) - {self.end, *strategies}
        self.banned = _mask(banned, rows, device)
        # A message begins with a letter or digit, so that none is empty once blanks and broken bytes are gone;
        # byte-level tokenizers show the blank before a word as a letter of its own.
        opening = {index for index, word in enumerate(words) if _WORD_START.match(word)}
        self.not_opening = ~_mask(opening - banned - {self.end, *strategies}, rows, device)


class TurnGrammar:
    """State of a batch of turns, one row each, and what may follow.

    Args:
        vocabulary: Token ids by their part.
        plans: Strategy token ids in order for every row; ``None`` where the model chooses its strategies itself.
        free_messages: Most messages of a row without a plan: 1, or more in ``all-in-one``.
        config: Shortest and longest message.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        plans: Sequence[Sequence[int] | None],
        *,
        free_messages: int,
        config: DecodingConfig,
    ) -> None:
        device = vocabulary.banned.device
        self.vocabulary = vocabulary
        self.config = config
        self.with_strategies = len(vocabulary.boundaries) > 1
        self.free = torch.tensor([plan is None for plan in plans], device=device)  # (B,)
        self.messages = torch.tensor([free_messages if plan is None else len(plan) for plan in plans], device=device)
        width = max((len(plan) for plan in plans if plan is not None), default=0)
        # What closes the k-th message of a planned row: the next strategy, or the end.
        rows = [[*(plan or ())] + [vocabulary.end] * (width + 1 - len(plan or ())) for plan in plans]
        self.planned = torch.tensor(rows, device=device)  # (B, W + 1)
        self.started = torch.zeros(len(plans), dtype=torch.long, device=device)  # messages begun, (B,)
        self.length = torch.zeros(len(plans), dtype=torch.long, device=device)  # text tokens of this message, (B,)
        self.finished = torch.zeros(len(plans), dtype=torch.bool, device=device)
        if not self.with_strategies:
            self.started += 1

    def restrict(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits (B, V) with all tokens at minus infinity that must not come next."""
        boundaries = self.vocabulary.boundaries
        opening = self.started == 0  # (B,): nothing written yet, a strategy is due
        limited = logits.masked_fill(self.vocabulary.banned, FORBIDDEN)
        limited = torch.where(
            (self.length == 0)[:, None], limited.masked_fill(self.vocabulary.not_opening, FORBIDDEN), limited
        )
        must_close = opening | (self.length >= self.config.max_message_tokens)
        limited = limited.masked_fill(must_close[:, None], FORBIDDEN)
        limited[:, boundaries] = self._boundary_logits(logits[:, boundaries], opening)
        return limited

    def advance(self, tokens: torch.Tensor) -> torch.Tensor:
        """Takes the tokens drawn (B,); returns which of them are text, bool (B,)."""
        ends = tokens == self.vocabulary.end
        begins = torch.isin(tokens, self.vocabulary.boundaries) & ~ends
        text = ~(ends | begins | self.finished)
        self.finished |= ends
        self.started += begins
        self.length = torch.where(begins, 0, self.length + text)
        return text

    def keep(self, rows: torch.Tensor) -> None:
        """Drops all rows but the given ones."""
        for name in ("free", "messages", "planned", "started", "length", "finished"):
            setattr(self, name, getattr(self, name)[rows])

    def _boundary_logits(self, logits: torch.Tensor, opening: torch.Tensor) -> torch.Tensor:
        """Logits of the boundary tokens, (B, 1 + S): which of them may come, and with whose probability."""
        boundaries = self.vocabulary.boundaries
        column = self.started.clamp(max=self.planned.shape[1] - 1)
        planned = self.planned.gather(1, column[:, None])  # (B, 1): what the plan puts next
        last = (self.started >= self.messages)[:, None]
        is_end = (boundaries == self.vocabulary.end)[None]
        # A free row draws among the strategies at first, may then go on or end, and at its last message must end.
        free = torch.where(opening[:, None], ~is_end, torch.where(last, is_end, torch.ones_like(is_end)))
        allowed = torch.where(self.free[:, None], free, boundaries[None] == planned)
        single = allowed.sum(dim=1, keepdim=True) == 1
        merged = torch.where(single, logits.float().logsumexp(dim=1, keepdim=True).to(logits.dtype), logits)
        # Too short a message goes on.
        short = (~opening & (self.length < max(1, self.config.min_message_tokens)))[:, None]
        return merged.masked_fill(~allowed | short, FORBIDDEN)


def _mask(tokens: set[int], rows: int, device: torch.device) -> torch.Tensor:
    mask = torch.zeros(rows, dtype=torch.bool, device=device)
    mask[sorted(tokens)] = True
    return mask
