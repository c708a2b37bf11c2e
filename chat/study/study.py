"""A comparison of two systems by people: leads each participant through it; every step is checked, stored, then shown.

``evaluation/human/participant.py`` lists the steps and the events, ``evaluation/human/study_file.py`` stores them.
"""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from chat.conversation import ChatSession, Exchange
from chat.system import System
from evaluation.human.participant import (
    TIE,
    ParticipantState,
    StudyExchange,
    StudyStep,
    participant_state,
    reply_event,
)
from evaluation.human.study_file import Event, StudyStore, participant_of
from evaluation.published import QUESTIONS


class Study:
    """Leads participants through two conversations and the questions.

    Args:
        systems: The first and the second system, as named in the store.
        rng: Decides which system a participant meets first.
        seed: Of the texts.
    """

    def __init__(
        self, store: StudyStore, systems: tuple[System, System], *, rng: np.random.Generator, seed: int = 0
    ) -> None:
        self.store = store
        self.systems = systems
        self._rng = rng
        self._seed = seed
        self._locks: dict[str, threading.Lock] = {}

    def join(self, *, readable: bool = False) -> str:
        """Adds a participant; returns the secret token that leads back to their conversations.

        Args:
            readable: The participant agrees that others see and compare the two conversations.
        """
        token = secrets.token_urlsafe(18)
        self._add(token, ParticipantState(), Event("joined", {"order": self._order(), "readable": readable}))
        return token

    def state(self, token: str) -> ParticipantState:
        """Where a participant is; the state of a stranger is new."""
        return participant_state(self.store.events(participant_of(token)))

    def rate(self, token: str, value: int) -> ParticipantState:
        """Stores an intensity: before the first conversation, or after one, which ends it.

        Raises:
            ValueError: Not 1 to 5, not asked now, or the conversation is too short.
        """
        state = self._at(token, StudyStep.BEFORE, StudyStep.FIRST, StudyStep.SECOND)
        if type(value) is not int or not 1 <= value <= 5:
            raise ValueError("please choose a number from 1 to 5")
        if state.step is not StudyStep.BEFORE and (state.pending or not state.long_enough):
            raise ValueError("please talk a little longer first")
        return self._add(token, state, Event("intensity", {"value": value}))

    def say(self, token: str, text: str) -> Iterator[ParticipantState]:
        """Stores a message, then the reply; yields the state after each.

        Raises:
            ValueError: The message is refused, or this participant is not in a conversation.
        """
        with self._lock(token):
            state = self._at(token, StudyStep.FIRST, StudyStep.SECOND)
            if state.pending is None:
                message = self._session(token, state).accept(text)
                state = self._add(token, state, Event("seeker", {"text": message.text}))
        yield state  # outside the lock: a closed tab may never ask for the rest
        yield self.resume(token)

    def resume(self, token: str) -> ParticipantState:
        """The state, after writing the reply that is missing where the server was killed."""
        with self._lock(token):
            state = self.state(token)
            if state.pending is None:
                return state
            start = time.perf_counter()
            exchange = self._session(token, state).answer(state.pending)
            seconds = time.perf_counter() - start
            event = reply_event(
                exchange.replies,
                screening=exchange.screening,
                plan=exchange.plan,
                seconds=seconds,
                replaced=exchange.replaced,
            )
            return self._add(token, state, event)

    def answer(self, token: str, question: str, verdict: int | str) -> ParticipantState:
        """Stores the answer to one question: 0 or 1, which of the two was better, or ``tie``.

        Raises:
            ValueError: No such question or answer, or not asked now.
        """
        if question not in QUESTIONS or verdict not in (0, 1, TIE):
            raise ValueError(
                f"got {verdict!r} to {question!r}, expected 0, 1 or {TIE} to one of {', '.join(QUESTIONS)}"
            )
        with self._lock(token):
            state = self._at(token, StudyStep.QUESTIONS)
            return self._add(token, state, Event("answer", {"question": question, "verdict": verdict}))

    def submit(self, token: str) -> ParticipantState:
        """Makes the answers final.

        Raises:
            ValueError: One is missing.
        """
        state = self._at(token, StudyStep.QUESTIONS)
        if not state.complete:
            raise ValueError("please answer all five questions")
        return self._add(token, state, Event("submitted", {}))

    def next_pair(self, token: str) -> str | None:
        """The pair of conversations to show next to a rater.

        It is one whose participant lets others see it, that this person has neither talked in nor seen, and that the
        fewest people were shown; ``None`` where there is none.
        """
        seen: set[str] = set()
        own: str | None = participant_of(token)
        while own is not None:
            state = participant_state(self.store.events(own))
            seen.add(state.pair or own)
            own = state.after
        shown: Counter[str] = Counter()
        readable = []
        for participant in self.store.participants():
            state = participant_state(self.store.events(participant))
            if state.pair is not None:
                shown[state.pair] += 1
            elif state.step is StudyStep.DONE and state.readable and participant not in seen:
                readable.append(participant)
        return min(readable, key=lambda pair: shown[pair], default=None)

    def join_as_rater(self, token: str) -> str:
        """Adds a rater of the next pair, its conversations in random order; returns the rater's secret token.

        Args:
            token: Of what the same person did before in this study, so that nobody sees a pair twice; may be a
                stranger's.

        Raises:
            ValueError: There is no pair.
        """
        pair = self.next_pair(token)
        if pair is None:
            raise ValueError("there is nothing to read just now, thank you")
        content: dict[str, object] = {"order": self._order(), "pair": pair}
        if self.store.events(participant_of(token)):
            content["after"] = participant_of(token)
        rater = secrets.token_urlsafe(18)
        self._add(rater, ParticipantState(), Event("joined", content))
        return rater

    def conversations(self, state: ParticipantState) -> tuple[tuple[Exchange, ...], ...]:
        """The two conversations in the order in which this participant, or rater, meets them."""
        if state.pair is None:
            return tuple(map(exchanges, state.conversations))
        shown = participant_state(self.store.events(state.pair))
        return tuple(exchanges(shown.conversations[shown.order.index(system)]) for system in state.order)

    def _order(self) -> list[int]:
        return [int(system) for system in self._rng.permutation(2)]

    def _lock(self, token: str) -> threading.Lock:
        """One tab of a participant at a time, so that no reply is written twice."""
        return self._locks.setdefault(participant_of(token), threading.Lock())

    def _at(self, token: str, *steps: StudyStep) -> ParticipantState:
        state = self.state(token)
        if state.step not in steps:
            raise ValueError("this step is over, please reload the page")
        return state

    def _session(self, token: str, state: ParticipantState) -> ChatSession:
        """The conversation under way; its seed follows from the participant and the place alone."""
        person = int(participant_of(token)[:8], 16)
        seed = int(np.random.SeedSequence([self._seed, person, state.place]).generate_state(1)[0])
        return ChatSession(self.systems[state.order[state.place]], seed=seed, exchanges=exchanges(state.current))

    def _add(self, token: str, state: ParticipantState, event: Event) -> ParticipantState:
        self.store.append(participant_of(token), state.events, event)
        return self.state(token)


def exchanges(stored: Sequence[StudyExchange]) -> tuple[Exchange, ...]:
    """Stored exchanges as the chat knows them, without their plans, which participants never see."""
    return tuple(Exchange(one.seeker, one.replies, screening=one.screening, replaced=one.replaced) for one in stored)
