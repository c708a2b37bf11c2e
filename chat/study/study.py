"""A comparison of two systems by people: every step is checked, stored, and only then shown."""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np

from chat.conversation import ChatSession, Exchange
from chat.study.session import TIE, Session, StudyStep, fold, reply_content
from chat.study.store import Event, StudyStore, participant_of
from chat.system import System
from evaluation.published import QUESTIONS


class Study:
    """Leads participants through two conversations and the questions.

    Args:
        store: Where everything goes.
        systems: The first and the second system, as named in the store.
        rng: Draws who meets which system first.
        seed: Of the texts.
    """

    def __init__(
        self, store: StudyStore, systems: tuple[System, System], *, rng: np.random.Generator, seed: int = 0
    ) -> None:
        self.store = store
        self.systems = systems
        self._rng = rng
        self._seed = seed
        self._turns: dict[str, threading.Lock] = {}

    def join(self, *, readable: bool = False) -> str:
        """A new participant; returns the secret token that leads back to their conversation.

        Args:
            readable: The participant agrees that others read and judge the two conversations.
        """
        token = secrets.token_urlsafe(18)
        self._add(token, Session(), Event("joined", {"order": self._order(), "readable": readable}))
        return token

    def session(self, token: str) -> Session:
        """Where a participant is; that of a stranger is new."""
        return fold(self.store.events(participant_of(token)))

    def rate(self, token: str, value: int) -> Session:
        """Stores an intensity: before the first conversation, or after one, which ends it.

        Raises:
            ValueError: Not 1 to 5, not asked now, or the conversation is too short.
        """
        session = self._at(token, StudyStep.BEFORE, StudyStep.FIRST, StudyStep.SECOND)
        if type(value) is not int or not 1 <= value <= 5:
            raise ValueError("please choose a number from 1 to 5")
        if session.stage is not StudyStep.BEFORE and (session.pending or not session.long_enough):
            raise ValueError("please talk a little longer first")
        return self._add(token, session, Event("intensity", {"value": value}))

    def say(self, token: str, text: str) -> Iterator[Session]:
        """Stores a message, then the reply; yields the session after each.

        Raises:
            ValueError: The message cannot be taken, or nobody talks now.
        """
        with self._turn(token):
            session = self._at(token, StudyStep.FIRST, StudyStep.SECOND)
            if session.pending is None:
                message = self._conversation(token, session).accept(text)
                session = self._add(token, session, Event("seeker", {"text": message.text}))
        yield session  # outside the lock: a closed tab may never ask for the rest
        yield self.resume(token)

    def resume(self, token: str) -> Session:
        """The session, with the reply that a killed server still owed."""
        with self._turn(token):
            session = self.session(token)
            return self._reply(token, session) if session.pending is not None else session

    def answer(self, token: str, question: str, verdict: int | str) -> Session:
        """Stores the answer to one question: 0 or 1, which of the two was better, or ``tie``.

        Raises:
            ValueError: No such question or answer, or nobody asked.
        """
        if question not in QUESTIONS or verdict not in (0, 1, TIE):
            raise ValueError(
                f"got {verdict!r} to {question!r}, expected 0, 1 or {TIE} to one of {', '.join(QUESTIONS)}"
            )
        with self._turn(token):
            session = self._at(token, StudyStep.QUESTIONS)
            return self._add(token, session, Event("answer", {"question": question, "verdict": verdict}))

    def submit(self, token: str) -> Session:
        """Makes the answers final.

        Raises:
            ValueError: One is missing.
        """
        session = self._at(token, StudyStep.QUESTIONS)
        if not session.complete:
            raise ValueError("please answer all five questions")
        return self._add(token, session, Event("submitted", {}))

    def next_pair(self, token: str) -> str | None:
        """The pair of conversations that fewest people judged, of those that may be read and this person has not."""
        seen: set[str] = set()
        own: str | None = participant_of(token)
        while own is not None:
            session = fold(self.store.events(own))
            seen.add(session.pair or own)
            own = session.after
        judged: Counter[str] = Counter()
        readable = []
        for participant in self.store.participants():
            session = fold(self.store.events(participant))
            if session.pair is not None:
                judged[session.pair] += 1
            elif session.stage is StudyStep.DONE and session.readable and participant not in seen:
                readable.append(participant)
        return min(readable, key=lambda pair: judged[pair], default=None)

    def read(self, token: str) -> str:
        """Makes a reader of the next pair, its conversations in random order; returns the reader's secret token.

        Args:
            token: Of what the person did before in this study, so that nobody judges a pair twice; may be a stranger's.

        Raises:
            ValueError: There is none.
        """
        pair = self.next_pair(token)
        if pair is None:
            raise ValueError("there is nothing to read just now, thank you")
        content: dict[str, object] = {"order": self._order(), "pair": pair}
        if self.store.events(participant_of(token)):
            content["after"] = participant_of(token)
        reader = secrets.token_urlsafe(18)
        self._add(reader, Session(), Event("joined", content))
        return reader

    def conversations(self, session: Session) -> tuple[tuple[Exchange, ...], ...]:
        """The two conversations in the order in which this participant meets them."""
        if session.pair is None:
            return session.conversations
        told = fold(self.store.events(session.pair))
        return tuple(told.conversations[told.order.index(system)] for system in session.order)

    def _order(self) -> list[int]:
        return [int(system) for system in self._rng.permutation(2)]

    def _turn(self, token: str) -> threading.Lock:
        """One at a time for a participant's tabs, so that no reply is written twice."""
        return self._turns.setdefault(participant_of(token), threading.Lock())

    def _at(self, token: str, *stages: StudyStep) -> Session:
        session = self.session(token)
        if session.stage not in stages:
            raise ValueError("this step is over, please reload the page")
        return session

    def _conversation(self, token: str, session: Session) -> ChatSession:
        person = int(participant_of(token)[:8], 16)
        seed = int(np.random.SeedSequence([self._seed, person, session.place]).generate_state(1)[0])
        return ChatSession(self.systems[session.order[session.place]], seed=seed, exchanges=session.current)

    def _reply(self, token: str, session: Session) -> Session:
        assert session.pending is not None
        start = time.perf_counter()
        exchange = self._conversation(token, session).answer(session.pending)
        content = reply_content(exchange, seconds=time.perf_counter() - start)
        return self._add(token, session, Event("reply", content))

    def _add(self, token: str, session: Session, event: Event) -> Session:
        self.store.append(participant_of(token), session.events, event)
        return self.session(token)
