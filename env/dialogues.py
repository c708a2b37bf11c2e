"""The dialogue environments' decision process: an episode is one conversation with a simulated help-seeker.

The agent sees the encoded history and chooses the plan of the supporter's next turn; when the plan is complete the
seeker answers, and the next turn begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from corpus.dialogue import Dialogue
from corpus.strategy import Strategy
from encoding.observation import HistoryEncoder, Observer
from encoding.plan_codec import PlanCodec
from encoding.reasoning_codec import ReasoningCodec
from env.actions import Mode
from env.conversation import (
    Conversation,
    ConversationStatus,
    DialogueRules,
    Responder,
    Seeker,
    SeekerProfile,
    conversation_state,
    restored_conversation,
    seeker_profiles,
    take_turn,
)
from env.process import Process
from env.rewards import DialogueRewardWeights, DialogueTurn


@dataclass(frozen=True)
class DialogueTask:
    """All that decides a dialogue environment beside its seed.

    Attributes:
        profiles: Seekers; an episode samples one uniformly.
        seeker: Answers for all of them.
        responder: Writes the supporter's texts; ``None``: the seeker reacts to strategies alone.
        reasoning_codec: What is reasoned about before every plan (chosen, and paid nothing); ``None``: nothing.
        lowest: Smallest entry that ``encoder`` gives.
        highest: Largest entry that ``encoder`` gives.
    """

    profiles: tuple[SeekerProfile, ...]
    seeker: Seeker
    encoder: HistoryEncoder
    codec: PlanCodec
    responder: Responder | None = None
    rules: DialogueRules = field(default_factory=DialogueRules)
    reasoning_codec: ReasoningCodec | None = None
    lowest: float = -1.0
    highest: float = 1.0

    def __post_init__(self) -> None:
        if not self.profiles:
            raise ValueError("profiles: got none, expected at least 1 seeker")
        if not self.lowest < self.highest:
            raise ValueError(f"bounds of the history: got {self.lowest} to {self.highest}, expected the lower first")

    @classmethod
    def build(cls, dialogues: Sequence[Dialogue], *, seeker: Seeker, observer: Observer) -> "DialogueTask":
        """The help-seekers of dialogues, played by a simulated seeker; histories are seen as in the turn environments.

        Raises:
            ValueError: No dialogue can be a profile (:func:`env.conversation.seeker_profiles`).
        """
        return cls(tuple(seeker_profiles(dialogues)), seeker, encoder=observer, codec=observer.codec)


class DialogueProcess(Process[dict[int, DialogueTurn]]):
    """B conversations with seekers sampled uniformly from a task.

    A step that completes a plan lets the seeker answer and pays the reward; other steps pay nothing. An episode
    terminates when the seeker is helped or gives up, and is truncated when the turns run out.

    Args:
        episodes: B.

    Attributes:
        conversations: With the hidden intensities, which a policy must not see. Length: B.
    """

    row_name = "profile"

    def __init__(
        self,
        task: DialogueTask,
        *,
        episodes: int = 1,
        mode: Mode = "one-by-one",
        reward: DialogueRewardWeights = DialogueRewardWeights(),  # noqa: B008 - frozen
    ) -> None:
        self.task = task
        self.weights = reward
        self.tallies = (*reward.terms, "spoken", "success")
        self.conversations: list[Conversation] = [Conversation.start(task.profiles[0])] * episodes
        super().__init__(
            episodes=episodes,
            rows=len(task.profiles),
            mode=mode,
            codec=task.codec,
            reasoning_codec=task.reasoning_codec,
            history_size=task.encoder.history_size,
            bounds=(task.lowest, task.highest),
        )

    def transition(self, actions: np.ndarray, rng: np.random.Generator) -> dict[int, DialogueTurn]:
        """Adds the actions to the plans, carries out those that are complete, and begins the next turns there.

        Returns:
            Episode -> its turn, where a turn was carried out.
        """
        episodes = np.flatnonzero(self.choices.apply(actions))
        if not len(episodes):
            return {}
        conversations = [self.conversations[episode] for episode in episodes]
        plans = [
            tuple(Strategy(strategy) for strategy in self.task.codec.plan(slots))
            for slots in self.choices.slots[episodes].tolist()
        ]
        replies = take_turn(conversations, plans, seeker=self.task.seeker, responder=self.task.responder, rng=rng)
        self.choices.clear(episodes)
        self.observe(episodes)  # also where the conversation is over: the last observation shows the last reply
        return {
            episode: DialogueTurn(conversation, reply, self.task.rules.outcome(conversation, gives_up=reply.gives_up))
            for episode, conversation, reply in zip(episodes.tolist(), conversations, replies, strict=True)
        }

    def reward(self, happened: dict[int, DialogueTurn]) -> dict[str, np.ndarray]:
        """The weighted terms of the turns that were carried out; 0 elsewhere."""
        terms = {name: np.zeros(len(self.row)) for name in self.weights.terms}
        for episode, turn in happened.items():
            for name, value in self.weights.weighted(turn).items():
                terms[name][episode] = value
        return terms

    def terminal(self, happened: dict[int, DialogueTurn]) -> tuple[np.ndarray, np.ndarray]:
        """A success and a seeker who gives up end the conversation; it is cut off when the turns run out."""
        ended = self._with_status(happened, ConversationStatus.SUCCESS, ConversationStatus.GAVE_UP)
        return ended, self._with_status(happened, ConversationStatus.OUT_OF_TURNS)

    def events(self, happened: dict[int, DialogueTurn]) -> dict[str, np.ndarray]:
        """``spoken``: whether the turn was carried out; ``success``."""
        return {
            "spoken": self._with_status(happened, *ConversationStatus),
            "success": self._with_status(happened, ConversationStatus.SUCCESS),
        }

    def outcome(self, episode: int) -> dict[str, Any]:
        """The ``conversation``."""
        return {"conversation": self.conversations[episode]}

    def state(self) -> dict[str, Any]:
        """Everything but the random generator and the seeker's own state."""
        return super().state() | {
            "conversations": [conversation_state(conversation) for conversation in self.conversations],
            # Not made anew: networks round by the batch they see, and a history is not encoded again until it grows.
            "observation": self.observation.copy(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to a :meth:`state`."""
        super().restore(state)
        self.conversations[:] = [
            restored_conversation(written, self.task.profiles[row])
            for written, row in zip(state["conversations"], self.row, strict=True)
        ]
        self.observation[:] = state["observation"]

    def _begin(self, episodes: np.ndarray) -> None:
        for episode in episodes:
            self.conversations[episode] = Conversation.start(self.task.profiles[self.row[episode]])

    def _histories(self, episodes: np.ndarray) -> np.ndarray:
        return self.task.encoder.encode_histories([self.conversations[episode].history for episode in episodes])

    def _with_status(self, happened: dict[int, DialogueTurn], *status: ConversationStatus) -> np.ndarray:
        """Whether a turn was carried out after which the conversation has one of these. Shape: (B,), bool."""
        found = np.zeros(len(self.row), bool)
        found[[episode for episode, turn in happened.items() if turn.status in status]] = True
        return found
