"""Exchanges: what a seeker had said, what the supporter answered, what the seeker said to that.

The unit that the seeker's models learn from and that the retrieval seeker answers with. There is one exchange per
supporter turn that follows a message by the seeker; a dialogue's last reply is empty where the supporter has
the last word.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from encoding.observation import Embedder
from seeker.strategy_tracks import StrategyTracks


@dataclass(frozen=True, eq=False)
class Exchanges:
    """N exchanges of M dialogues, those of a dialogue side by side and in order.

    Attributes:
        dialogues: The M dialogues.
        dialogue: Row of its dialogue. Shape: (N,), int.
        plans: The supporter's plan in each.
        tracks: Of the supporter turns before.
        supporter_texts: The supporter's messages, one per strategy.
        replies: The seeker's messages after; empty where there are none.
        stars: The seeker's rating among them, the last if there are several; 0 where none was given. Shape: (N,), int.
        before: Mean embedding of the seeker's last run of messages before. Shape: (N, D), float32.
        supporter: Mean embedding of the supporter's messages. Shape: (N, D), float32.
        after: Mean embedding of the reply, zero without one. Shape: (N, D), float32.
        situation: Embedding of the situation of each dialogue, zero where it is empty. Shape: (M, D), float32.
        supporter_words: Words of the supporter's messages. Shape: (N,), int.
        reply_words: Words of the reply. Shape: (N,), int.
    """

    dialogues: tuple[Dialogue, ...]
    dialogue: np.ndarray
    plans: tuple[tuple[Strategy, ...], ...]
    tracks: StrategyTracks
    supporter_texts: tuple[tuple[str, ...], ...]
    replies: tuple[tuple[str, ...], ...]
    stars: np.ndarray
    before: np.ndarray
    supporter: np.ndarray
    after: np.ndarray
    situation: np.ndarray
    supporter_words: np.ndarray
    reply_words: np.ndarray

    @classmethod
    def of(cls, dialogues: Sequence[Dialogue], *, embedder: Embedder) -> "Exchanges":
        """Cuts dialogues into exchanges and embeds each message once.

        Raises:
            CorpusError: A supporter's message has no strategy.
            ValueError: There is no exchange at all.
        """
        rows, plans, earlier, texts, runs, stars = [], [], [], [], [], []
        for row, dialogue in enumerate(dialogues):
            said: list[tuple[Strategy, ...]] = []
            for turn in dialogue.turns():
                plan = turn.plan
                if turn.start > 0:
                    reply = _run_from(dialogue, turn.stop)
                    rows.append(row)
                    plans.append(plan)
                    earlier.append(tuple(said))
                    texts.append(tuple(message.text for message in turn.messages))
                    runs.append((last_run(turn.history), tuple(message.text for message in reply)))
                    stars.append(next((m.feedback for m in reversed(reply) if m.feedback is not None), 0))
                said.append(plan)
        if not rows:
            raise ValueError(f"no exchange in {len(dialogues)} dialogues: no supporter turn follows the seeker")
        before, replies = zip(*runs, strict=True)
        return cls(
            dialogues=tuple(dialogues),
            dialogue=np.array(rows),
            plans=tuple(plans),
            tracks=StrategyTracks.of(earlier),
            supporter_texts=tuple(texts),
            replies=replies,
            stars=np.array(stars),
            before=mean_embeddings(before, embedder=embedder),
            supporter=mean_embeddings(texts, embedder=embedder),
            after=mean_embeddings(replies, embedder=embedder),
            situation=mean_embeddings([_texts(dialogue.situation) for dialogue in dialogues], embedder=embedder),
            supporter_words=word_counts(texts),
            reply_words=word_counts(replies),
        )

    def __len__(self) -> int:
        return len(self.plans)

    @property
    def place(self) -> np.ndarray:
        """Supporter turns before each. Shape: (N,), int."""
        return self.tracks.turns

    @property
    def problems(self) -> tuple[str, ...]:
        """Problem type of each dialogue; empty where the data do not say. Length: M."""
        return tuple(dialogue.problem for dialogue in self.dialogues)


def last_run(history: Sequence[Message]) -> tuple[str, ...]:
    """Texts of the seeker's messages that end a history; empty where it ends with the supporter's."""
    texts: list[str] = []
    for message in reversed(history):
        if message.role is not Role.SEEKER:
            break
        texts.append(message.text)
    return tuple(reversed(texts))


def mean_embeddings(runs: Sequence[Sequence[str]], *, embedder: Embedder) -> np.ndarray:
    """Mean embedding of each run of texts, zero for an empty one. Shape: (N, D), float32."""
    texts = [text for run in runs for text in run]
    lengths = np.array([len(run) for run in runs], np.int64)
    owner = np.repeat(np.arange(len(runs)), lengths)
    sums = np.zeros((len(runs), embedder.dimension), np.float32)
    np.add.at(sums, owner, embedder.encode(texts))
    return sums / np.maximum(1, lengths)[:, None].astype(np.float32)


def word_counts(runs: Sequence[Sequence[str]]) -> np.ndarray:
    """Words, separated by white space, of each run of texts. Shape: (N,), int."""
    return np.array([sum(len(text.split()) for text in run) for run in runs], np.int64)


def _run_from(dialogue: Dialogue, start: int) -> list[Message]:
    """The seeker's run of messages that begins at an index; empty at the dialogue's end."""
    run = []
    for message in dialogue.messages[start:]:
        if message.role is not Role.SEEKER:
            break
        run.append(message)
    return run


def _texts(text: str) -> tuple[str, ...]:
    return (text,) if text else ()
