"""Gold decisions to learn from: what a supporter did next, given the history and the turn so far."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.dialogue import Dialogue, message_view, turn_view
from encoding.observation import Observer, plan_features, plan_so_far
from encoding.plan_codec import STOP


@dataclass(frozen=True)
class Decisions:
    """N decisions as arrays.

    Attributes:
        history: Encoded histories, each distinct one once. Shape: (U, H), float32.
        row: Which history each decision has. Shape: (N,).
        slots: Plan so far. Shape: (N, K).
        decision: What was done: 0..7, 8 = STOP. Shape: (N,).
        may_stop: Whether STOP was an option: never for the first strategy of a turn, nor where a message is known to
            follow (message view). Shape: (N,), bool.
        utterances: The first ``utterances`` decisions are those of the message view, in its order.
    """

    history: np.ndarray
    row: np.ndarray
    slots: np.ndarray
    decision: np.ndarray
    may_stop: np.ndarray
    utterances: int

    @property
    def plan(self) -> np.ndarray:
        """Plan features. Shape: (N, P)."""
        return plan_features(self.slots)

    @classmethod
    def collect(cls, dialogues: Sequence[Dialogue], *, observer: Observer) -> "Decisions":
        """Every decision of the dialogues, from both views.

        The message view gives the strategy of each message, with the text of the turn's earlier messages in the
        history. The turn view gives what follows each part of a turn's plan, STOP included, from the history before
        the turn alone: what a planner meets when it plans ahead of any text.
        """
        codec = observer.codec
        utterances = message_view(list(dialogues))
        turns = turn_view(list(dialogues))
        histories = [utterance.history for utterance in utterances] + [turn.history for turn in turns]
        row = list(range(len(utterances)))
        slots = [codec.slots(plan_so_far(utterance.history)) for utterance in utterances]
        decision = [int(utterance.strategy) for utterance in utterances]
        for number, turn in enumerate(turns):
            plan = turn.plan
            for length in range(1, min(len(plan) + 1, codec.max_strategies)):
                row.append(len(utterances) + number)
                slots.append(codec.slots(plan[:length]))
                decision.append(int(plan[length]) if length < len(plan) else STOP)
        return cls(
            history=observer.encode_histories(histories),
            row=np.array(row),
            slots=np.stack(slots),
            decision=np.array(decision),
            may_stop=np.arange(len(row)) >= len(utterances),
            utterances=len(utterances),
        )
