"""Gold decisions to learn from: what a supporter did next, given the history and the turn so far."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.dialogue import Dialogue, Message, turn_view
from encoding.observation import Observer, plan_features
from encoding.plan_codec import STOP


@dataclass(frozen=True)
class Decisions:
    """N decisions as arrays.

    Attributes:
        history: Encoded histories, each distinct one once. Shape: (U, H), float32.
        row: Which history each decision has. Shape: (N,).
        slots: Plan so far. Shape: (N, K).
        decision: What was done: 0..7, 8 = STOP. Shape: (N,).
        utterances: The first ``utterances`` decisions are those of the message view, in its order.
    """

    history: np.ndarray
    row: np.ndarray
    slots: np.ndarray
    decision: np.ndarray
    utterances: int

    @property
    def plan(self) -> np.ndarray:
        """Plan features. Shape: (N, P)."""
        return plan_features(self.slots)

    @classmethod
    def collect(cls, dialogues: Sequence[Dialogue], *, observer: Observer) -> "Decisions":
        """Every decision of the dialogues, from every state in which a planner can meet it.

        A turn's messages are decided one after the other; of those decided already, the first ones may have been
        realized and stand in the history with their text, the others are planned only. Hence one decision for every
        pair of ``realized`` <= ``decided`` messages of a turn: the next strategy, or STOP after the last.
        """
        codec = observer.codec
        histories: list[tuple[Message, ...]] = []
        of_messages: list[tuple[int, Sequence[int], int]] = []  # (row, plan so far, decision), all decided are realized
        ahead: list[tuple[int, Sequence[int], int]] = []
        for turn in turn_view(list(dialogues)):
            plan = turn.plan
            for realized in range(min(len(plan) + 1, codec.max_strategies)):
                row = len(histories)
                histories.append(turn.dialogue.messages[: turn.start + realized])
                for decided in range(realized, min(len(plan) + 1, codec.max_strategies)):
                    decision = int(plan[decided]) if decided < len(plan) else STOP
                    is_message = decided == realized and decision != STOP
                    (of_messages if is_message else ahead).append((row, plan[:decided], decision))
            for index in range(codec.max_strategies, len(plan)):  # messages beyond the longest plan
                histories.append(turn.dialogue.messages[: turn.start + index])
                of_messages.append((len(histories) - 1, plan[:index], int(plan[index])))
        row_of, plans, decisions = zip(*of_messages, *ahead, strict=True)
        return cls(
            history=observer.encode_histories(histories),
            row=np.array(row_of),
            slots=np.stack([codec.slots(plan) for plan in plans]),
            decision=np.array(decisions),
            utterances=len(of_messages),
        )
