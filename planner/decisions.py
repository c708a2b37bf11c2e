"""Training data of planners: what the supporters of a corpus decided next, given history and prefix."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.dialogue import Dialogue, Message, Turn, turn_view
from encoding.observation import Observer, plan_features
from encoding.plan_codec import STOP
from encoding.reasoning_codec import REASONING_SLOTS, UNKNOWN, ReasoningCodec


@dataclass(frozen=True)
class Decisions:
    """N decisions as arrays.

    Attributes:
        messages: The histories themselves. Length: U.
        history: Encoded histories, each distinct one once. Shape: (U, H), float32.
        dialogue: Which of the given dialogues each history is from. Shape: (U,).
        reasoning: Labels of each history's reasoning slots, -1 = unknown. Shape: (U, 5).
        following: What followed each history: 0..7, or 8 = STOP where the turn ended there. Shape: (U,).
        multi_strategy: 1 where the turn of the history has two or more messages, else 0. Shape: (U,).
        row: Which history each decision has. Shape: (N,).
        slots: Prefix. Shape: (N, K).
        decision: What was done: 0..7, 8 = STOP. Shape: (N,).
        openings: Which history comes before each turn. Shape: (T,).
        plans: Gold plan of each turn, uncut. Length: T.
        message_decisions: The first so many decisions are those of the message view, in its order.
    """

    messages: tuple[tuple[Message, ...], ...]
    history: np.ndarray
    dialogue: np.ndarray
    reasoning: np.ndarray
    following: np.ndarray
    multi_strategy: np.ndarray
    row: np.ndarray
    slots: np.ndarray
    decision: np.ndarray
    openings: np.ndarray
    plans: tuple[tuple[int, ...], ...]
    message_decisions: int

    @property
    def plan(self) -> np.ndarray:
        """Plan features of the prefixes. Shape: (N, P)."""
        return plan_features(self.slots)

    @classmethod
    def collect(
        cls, dialogues: Sequence[Dialogue], *, observer: Observer, reasoning: ReasoningCodec | None = None
    ) -> "Decisions":
        """Every decision of the dialogues, from every state in which a planner can meet it.

        A turn's messages are decided one after the other. Of those decided already, the first ones may have been
        realized, so that the history holds their text, and the others are planned only. Hence there is one decision for
        every pair of ``realized`` <= ``decided`` messages of a turn: the next strategy, or STOP after the last.

        Args:
            reasoning: Gives the labels of the reasoning slots; without it all are unknown.
        """
        codec = observer.codec
        histories: list[tuple[Message, ...]] = []
        turns: list[Turn] = []
        origin: list[tuple[int, int, int, bool]] = []  # of every history: dialogue, turn, what followed, multi_strategy
        of_messages: list[tuple[int, Sequence[int], int]] = []  # (row, prefix, decision), all decided are realized
        ahead: list[tuple[int, Sequence[int], int]] = []
        for number, dialogue in enumerate(dialogues):
            for turn in dialogue.turns():
                plan = turn.plan
                for realized in range(max(len(plan), min(len(plan) + 1, codec.max_strategies))):
                    row = len(histories)
                    histories.append(dialogue.messages[: turn.start + realized])
                    following = int(plan[realized]) if realized < len(plan) else STOP
                    origin.append((number, len(turns), following, len(plan) > 1))
                    if realized >= codec.max_strategies:  # messages beyond the longest plan
                        of_messages.append((row, plan[:realized], int(plan[realized])))
                        continue
                    for decided in range(realized, min(len(plan) + 1, codec.max_strategies)):
                        decision = int(plan[decided]) if decided < len(plan) else STOP
                        is_message = decided == realized and decision != STOP
                        (of_messages if is_message else ahead).append((row, plan[:decided], decision))
                turns.append(turn)
        row_of, plans, decisions = zip(*of_messages, *ahead, strict=True)
        dialogue_of, turn_of, followed, multi_strategy = np.array(origin, np.int64).T
        unknown = np.full((len(turns), len(REASONING_SLOTS)), UNKNOWN)
        labels = unknown if reasoning is None else reasoning.labels(turns)
        return cls(
            messages=tuple(histories),
            history=observer.encode_histories(histories),
            dialogue=dialogue_of,
            reasoning=labels[turn_of],
            following=followed,
            multi_strategy=multi_strategy,
            row=np.array(row_of),
            slots=np.stack([codec.prefix_slots(plan) for plan in plans]),
            decision=np.array(decisions),
            openings=np.flatnonzero(np.diff(turn_of, prepend=-1)),
            plans=tuple(tuple(int(strategy) for strategy in turn.plan) for turn in turns),
            message_decisions=len(of_messages),
        )


def training_turns(train: Sequence[Dialogue], *, name: str) -> list[Turn]:
    """Every supporter turn of the training dialogues, in order.

    Args:
        name: Who wants to learn; named in the error.

    Raises:
        ValueError: There is no supporter turn to learn from.
    """
    turns = turn_view(train)
    if not turns:
        raise ValueError(f"{name}: no supporter turn to learn from in {len(train)} training dialogues")
    return turns
