"""The decision process over whole conversations, for B parallel episodes.

An episode is one conversation with a seeker drawn from a :class:`~env.dialogue_task.DialogueTask`. The agent sees the
encoded history and builds the plan of the supporter's next turn, at once or strategy by strategy; when the plan is
complete the seeker answers, and the next turn begins.

One supporter turn in many conversations: the texts are written, the seekers answer, the histories grow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from env.actions import PlanChoices, whole_numbers
from env.conversation import HIGHEST_INTENSITY, LOWEST_INTENSITY, Conversation, Responder, Seeker, SeekerReply
from env.dialogue_task import TERMS, ConversationStatus, DialogueTask


def take_turn(
    conversations: Sequence[Conversation],
    plans: Sequence[tuple[Strategy, ...]],
    *,
    seeker: Seeker,
    responder: Responder | None,
    rng: np.random.Generator,
) -> list[SeekerReply]:
    """Lets every supporter carry out its plan and every seeker answer; adds both to the conversations.

    A supporter with an empty plan says nothing: the seeker is not asked, feels as before and rates nothing, the turn
    counts. (Planners always plan something; an agent in an environment need not.)

    Args:
        conversations: B different conversations; they are changed.
        plans: What each supporter does. Length: B.
        seeker: Answers.
        responder: Writes the supporter's texts; ``None``: the seeker reacts to strategies alone.
        rng: Makes every random choice.

    Returns:
        The replies; of a turn without a plan one without messages. Length: B.

    Raises:
        ValueError: Seeker or responder break their contract.
    """
    speaking = [number for number, plan in enumerate(plans) if plan]
    asked, planned = [conversations[number] for number in speaking], [plans[number] for number in speaking]
    texts: Sequence[tuple[str, ...] | None] = [None] * len(asked)
    if responder is not None and asked:
        texts = responder.texts([conversation.history for conversation in asked], planned, rng=rng)
        _check_texts(texts, planned, by="the responder")
    answers = seeker.replies(asked, planned, texts, rng=rng) if asked else []
    _check_texts([answer.supporter for answer in answers], planned, by=f"seeker {seeker.name}")
    replies = [
        SeekerReply((), feedback=0, intensity=conversation.intensities[-1], gives_up=False, supporter=())
        for conversation in conversations
    ]
    for number, answer in zip(speaking, answers, strict=True):
        replies[number] = answer
    for conversation, plan, reply in zip(conversations, plans, replies, strict=True):
        _add(conversation, plan, reply, name=seeker.name)
    return replies


def _add(conversation: Conversation, plan: tuple[Strategy, ...], reply: SeekerReply, *, name: str) -> None:
    if plan and not reply.messages:
        raise ValueError(f"seeker {name}: an answer without a message, expected at least one")
    if not LOWEST_INTENSITY <= reply.intensity <= HIGHEST_INTENSITY:
        raise ValueError(f"seeker {name}: intensity {reply.intensity}, expected 1 to 5")
    conversation.history += [
        Message(Role.SUPPORTER, text, strategy=strategy) for text, strategy in zip(reply.supporter, plan, strict=True)
    ]
    # As in the corpus, the rating stands at the first message after what it rates.
    conversation.history += [
        Message(Role.SEEKER, text, feedback=reply.feedback or None if number == 0 else None)
        for number, text in enumerate(reply.messages)
    ]
    conversation.plans.append(plan)
    conversation.intensities.append(reply.intensity)
    conversation.feedbacks.append(reply.feedback)


def _check_texts(texts: Sequence[tuple[str, ...] | None], plans: Sequence[tuple[Strategy, ...]], *, by: str) -> None:
    if len(texts) != len(plans):
        raise ValueError(f"{by}: {len(texts)} answers to {len(plans)} plans, expected one for each")
    for written, plan in zip(texts, plans, strict=True):
        if written is None or len(written) != len(plan):
            raise ValueError(
                f"{by}: {0 if written is None else len(written)} texts for a plan of {len(plan)} strategies"
            )


_PROFILE = "profile"


@dataclass(frozen=True)
class DialogueStep:
    """What one step did.

    Attributes:
        terms: Weighted reward terms by name (:mod:`env.dialogue_task`), 0 where the plan is not complete; they sum to
            the reward. Shape of each: (B,), float64.
        spoken: Whether the supporter's turn was carried out. Shape: (B,), bool.
        terminated: Whether the seeker was helped or gave up. Shape: (B,), bool.
        truncated: Whether the turns ran out. Shape: (B,), bool.
        success: Whether the seeker was helped. Shape: (B,), bool.
    """

    terms: dict[str, np.ndarray]
    spoken: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    success: np.ndarray

    @property
    def rewards(self) -> np.ndarray:
        """Shape: (B,), float64."""
        return np.sum(list(self.terms.values()), axis=0)

    @property
    def ended(self) -> np.ndarray:
        """Shape: (B,), bool."""
        return self.terminated | self.truncated


class DialogueProcess:
    """State of B conversations.

    Args:
        task: Whom the supporter talks to, and how.
        episodes: B.
        choices: How a turn's plan is built.

    Attributes:
        profile: Row of the task's profiles that each episode plays. Shape: (B,), int.
        conversations: Length: B.
        choices: What has been chosen of the turns under way.
        observation: Encoded histories (H entries), reasoning one-hot (R), plan features (P), as in the turn
            environments. Shape: (B, H + R + P), float32. Updated in place; copy it before handing it out.
    """

    def __init__(self, task: DialogueTask, *, episodes: int, choices: type[PlanChoices]) -> None:
        self.task = task
        self.choices = choices(episodes, codec=task.codec, reasoning_codec=task.reasoning_codec)
        self.action_space = self.choices.action_space
        self._history_end = task.encoder.history_size
        low = np.full(self._history_end + self.choices.width, -1.0, np.float32)
        high = np.full_like(low, 1.0)
        low[: self._history_end], high[: self._history_end] = task.lowest, task.highest
        self.observation_space = spaces.Box(low, high, dtype=np.float32)
        self.observation = np.zeros((episodes, len(low)), np.float32)
        self.profile = np.zeros(episodes, np.int64)
        self.conversations: list[Conversation] = [Conversation.start(task.profiles[0])] * episodes

    def reset(self, rng: np.random.Generator, options: dict[str, Any] | None) -> None:
        """Starts all episodes anew.

        Args:
            rng: Draws the profiles.
            options: With ``profile``, one row of the task's profiles per episode, these seekers are talked to instead.

        Raises:
            ValueError: There is another option, or no such profile.
        """
        if unknown := set(options or {}) - {_PROFILE}:
            raise ValueError(f"reset option {sorted(unknown)}: expected no other than {_PROFILE!r}")
        episodes = np.arange(len(self.conversations))
        if options:
            self.place(episodes, np.atleast_1d(options[_PROFILE]))
        else:
            self.initial_state(episodes, rng)

    def initial_state(self, episodes: np.ndarray, rng: np.random.Generator) -> None:
        """Starts new conversations with a seeker drawn for each. ``episodes``: (E,) indices."""
        self.place(episodes, rng.integers(len(self.task.profiles), size=len(episodes)))

    def place(self, episodes: np.ndarray, profiles: np.ndarray) -> None:
        """Starts new conversations with given seekers. ``episodes``, ``profiles``: (E,) indices.

        Raises:
            ValueError: There is no such profile, or there are not as many as episodes.
        """
        rows = len(self.task.profiles)
        if not whole_numbers(profiles, shape=episodes.shape, highest=np.asarray(rows - 1)):
            raise ValueError(
                f"{_PROFILE}: got {profiles.tolist()}, expected {len(episodes)} whole number(s) from 0 to {rows - 1}"
            )
        self.profile[episodes] = profiles
        for episode, profile in zip(episodes, profiles, strict=True):
            self.conversations[episode] = Conversation.start(self.task.profiles[profile])
        self.choices.clear(episodes)
        self.observe(episodes)

    def observe(self, episodes: np.ndarray) -> None:
        """Writes the whole observation of episodes (E,)."""
        self._observe_histories(episodes)
        self.observation[episodes, self._history_end :] = self.choices.features(episodes)

    def _observe_histories(self, episodes: np.ndarray) -> None:
        histories = [self.conversations[episode].history for episode in episodes]
        self.observation[episodes, : self._history_end] = self.task.encoder.encode_histories(histories)

    def step(self, actions: np.ndarray, rng: np.random.Generator) -> DialogueStep:
        """Advances all episodes by one action each.

        Args:
            actions: Shape: (B, ...) as the action space says.
            rng: For seeker and responder.

        Raises:
            ValueError: The actions are not of the action space, or seeker or responder break their contract.
        """
        spoken = self.choices.apply(actions)
        terms = np.zeros((len(spoken), len(TERMS)))
        outcomes = np.full(len(spoken), ConversationStatus.ONGOING)
        episodes = np.flatnonzero(spoken)
        if len(episodes):
            terms[episodes], outcomes[episodes] = self._take_turns(episodes, rng)
            self.choices.clear(episodes)
            # What has ended is observed too: the last observation of an episode shows the last reply.
            self._observe_histories(episodes)
        self.observation[:, self._history_end :] = self.choices.features(slice(None))
        success = outcomes == ConversationStatus.SUCCESS
        return DialogueStep(
            terms=dict(zip(TERMS, terms.T.copy(), strict=True)),
            spoken=spoken,
            terminated=success | (outcomes == ConversationStatus.GAVE_UP),
            truncated=outcomes == ConversationStatus.OUT_OF_TURNS,
            success=success,
        )

    def _take_turns(
        self, episodes: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, list[ConversationStatus]]:
        """Carries out the complete plans; gives reward terms (E, 4) and outcomes (E)."""
        conversations = [self.conversations[episode] for episode in episodes]
        before = [conversation.intensities[-1] for conversation in conversations]
        plans = [self._plan(slots) for slots in self.choices.slots[episodes].tolist()]
        replies = take_turn(conversations, plans, seeker=self.task.seeker, responder=self.task.responder, rng=rng)
        outcomes = [
            self.task.rules.outcome(conversation, gives_up=reply.gives_up)
            for conversation, reply in zip(conversations, replies, strict=True)
        ]
        return self.task.rules.terms(before, replies, outcomes), outcomes

    def _plan(self, slots: list[int]) -> tuple[Strategy, ...]:
        return tuple(Strategy(strategy) for strategy in self.task.codec.plan(slots))
