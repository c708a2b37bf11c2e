"""What a corpus holds, in counts: the figures of a corpus summary."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.dialogue import Dialogue, Role, message_view, turn_view
from corpus.errors import CorpusError
from corpus.strategy import Strategy

PROGRESS_INTERVALS = 6  # as the 2021 paper draws the strategies over a conversation (section 4.2)


@dataclass(frozen=True)
class CorpusStatistics:
    """Counts and means over dialogues.

    Attributes:
        messages: Messages of both sides.
        turns: Turns of the supporter.
        multi_message_turns: Turns of two or more messages.
        turn_lengths: Turns by number of messages, ascending.
        strategies: Supporter messages per strategy, all eight, in class order.
        strategies_by_progress: (6, 8) percent of the supporter messages in each sixth of a conversation that have
            each strategy; a row adds up to 100, or to 0 where no supporter message falls in that sixth.
        problems: Dialogues per problem type, most frequent first; dialogues without one are in no row.
        emotions: Dialogues per emotion type, most frequent first; dialogues without one are in no row.
        messages_per_dialogue: Mean number of messages of a dialogue.
        seeker_words: Mean number of words (separated by white space) of a seeker message; ``None`` without any.
        supporter_words: The same of a supporter message.
        words: The same of any message.
    """

    dialogues: int
    messages: int
    supporter_messages: int
    turns: int
    multi_message_turns: int
    turn_lengths: dict[int, int]
    strategies: dict[Strategy, int]
    strategies_by_progress: tuple[tuple[float, ...], ...]
    problems: dict[str, int]
    emotions: dict[str, int]
    messages_per_dialogue: float
    seeker_words: float | None
    supporter_words: float | None
    words: float

    @property
    def seeker_messages(self) -> int:
        """Messages of the seeker."""
        return self.messages - self.supporter_messages


def corpus_statistics(dialogues: Sequence[Dialogue]) -> CorpusStatistics:
    """Counts what the dialogues hold.

    Raises:
        CorpusError: There are none, or a supporter message has no strategy.
    """
    if not dialogues:
        raise CorpusError("no dialogues, expected at least one")
    items = message_view(dialogues)
    turn_lengths = Counter(len(turn.messages) for turn in turn_view(dialogues))
    strategy = np.array([item.strategy for item in items], dtype=np.int64)  # (N,)
    progress = np.array([item.progress for item in items])  # (N,) in [0, 1)
    messages = sum(len(dialogue.messages) for dialogue in dialogues)
    return CorpusStatistics(
        dialogues=len(dialogues),
        messages=messages,
        supporter_messages=len(items),
        turns=turn_lengths.total(),
        multi_message_turns=turn_lengths.total() - turn_lengths[1],
        turn_lengths=dict(sorted((length, count) for length, count in turn_lengths.items() if count)),
        strategies=dict(zip(Strategy, np.bincount(strategy, minlength=len(Strategy)).tolist(), strict=True)),
        strategies_by_progress=_by_progress(strategy, progress),
        problems=dict(Counter(dialogue.problem for dialogue in dialogues if dialogue.problem).most_common()),
        emotions=dict(Counter(dialogue.emotion for dialogue in dialogues if dialogue.emotion).most_common()),
        messages_per_dialogue=messages / len(dialogues),
        seeker_words=mean_words(dialogues, Role.SEEKER),
        supporter_words=mean_words(dialogues, Role.SUPPORTER),
        words=sum(len(message.text.split()) for dialogue in dialogues for message in dialogue.messages) / messages,
    )


def _by_progress(strategy: np.ndarray, progress: np.ndarray) -> tuple[tuple[float, ...], ...]:
    interval = np.floor(progress * PROGRESS_INTERVALS).astype(np.int64)  # (N,) 0..5
    cells = np.bincount(interval * len(Strategy) + strategy, minlength=PROGRESS_INTERVALS * len(Strategy))
    counts = cells.reshape(PROGRESS_INTERVALS, len(Strategy))  # (6, 8)
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return tuple(tuple(row) for row in percent.tolist())


def mean_words(dialogues: Sequence[Dialogue], role: Role) -> float | None:
    """Mean number of words, separated by white space, of one side's messages; ``None`` where it wrote none."""
    lengths = [
        len(message.text.split()) for dialogue in dialogues for message in dialogue.messages if message.role is role
    ]
    return sum(lengths) / len(lengths) if lengths else None
