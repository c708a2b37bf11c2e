"""Predictions: what ensemble and fine-tuned encoders predict from a history, as one vector; all that the policy sees.

===========  ============  ========================================================================================
block        entries       meaning
===========  ============  ========================================================================================
decisions    rows * 9      log-probability of every decision after every prefix that can still grow
                           (:class:`planner.plan_distribution.PlanSpace`), not below -20; 73 rows for plans of up to 3
reasoning    R             log-probability of every value of the five reasoning slots; nothing without reasoning
fine-tuned   10            the fine-tuned encoders' log-probabilities of 8 strategies and STOP now, log-odds of a
                           multi-strategy turn; nothing without fine-tuned encoders
context      45            position, strategy use, last run, habits and opening, as in :mod:`encoding.observation`
===========  ============  ========================================================================================
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from corpus.dialogue import Message
from encoding.observation import STATISTICS, turn_prefix
from encoding.plan_codec import STOP
from encoding.reasoning_codec import ReasoningCodec
from planner.base_models.ensemble import Ensemble
from planner.base_models.fine_tuned_encoder import MULTI_STRATEGY, OUTPUTS, FineTunedEncoders
from planner.plan_distribution import IMPOSSIBLE, PlanSpace

LOWEST = -20.0  # log-probability
_FAINTEST = -6.0  # log-probabilities below this are all alike to the policy network
_FINE_TUNED_SHARE = 0.5  # of the next decision's probability: as good as the whole ensemble
_BATCH = 256  # histories per forward pass: every decision after every prefix is computed

_Array = TypeVar("_Array", np.ndarray, Tensor)


@dataclass(frozen=True)
class PredictionLayout:
    """Which entry of a vector of predictions means what.

    Attributes:
        space: The prefixes, one row of decisions each.
        reasoning: Values of the reasoning slots; ``None`` without reasoning.
        fine_tuned: Whether there are fine-tuned encoders.
    """

    space: PlanSpace
    reasoning: ReasoningCodec | None
    fine_tuned: bool

    @property
    def rows(self) -> int:
        """Prefixes that can still grow."""
        return len(self.space.prefixes)

    @property
    def reasoning_width(self) -> int:
        """R."""
        return self.reasoning.width if self.reasoning is not None else 0

    @property
    def size(self) -> int:
        """S, entries of a vector of predictions."""
        return self.rows * (STOP + 1) + self._rest

    @property
    def _rest(self) -> int:
        """Entries after the decisions."""
        return self.reasoning_width + OUTPUTS * self.fine_tuned + STATISTICS

    def table(self, predictions: _Array) -> _Array:
        """The block of decisions, as a view that can be written to. Shape: (B, S) -> (B, rows, 9)."""
        return predictions[:, : self.rows * (STOP + 1)].reshape(len(predictions), self.rows, STOP + 1)

    def decisions(self, predictions: Tensor) -> Tensor:
        """Log-probabilities of decisions, what is impossible masked. Shape: (B, S) -> (B, rows, 9)."""
        return self.table(predictions).masked_fill(~self.space.allowed.to(predictions.device), IMPOSSIBLE)

    def decisions_after(self, predictions: Tensor, rows: Tensor) -> Tensor:
        """Only the rows asked for, nothing masked. Shapes: (B, S), (B, steps) -> (B, steps, 9)."""
        return self.table(predictions).gather(1, rows[:, :, None].expand(-1, -1, STOP + 1))

    def slots(self, predictions: Tensor) -> list[Tensor]:
        """Log-probabilities of the values of each reasoning slot: five of shape (B, size), or none."""
        if self.reasoning is None:
            return []
        start = self.rows * (STOP + 1)
        return list(predictions[:, start : start + self.reasoning_width].split(list(self.reasoning.sizes), dim=1))

    def summary(self, predictions: Tensor) -> Tensor:
        """The first decision, stopping after it, reasoning and context: all but the decisions that are far ahead.

        Shape: (B, S) -> (B, summary_size), scaled to about -1..1.
        """
        table = self.table(predictions)
        first, stops = table[:, 0, :STOP], table[:, 1 : 1 + STOP, STOP]  # rows 1..8: plans of one strategy
        rest = predictions[:, self.rows * (STOP + 1) :]
        logarithms, context = rest.split([self._rest - STATISTICS, STATISTICS], dim=1)
        predicted = torch.cat([first, stops, logarithms], dim=1).clamp(min=_FAINTEST)
        return torch.cat([predicted / -_FAINTEST, context], dim=1)

    @property
    def summary_size(self) -> int:
        """Entries of :meth:`summary`."""
        return (2 if self.rows > 1 else 1) * STOP + self._rest  # plans of one strategy need no decision after it

    @torch.no_grad()
    def collect(
        self,
        ensemble: Ensemble,
        fine_tuned: FineTunedEncoders | None,
        *,
        history: np.ndarray,
        messages: Sequence[Sequence[Message]],
        fold: np.ndarray | None = None,
    ) -> np.ndarray:
        """Predicts from histories.

        The fine-tuned encoders predict the next decision, after the prefix in the history: there they get half of the
        weight.

        Args:
            fine_tuned: Predict from the messages, if the layout has them.
            history: Encoded histories. Shape: (N, H).
            messages: The histories themselves. Length: N.
            fold: Fold of the training dialogue of each history: out-of-fold predictions. Shape: (N,). ``None``: new
                dialogues, all models predict.

        Returns:
            Shape: (N, S), float32.
        """
        predictions = np.zeros((len(history), self.size), np.float32)
        parts: list[tuple[int | None, np.ndarray]] = [(None, np.arange(len(history)))]
        if fold is not None:
            parts = [(int(part), np.flatnonzero(fold == part)) for part in np.unique(fold)]
        context = self.size - STATISTICS
        for part, rows in parts:
            for start in range(0, len(rows), _BATCH):
                here = rows[start : start + _BATCH]
                predicted = self._of_ensemble(ensemble, history[here], part)
                predictions[here, : predicted.shape[1]] = predicted
        if fine_tuned is not None:
            predicted = fine_tuned.predict(messages, fold=fold)
            predictions[:, context - OUTPUTS : context] = predicted
            self._pool(self.table(predictions), predicted[:, :MULTI_STRATEGY], messages)
        predictions[:, context:] = history[:, -STATISTICS:]
        return predictions

    def prefix_rows(self, messages: Sequence[Sequence[Message]]) -> tuple[np.ndarray, np.ndarray]:
        """Row of the prefix that ends each history, and whether it can still grow. Shapes: (N,), (N,) bool."""
        codec = self.space.codec
        prefixes = [turn_prefix(history) for history in messages]
        slots = np.array([codec.prefix_slots(prefix) for prefix in prefixes]).reshape(-1, codec.max_strategies)
        can_grow = np.array([len(prefix) < codec.max_strategies for prefix in prefixes], bool)
        return self.space.row_of_code[codec.code(slots)], can_grow

    def _of_ensemble(self, ensemble: Ensemble, history: np.ndarray, fold: int | None) -> np.ndarray:
        device = ensemble.device
        table, scores = ensemble(
            torch.from_numpy(history).to(device),
            self.space.features.to(device),
            self.space.allowed.to(device),
            fold=fold,
        )
        parts = [table.clamp(min=LOWEST).flatten(1)]
        if self.reasoning is not None:
            slots = scores.split(list(self.reasoning.sizes), dim=1)
            parts += [slot.log_softmax(1).clamp(min=LOWEST) for slot in slots]
        return torch.cat(parts, dim=1).cpu().numpy()

    def _pool(self, table: np.ndarray, predicted: np.ndarray, messages: Sequence[Sequence[Message]]) -> None:
        """Writes the mean of ensemble and fine-tuned encoders into the prefix's row. Shapes: (N, rows, 9), (N, 9)."""
        rows, can_grow = self.prefix_rows(messages)
        here = np.flatnonzero(can_grow)
        pooled = (1 - _FINE_TUNED_SHARE) * np.exp(table[here, rows[here]]) + _FINE_TUNED_SHARE * np.exp(predicted[here])
        table[here, rows[here]] = np.log(np.maximum(pooled, np.exp(LOWEST)))
