"""Exchanges, the unit that the seeker learns from and answers with, and what its models see of them.

An exchange is what a seeker had said, what the supporter answered, and what the seeker said to that. There is one for
every supporter turn that follows a message by the seeker; its reply is empty where the supporter has the last word.

State (what the supporter could know), S = C + 41 entries: the seeker's last messages projected to C components, and
:meth:`env.seekers.retrieval.strategy_tracks.StrategyTracks.statistics`.

Features of an exchange, S + 8 + 8 + 5 + 2 C entries: state; the plan's strategies; the same again in the first four
supporter turns, else zero; typicality of the plan, wear of its strategies, its length / 3, log(1 + n) / 4 of the
supporter's words and of the reply's; supporter's messages and reply, projected.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from encoding.text_encoder import TextEncoder
from env.seekers.retrieval.strategy_tracks import StrategyTracks

EARLY_TURNS = 4  # a third of ESConv's mean number of supporter turns: the first stage of three


@dataclass(frozen=True, eq=False)
class Exchanges:
    """N exchanges of M dialogues, those of a dialogue side by side and in order.

    Attributes:
        dialogue: Row of its dialogue. Shape: (N,), int.
        tracks: Of the supporter turns before.
        supporter_texts: The supporter's messages, one per strategy.
        replies: The seeker's messages after; empty where there are none.
        stars: The seeker's rating among them, the last of them; 0 where none was given. Shape: (N,), int.
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
    def of(cls, dialogues: Sequence[Dialogue], *, text_encoder: TextEncoder) -> "Exchanges":
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
            before=mean_embeddings(before, text_encoder=text_encoder),
            supporter=mean_embeddings(texts, text_encoder=text_encoder),
            after=mean_embeddings(replies, text_encoder=text_encoder),
            situation=mean_embeddings(
                [run_of_one(dialogue.situation) for dialogue in dialogues], text_encoder=text_encoder
            ),
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
    def ratings(self) -> np.ndarray:
        """Stars, NaN where none were given. Shape: (N,), float64."""
        return np.where(self.stars > 0, self.stars, np.nan)

    @property
    def turns(self) -> np.ndarray:
        """Supporter turns of each dialogue. Shape: (M,), int."""
        return np.array([len(list(dialogue.turns())) for dialogue in self.dialogues])

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


def mean_embeddings(runs: Sequence[Sequence[str]], *, text_encoder: TextEncoder) -> np.ndarray:
    """Mean embedding of each run of texts, zero for an empty one. Shape: (N, D), float32."""
    texts = [text for run in runs for text in run]
    lengths = np.array([len(run) for run in runs], np.int64)
    owner = np.repeat(np.arange(len(runs)), lengths)
    sums = np.zeros((len(runs), text_encoder.dimension), np.float32)
    np.add.at(sums, owner, text_encoder.encode(texts))
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


def run_of_one(text: str) -> tuple[str, ...]:
    """A text as a run of texts; an empty one gives an empty run."""
    return (text,) if text else ()


@dataclass(frozen=True, eq=False)
class Projection:
    """Principal components of embeddings.

    Attributes:
        mean: Shape: (D,), float32.
        components: Scaled so that the first component has unit variance. Shape: (D, C), float32.
    """

    mean: np.ndarray
    components: np.ndarray

    @classmethod
    def fit(cls, vectors: np.ndarray, *, components: int) -> "Projection":
        """Of (N, D) vectors; fewer components where D or N are smaller."""
        mean = vectors.mean(axis=0)
        centred = (vectors - mean).astype(np.float64)
        variances, directions = np.linalg.eigh(centred.T @ centred / len(vectors))
        number = min(components, *vectors.shape)
        scale = 1 / np.sqrt(max(variances[-1], 1e-12))
        return cls(mean.astype(np.float32), (directions[:, ::-1][:, :number] * scale).astype(np.float32))

    def __call__(self, vectors: np.ndarray) -> np.ndarray:
        """Shape: (N, D) -> (N, C), float32. A zero vector (nothing said) stays zero: it is not centred."""
        said = np.any(vectors != 0, axis=1, keepdims=True)
        return np.where(said, (vectors - self.mean) @ self.components, np.float32(0))


@dataclass(frozen=True, eq=False)
class ExchangeView:
    """What models see of N exchanges, of training or of conversations under way.

    Attributes:
        tracks: Supporter turns before.
        before: The seeker's last messages, projected. Shape: (N, C).
        supporter: The supporter's messages, projected. Shape: (N, C).
        after: The reply, projected. Shape: (N, C).
        supporter_words: Shape: (N,).
        reply_words: Shape: (N,).
    """

    tracks: StrategyTracks
    plans: Sequence[Sequence[Strategy]]
    before: np.ndarray
    supporter: np.ndarray
    after: np.ndarray
    supporter_words: np.ndarray
    reply_words: np.ndarray

    @classmethod
    def of(cls, exchanges: Exchanges, projection: Projection) -> "ExchangeView":
        """Of training exchanges."""
        return cls(
            exchanges.tracks,
            exchanges.plans,
            projection(exchanges.before),
            projection(exchanges.supporter),
            projection(exchanges.after),
            exchanges.supporter_words,
            exchanges.reply_words,
        )

    def state(self) -> np.ndarray:
        """Shape: (N, S), float64; see the module."""
        return state_features(self.tracks, self.before)

    def features(self, typicality: np.ndarray, *, texts: bool = True) -> np.ndarray:
        """All features of the exchanges; see the module.

        Args:
            typicality: Of the plans. Shape: (N,).
            texts: Whether the texts and lengths after the plan are seen; else zero.
        """
        next_turn = StrategyTracks.of([[plan] for plan in self.plans])
        now = next_turn.used[:, 0].astype(np.float64)
        early = now * (self.tracks.turns < EARLY_TURNS)[:, None]
        shown = float(texts)
        scalars = [
            typicality,
            self.tracks.earlier_use(next_turn),
            np.array([len(plan) for plan in self.plans]) / 3,
            shown * np.log1p(self.supporter_words) / 4,
            shown * np.log1p(self.reply_words) / 4,
        ]
        return np.concatenate(
            [self.state(), now, early, np.stack(scalars, axis=1), shown * self.supporter, shown * self.after], axis=1
        )


def state_features(tracks: StrategyTracks, before: np.ndarray) -> np.ndarray:
    """What the supporter could know. Shape: (N, S), float64."""
    return np.concatenate([before.astype(np.float64), tracks.statistics()], axis=1)
