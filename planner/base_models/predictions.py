"""Beliefs: what members and readers think of a history, as one short vector; all that the deliberating policy sees.

=========  ============  ==========================================================================================
block      entries       meaning
=========  ============  ==========================================================================================
decisions  rows * 9      log-probability of every decision after every plan so far that can still grow
                         (:class:`planner.policy.plan_space.PlanSpace`), not below -20; 73 rows for plans of up to 3
reasoning  R             log-probability of every value of the five reasoning slots; nothing without reasoning
reading    10            log-probabilities of 8 strategies and STOP now, log-odds of several messages; nothing without
                         readers
context    45            position, strategy use, last run, habits and opening, as in :mod:`encoding.observation`
=========  ============  ==========================================================================================
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from corpus.dialogue import Message
from encoding.observation import STATISTICS, turn_prefix
from encoding.plan_codec import STOP
from encoding.reasoning_codec import ReasoningCodec
from planner.base_models.ensemble import IMPOSSIBLE, EnsembleNetwork
from planner.base_models.fine_tuned_encoder import MULTI_STRATEGY, OUTPUTS, FineTunedEncoders
from planner.policy.plan_space import PlanSpace

_LOWEST = -20.0
_FAINTEST = -6.0  # log-probabilities below this are all alike to the deliberating network
_READER_SHARE = 0.5  # of the probability where a reader speaks: readers and the three kinds of members are as good
_BATCH = 256  # histories per forward pass: every decision after every prefix is computed


@dataclass(frozen=True)
class PredictionLayout:
    """Where things stand in a belief vector.

    Attributes:
        space: The plans so far, one row of decisions each.
        reasoning: Values of the reasoning slots; ``None`` without reasoning.
        readers: Whether readers believe something too.
    """

    space: PlanSpace
    reasoning: ReasoningCodec | None
    readers: bool

    @property
    def rows(self) -> int:
        """Plans so far that can still grow."""
        return len(self.space.prefixes)

    @property
    def reasoning_width(self) -> int:
        """R."""
        return self.reasoning.width if self.reasoning is not None else 0

    @property
    def size(self) -> int:
        """S, entries of a belief vector."""
        return self.rows * (STOP + 1) + self._rest

    @property
    def _rest(self) -> int:
        """Entries after the decisions."""
        return self.reasoning_width + OUTPUTS * self.readers + STATISTICS

    def decisions(self, beliefs: Tensor) -> Tensor:
        """Log-probabilities of decisions, what is impossible masked. Shape: (B, S) -> (B, rows, 9)."""
        table = beliefs[:, : self.rows * (STOP + 1)].reshape(-1, self.rows, STOP + 1)
        return table.masked_fill(~self.space.allowed.to(beliefs.device), IMPOSSIBLE)

    def decisions_after(self, beliefs: Tensor, rows: Tensor) -> Tensor:
        """Only the rows asked for, nothing masked. Shapes: (B, S), (B, steps) -> (B, steps, 9)."""
        table = beliefs[:, : self.rows * (STOP + 1)].unflatten(1, (self.rows, STOP + 1))
        return table.gather(1, rows[:, :, None].expand(-1, -1, STOP + 1))

    def slots(self, beliefs: Tensor) -> list[Tensor]:
        """Log-probabilities of the values of each reasoning slot: five of shape (B, size), or none."""
        if self.reasoning is None:
            return []
        start = self.rows * (STOP + 1)
        return list(beliefs[:, start : start + self.reasoning_width].split(list(self.reasoning.sizes), dim=1))

    def summary(self, beliefs: Tensor) -> Tensor:
        """The part without the decisions that are far ahead: first decision, stopping after it, reasoning, context.

        Shape: (B, S) -> (B, summary_size), scaled to about -1..1.
        """
        table = beliefs[:, : self.rows * (STOP + 1)].reshape(-1, self.rows, STOP + 1)
        first, stops = table[:, 0, :STOP], table[:, 1 : 1 + STOP, STOP]  # rows 1..8: plans of one strategy
        logarithms, context = beliefs[:, self.rows * (STOP + 1) :].split([self._rest - STATISTICS, STATISTICS], dim=1)
        believed = torch.cat([first, stops, logarithms], dim=1).clamp(min=_FAINTEST)
        return torch.cat([believed / -_FAINTEST, context], dim=1)

    @property
    def summary_size(self) -> int:
        """Entries of :meth:`summary`."""
        return (2 if self.rows > 1 else 1) * STOP + self._rest  # plans of one strategy need no decision after it

    @torch.no_grad()
    def collect(
        self,
        network: EnsembleNetwork,
        readers: FineTunedEncoders | None,
        *,
        history: np.ndarray,
        messages: Sequence[Sequence[Message]],
        fold: np.ndarray | None = None,
    ) -> np.ndarray:
        """What members and readers believe.

        A reader speaks about the next decision, after the supporter's messages that end the history: there it gets
        half of the weight.

        Args:
            network: The members.
            readers: The readers, if the layout has them.
            history: Encoded histories. Shape: (N, H).
            messages: The histories themselves. Length: N.
            fold: The part of the training dialogues each history belongs to: only who never saw the part answers.
                Shape: (N,). ``None``: new dialogues, all answer.

        Returns:
            Shape: (N, S), float32.
        """
        beliefs = np.zeros((len(history), self.size), np.float32)
        parts: list[tuple[int | None, np.ndarray]] = [(None, np.arange(len(history)))]
        if fold is not None:
            parts = [(int(part), np.flatnonzero(fold == part)) for part in np.unique(fold)]
        table_size, context = self.rows * (STOP + 1), self.size - STATISTICS
        for part, rows in parts:
            for start in range(0, len(rows), _BATCH):
                here = rows[start : start + _BATCH]
                believed = self._members(network, history[here], part)
                beliefs[here, : believed.shape[1]] = believed
        if readers is not None:
            reading = readers.read(messages, fold=fold)
            beliefs[:, context - OUTPUTS : context] = reading
            self._pool(beliefs[:, :table_size].reshape(-1, self.rows, STOP + 1), reading[:, :MULTI_STRATEGY], messages)
        beliefs[:, context:] = history[:, -STATISTICS:]
        return beliefs

    def _members(self, network: EnsembleNetwork, history: np.ndarray, fold: int | None) -> np.ndarray:
        device = network.device
        table, scores = network.decide(
            torch.from_numpy(history).to(device),
            self.space.features.to(device),
            self.space.allowed.to(device),
            fold=fold,
        )
        parts = [table.clamp(min=_LOWEST).flatten(1)]
        if self.reasoning is not None:
            slots = scores.split(list(self.reasoning.sizes), dim=1)
            parts += [slot.log_softmax(1).clamp(min=_LOWEST) for slot in slots]
        return torch.cat(parts, dim=1).cpu().numpy()

    def _pool(self, table: np.ndarray, reading: np.ndarray, messages: Sequence[Sequence[Message]]) -> None:
        """Writes the mean of members and readers into the row of what stands. Shapes: (N, rows, 9), (N, 9)."""
        codec = self.space.codec
        realized = [turn_prefix(history) for history in messages]
        here = np.flatnonzero([len(plan) < codec.max_strategies for plan in realized])
        if not len(here):
            return
        slots = np.stack([codec.prefix_slots(realized[number]) for number in here])
        rows = self.space.row_of_code[codec.code(slots)]
        pooled = (1 - _READER_SHARE) * np.exp(table[here, rows]) + _READER_SHARE * np.exp(reading[here])
        table[here, rows] = np.log(np.maximum(pooled, np.exp(_LOWEST)))
