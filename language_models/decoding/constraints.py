"""Which tokens may come next: markers in their places, text between them, an end when the message or turn is over.

A turn reads ``[M1] text [M2] text ... end``, where a *marker* begins a message and says of which kind it is; a backbone
may also know no markers. Where messages are written one at a time, a turn is one of them, ``[M] text end`` or
``[M] text continue``. The *boundary* tokens (end, continue, the markers) close a message; after the first two nothing
is written. Where only one boundary is allowed, because the plan says what follows, all the probability the model gives
to boundaries goes to that one: the model decides *when* a message is over, the plan decides what follows.
"""

import re
from collections.abc import Sequence

import torch

from language_models.backbone import Backbone
from language_models.settings import DecodingConfig

FORBIDDEN = float("-inf")
_PSEUDO_WORD = re.compile(r"__[a-z0-9_]*[a-z0-9][a-z0-9_]*__")  # BlenderBot_small's __newln__, __fp16_pad_0__
_WORD_START = re.compile("[\u0120\u2581]?[A-Za-z0-9]")


class Vocabulary:
    """Token ids by what they do in a turn.

    Args:
        backbone: Whose vocabulary is described.
        markers: Token ids that begin a message, S; possibly none.
        continuation: Token id of the decision that another message follows; ``None`` where the model has none.
    """

    def __init__(self, backbone: Backbone, markers: Sequence[int], *, continuation: int | None = None) -> None:
        tokenizer, device = backbone.tokenizer, backbone.model.device
        rows = backbone.model.get_output_embeddings().weight.shape[0]  # V
        self.end = backbone.layout.end
        self.markers = torch.tensor(list(markers), dtype=torch.long, device=device)  # (S,)
        closing = [self.end] if continuation is None else [self.end, continuation]
        self.closing = torch.tensor(closing, device=device)  # (C,): after them nothing is written, the end first
        self.boundaries = torch.cat([self.closing, self.markers])  # (C + S,)
        words = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
        pseudo_words = {index for index, word in enumerate(words) if _PSEUDO_WORD.fullmatch(word)}
        beyond = set(range(len(tokenizer), rows))  # rows of padding in the matrix, no tokens
        boundaries = {*closing, *markers}
        banned = (set(tokenizer.all_special_ids) | pseudo_words | beyond) - boundaries
        self.banned = _mask(banned, rows, device)  # (V,)
        # A message begins with a letter or digit, so that none is empty once blanks and broken bytes are gone;
        # tokenizers of bytes, and SentencePiece, show the blank before a word as a letter of their own.
        opening = {index for index, word in enumerate(words) if _WORD_START.match(word)}
        self.not_opening = ~_mask(opening - banned - boundaries, rows, device)  # (V,)


class TurnConstraints:
    """State of a batch of turns, one row each, and what may follow.

    Args:
        vocabulary: Token ids by what they do.
        plans: Markers in order for every row; ``None`` where the model chooses them itself.
        closings: Token ids that may close every row's last message, at least one, all of ``vocabulary.closing``.
        free_messages: Most messages of a row without a plan.
        longest: Tokens of text after which every row's messages must end.
        config: Shortest message.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        plans: Sequence[Sequence[int] | None],
        closings: Sequence[Sequence[int]],
        *,
        free_messages: int,
        longest: Sequence[int],
        config: DecodingConfig,
    ) -> None:
        device = vocabulary.banned.device
        self.vocabulary = vocabulary
        self.config = config
        self.free = torch.tensor([plan is None for plan in plans], device=device)  # (B,)
        self.messages = torch.tensor([free_messages if plan is None else len(plan) for plan in plans], device=device)
        width = max((len(plan) for plan in plans if plan is not None), default=1)
        # The marker that begins the k-th message of a planned row; what is filled up is never looked at.
        rows = [[*(plan or ())] + [vocabulary.end] * (width - len(plan or ())) for plan in plans]
        self.planned = torch.tensor(rows, device=device)  # (B, W)
        boundaries = vocabulary.boundaries.tolist()
        self.closing = torch.tensor([[one in closing for one in boundaries] for closing in closings], device=device)
        self.longest = torch.tensor(list(longest), device=device)  # (B,)
        self.started = torch.zeros(len(plans), dtype=torch.long, device=device)  # messages begun, (B,)
        self.length = torch.zeros(len(plans), dtype=torch.long, device=device)  # text tokens of this message, (B,)
        self.finished = torch.zeros(len(plans), dtype=torch.bool, device=device)
        if not len(vocabulary.markers):
            self.started += 1

    def restrict(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits (B, V) with all tokens at minus infinity that must not come next."""
        boundaries = self.vocabulary.boundaries
        opening = self.started == 0  # (B,): nothing is written yet, a marker is due
        limited = logits.masked_fill(self.vocabulary.banned, FORBIDDEN)
        limited = torch.where(
            (self.length == 0)[:, None], limited.masked_fill(self.vocabulary.not_opening, FORBIDDEN), limited
        )
        must_close = opening | (self.length >= self.longest)
        limited = limited.masked_fill(must_close[:, None], FORBIDDEN)
        limited[:, boundaries] = self._boundary_logits(logits[:, boundaries], opening)
        return limited

    def advance(self, tokens: torch.Tensor) -> torch.Tensor:
        """Takes the tokens that come next (B,); returns which of them are text, bool (B,)."""
        ends = torch.isin(tokens, self.vocabulary.closing)
        begins = torch.isin(tokens, self.vocabulary.markers)
        text = ~(ends | begins | self.finished)
        self.finished |= ends
        self.started += begins
        self.length = torch.where(begins, 0, self.length + text)
        return text

    def keep(self, rows: torch.Tensor) -> None:
        """Drops all rows but the given ones."""
        for name in ("free", "messages", "planned", "closing", "longest", "started", "length", "finished"):
            setattr(self, name, getattr(self, name)[rows])

    def _boundary_logits(self, logits: torch.Tensor, opening: torch.Tensor) -> torch.Tensor:
        """Logits of the boundary tokens, (B, C + S): which of them may come, and with whose probability."""
        boundaries = self.vocabulary.boundaries
        column = self.started.clamp(max=self.planned.shape[1] - 1)
        planned = boundaries[None] == self.planned.gather(1, column[:, None])  # the marker that the plan puts next
        # A row without a plan samples one of the markers at first; later it may begin another message or close.
        markers = torch.isin(boundaries, self.vocabulary.markers)[None]
        free = torch.where(opening[:, None], markers, markers | self.closing)
        last = (self.started >= self.messages)[:, None]  # every row must close its last message
        allowed = torch.where(last, self.closing, torch.where(self.free[:, None], free, planned))
        single = allowed.sum(dim=1, keepdim=True) == 1
        merged = torch.where(single, logits.float().logsumexp(dim=1, keepdim=True).to(logits.dtype), logits)
        # A message that is too short cannot be closed.
        short = (~opening & (self.length < max(1, self.config.min_message_tokens)))[:, None]
        return merged.masked_fill(~allowed | short, FORBIDDEN)


def _mask(tokens: set[int], rows: int, device: torch.device) -> torch.Tensor:
    mask = torch.zeros(rows, dtype=torch.bool, device=device)
    mask[sorted(tokens)] = True
    return mask
