"""A simulated seeker that answers with what real seekers said: offline, fitted to data, deterministic under a seed.

To a supporter's plan it replies with the seeker's messages of a training exchange (:mod:`search`): one whose plan and
situation are alike, never the same exchange twice, never two of one dialogue in a row. How it rates the plan
(:mod:`stars`), how bad it feels (:mod:`intensity`) and whether it leaves (:mod:`endings`) come from fitted models
(:mod:`models`). Two traits of each seeker are sampled once, before the first turn: how much of the support it takes in
(receptiveness), and how generously it rates (generosity).

What it remembers of a conversation it writes into the conversation (:class:`SeekerMemory`), not into itself:
conversations can be saved, resumed and shared between processes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpus.dialogue import Dialogue
from corpus.splits import dialogues_digest
from corpus.strategy import Strategy
from encoding.text_encoder import TextEncoder
from env.conversation import HIGHEST_INTENSITY, LOWEST_INTENSITY, Conversation, SeekerReply
from env.seekers.retrieval.config import SeekerConfig
from env.seekers.retrieval.endings import give_up_features
from env.seekers.retrieval.exchanges import (
    Exchanges,
    ExchangeView,
    last_run,
    mean_embeddings,
    run_of_one,
    state_features,
    word_counts,
)
from env.seekers.retrieval.models import SeekerModels, fit_seeker
from env.seekers.retrieval.search import ExchangeSearch, StandIns, States
from env.seekers.retrieval.stars import STARS
from env.seekers.retrieval.strategy_tracks import StrategyTracks, supporter_plans

_UNIT = 1_000_000  # what is carried is in whole millionths
_HEAD, _TURN = 2, 3  # numbers carried of a conversation, and of each of its turns
_NO_EXCHANGE = -1


@dataclass(frozen=True, eq=False)
class SeekerMemory:
    """What B conversations carry, turns padded to T.

    A conversation carries whole numbers: receptiveness, generosity, then for every turn the exchange, the expected
    stars and the typicality; all but exchanges in millionths.

    Attributes:
        receptiveness: How much of what is offered is taken in; NaN before the first turn. Shape: (B,).
        generosity: Of the seeker's ratings, logits; NaN before the first turn. Shape: (B,).
        exchanges: Retrieved so far, in order; -1 after the last. Shape: (B, T), int.
        stars: Sum of expected stars so far. Shape: (B,).
        typicality: Sum so far. Shape: (B,).
        turns: Answered so far. Shape: (B,), int.
    """

    receptiveness: np.ndarray
    generosity: np.ndarray
    exchanges: np.ndarray
    stars: np.ndarray
    typicality: np.ndarray
    turns: np.ndarray

    @classmethod
    def read(cls, carried: Sequence[Sequence[int]]) -> "SeekerMemory":
        """Reads the numbers.

        Raises:
            ValueError: Another kind of seeker wrote them.
        """
        lengths = np.array([len(numbers) for numbers in carried], np.int64)
        if np.any((lengths > 0) & ((lengths < _HEAD) | ((lengths - _HEAD) % _TURN != 0))):
            raise ValueError("retrieval seeker: a conversation carries the memory of another kind of seeker")
        padded = np.full((len(carried), max(_HEAD, int(lengths.max(initial=0)))), _NO_EXCHANGE, np.int64)
        for row, numbers in zip(padded, carried, strict=True):
            row[: len(numbers)] = numbers
        turns = np.maximum(0, lengths - _HEAD) // _TURN
        by_turn = padded[:, _HEAD:].reshape(len(carried), -1, _TURN)  # (B, T, 3)
        answered = np.arange(by_turn.shape[1]) < turns[:, None]
        sums = np.where(answered[..., None], by_turn, 0).sum(axis=1)
        head = np.where((lengths > 0)[:, None], padded[:, :_HEAD] / _UNIT, np.nan)
        return cls(head[:, 0], head[:, 1], by_turn[..., 0], sums[:, 1] / _UNIT, sums[:, 2] / _UNIT, turns)

    @property
    def last_exchange(self) -> np.ndarray:
        """The exchange retrieved last; -1 before the first turn. Shape: (B,), int."""
        if self.exchanges.shape[1] == 0:
            return np.full(len(self.turns), _NO_EXCHANGE)
        last = self.exchanges[np.arange(len(self.turns)), np.maximum(0, self.turns - 1)]
        return np.where(self.turns > 0, last, _NO_EXCHANGE)


def millionths(values: np.ndarray) -> list[int]:
    """As whole numbers. Shape: (N,)."""
    return np.rint(values * _UNIT).astype(np.int64).tolist()


class RetrievalSeeker:
    """Implements :class:`env.conversation.Seeker`.

    Args:
        models: Fitted on ``train``.
        train: The dialogues to answer from.

    Raises:
        ValueError: The models were fitted on other dialogues or with another encoder.
    """

    name = "retrieval"

    def __init__(self, models: SeekerModels, train: Sequence[Dialogue], *, text_encoder: TextEncoder) -> None:
        if models.fitted_on.encoder != text_encoder.fingerprint:
            raise ValueError("retrieval seeker: fitted with another version of the text encoder")
        if models.fitted_on.train != dialogues_digest(train):
            raise ValueError("retrieval seeker: fitted on other training dialogues than those given")
        self.models = models
        self.signature = f"retrieval:train={models.fitted_on.train[:12]}:failed={models.fitted_on.failed}"
        self._exchanges = Exchanges.of(train, text_encoder=text_encoder)
        self._view = ExchangeView.of(self._exchanges, models.projection)
        self._search = ExchangeSearch(self._exchanges, models.projection)
        self._stand_ins = StandIns(self._exchanges)
        self._text_encoder = text_encoder
        self._projected: dict[tuple[str, ...], np.ndarray] = {}  # of openings and situations: as many as profiles

    @classmethod
    def fit(
        cls,
        train: Sequence[Dialogue],
        *,
        text_encoder: TextEncoder,
        failed: Sequence[Dialogue] = (),
        config: SeekerConfig = SeekerConfig(),  # noqa: B008 - frozen
    ) -> "RetrievalSeeker":
        """Fits a seeker to training dialogues (:func:`env.seekers.retrieval.models.fit_seeker`)."""
        models = fit_seeker(train, failed, text_encoder=text_encoder, config=config)
        return cls(models, train, text_encoder=text_encoder)

    @classmethod
    def load(cls, run: Path, train: Sequence[Dialogue], *, text_encoder: TextEncoder) -> "RetrievalSeeker":
        """Loads what ``train.py seeker`` fitted.

        Raises:
            ValueError: No fitted seeker there, or one fitted on other data.
        """
        return cls(SeekerModels.load(run), train, text_encoder=text_encoder)

    def replies(
        self,
        conversations: Sequence[Conversation],
        plans: Sequence[tuple[Strategy, ...]],
        texts: Sequence[tuple[str, ...] | None],
        *,
        rng: np.random.Generator,
    ) -> list[SeekerReply]:
        """See :class:`env.conversation.Seeker`.

        Raises:
            ValueError: A supporter message in a history has no strategy, another kind of seeker answered before, or
                the training exchanges are too few.
        """
        if not conversations:
            return []
        plans = [tuple(plan) for plan in plans]
        memory = SeekerMemory.read([conversation.exchanges for conversation in conversations])
        receptiveness, generosity = self._traits(memory, rng)

        # What is said: the exchange that answers, and the supporter's texts.
        earlier = [supporter_plans(conversation.history) for conversation in conversations]
        tracks = StrategyTracks.of(earlier)
        before, written = self._before(conversations, memory.last_exchange), self._written(texts)
        situation = self._project([run_of_one(conversation.profile.situation) for conversation in conversations])
        problem = tuple(conversation.profile.problem for conversation in conversations)
        found = self._search.find(
            States(before, situation, problem, tracks.turns, written),
            plans,
            used=memory.exchanges,
            last=memory.last_exchange,
            rng=rng,
        )
        spoken = self._stand_ins.texts(found, plans, texts, rng=rng)

        # How the plan is rated, now and on average over the conversation.
        typicality = self.models.typicality(state_features(tracks, before), plans)
        view = ExchangeView(
            tracks, plans, before, self._supporter(found, texts, written), self._view.after[found],
            word_counts(spoken), self._exchanges.reply_words[found],
        )  # fmt: skip
        probabilities = self.models.stars.probabilities(view.features(typicality), generosity)
        expected_stars = probabilities @ STARS
        mean_stars = (memory.stars + expected_stars) / (memory.turns + 1)
        mean_typicality = (memory.typicality + typicality) / (memory.turns + 1)

        # How bad the seeker feels after this turn, and whether it leaves.
        with_this = StrategyTracks.of([[*of_one, plan] for of_one, plan in zip(earlier, plans, strict=True)])
        intensity = self._intensity(conversations, with_this, receptiveness, mean_typicality, mean_stars)
        wear = tracks.earlier_use(StrategyTracks.of([[plan] for plan in plans]))
        leaves = self.models.give_up.probability(give_up_features(mean_stars, mean_typicality, wear, tracks.turns))
        for_cadence, for_stars, for_leaving = rng.random((3, len(conversations)))
        rates = for_cadence < self.models.cadence[self._unrated(conversations, plans)]
        rating = 1 + (for_stars[:, None] > np.cumsum(probabilities, axis=1)[:, :-1]).sum(axis=1)
        self._remember(conversations, memory, receptiveness, generosity, found, expected_stars, typicality)
        return [
            SeekerReply(self._exchanges.replies[exchange], feedback, now, gives_up, said)
            for exchange, feedback, now, gives_up, said in zip(
                found.tolist(),
                np.where(rates, rating, 0).tolist(),
                intensity.tolist(),
                (for_leaving < leaves).tolist(),
                spoken,
                strict=True,
            )
        ]

    def _intensity(
        self,
        conversations: Sequence[Conversation],
        tracks: StrategyTracks,
        receptiveness: np.ndarray,
        typicality: np.ndarray,
        stars: np.ndarray,
    ) -> np.ndarray:
        """How bad seekers feel after the turns of the tracks (:mod:`env.seekers.retrieval.intensity`). Shape: (B,)."""
        relief = self.models.intensity.relief(tracks, self.models.support(tracks), typicality, stars)
        initial = np.array([conversation.profile.intensity for conversation in conversations])
        return np.clip(initial * np.exp(-receptiveness * relief), LOWEST_INTENSITY, HIGHEST_INTENSITY)

    def _traits(self, memory: SeekerMemory, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Receptiveness and generosity: remembered, or sampled where a conversation begins. Shapes: (B,), (B,)."""
        shape, number = float(self.models.intensity.shape), len(memory.turns)
        receptiveness = rng.gamma(shape, 1 / shape, number)
        generosity = rng.normal(size=number) * float(self.models.stars.generosity)
        new = np.isnan(memory.receptiveness)
        return np.where(new, receptiveness, memory.receptiveness), np.where(new, generosity, memory.generosity)

    def _before(self, conversations: Sequence[Conversation], last: np.ndarray) -> np.ndarray:
        """The seekers' last messages, projected: replies are known, openings are embedded. Shape: (B, C)."""
        vectors = self._view.after[np.maximum(last, 0)]
        opening = np.flatnonzero(last < 0).tolist()
        if opening:
            vectors[opening] = self._project([last_run(conversations[row].history) for row in opening])
        return vectors

    def _written(self, texts: Sequence[tuple[str, ...] | None]) -> np.ndarray:
        """What was written for the supporters, projected; zero where nothing was. Shape: (B, C)."""
        vectors = np.zeros((len(texts), self._view.supporter.shape[1]), np.float32)
        rows = [row for row, of_one in enumerate(texts) if of_one is not None]
        if rows:
            vectors[rows] = self.models.projection(
                mean_embeddings([texts[row] or () for row in rows], text_encoder=self._text_encoder)
            )
        return vectors

    def _supporter(self, found: np.ndarray, texts: Sequence[tuple[str, ...] | None], written: np.ndarray) -> np.ndarray:
        """What the supporters said, projected: the exchange's own where none were written. Shape: (B, C)."""
        own = np.array([of_one is None for of_one in texts])
        return np.where(own[:, None], self._view.supporter[found], written)

    def _project(self, runs: Sequence[tuple[str, ...]]) -> np.ndarray:
        """Mean embedding of each run of texts, projected; known ones are looked up. Shape: (N, C)."""
        new = list(dict.fromkeys(run for run in runs if run not in self._projected))
        if new:
            # Each alone: products round by their batch, and a resumed training meets openings in other company.
            means = mean_embeddings(new, text_encoder=self._text_encoder)
            self._projected |= {
                run: self.models.projection(mean[None])[0] for run, mean in zip(new, means, strict=True)
            }
        return np.stack([self._projected[run] for run in runs])

    def _unrated(self, conversations: Sequence[Conversation], plans: Sequence[tuple[Strategy, ...]]) -> np.ndarray:
        """Index into ``cadence``: the supporter's messages since the last rating, this turn's included. Shape: (B,)."""
        counts = np.array([len(plan) for plan in plans])
        for row, conversation in enumerate(conversations):
            for plan, stars in zip(reversed(conversation.plans), reversed(conversation.feedbacks), strict=True):
                if stars:
                    break
                counts[row] += len(plan)
        return np.minimum(counts, len(self.models.cadence)) - 1

    @staticmethod
    def _remember(
        conversations: Sequence[Conversation],
        memory: SeekerMemory,
        receptiveness: np.ndarray,
        generosity: np.ndarray,
        found: np.ndarray,
        stars: np.ndarray,
        typicality: np.ndarray,
    ) -> None:
        heads = zip(millionths(receptiveness), millionths(generosity), strict=True)
        turns = zip(found.tolist(), millionths(stars), millionths(typicality), strict=True)
        for conversation, began, head, turn in zip(conversations, memory.turns.tolist(), heads, turns, strict=True):
            if not began:
                conversation.exchanges[:] = head
            conversation.exchanges.extend(turn)
