"""A help-seeker played by a language model, which is told who it is by a profile."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from corpus.dialogue import Message, Role
from corpus.strategy import LABELS, Strategy
from env.conversation import Conversation, SeekerProfile, SeekerReply
from env.seekers.prompted.intensity import IntensityEstimator
from env.seekers.prompted.prompt import check_settings, load_prompt, stated
from language_models.chat.chat_model import ChatError, ChatMessage, ChatRole
from language_models.chat.record import ChatQuestion, RecordedChat

LEAVE = "[LEAVE]"  # what the model writes to end the conversation
_LEAVE = re.compile(re.escape(LEAVE), re.IGNORECASE)
# Models that were told to play one person still write the other's part, or a name in front of their own.
_OTHER_SPEAKER = re.compile(r"^\W*(?:supporter|therapist|counsell?or)\W*:", re.IGNORECASE)
_OWN_NAME = re.compile(r"^\W*(?:seeker|patient|me|person)\W*:\s*", re.IGNORECASE)


@dataclass(frozen=True)
class ModelSeekerConfig:
    """How the language model is asked for the seeker's replies.

    Attributes:
        temperature: Sampling temperature of the replies (0 or more).
        max_tokens: Longest reply (tokens). Reasoning models need more.
        attempts: Most calls for one reply while the answers are empty.
    """

    temperature: float = 0.8
    max_tokens: int = 120
    attempts: int = 3

    def __post_init__(self) -> None:
        check_settings(self)


class ModelSeeker:
    """Plays the seeker of every conversation; implements :class:`env.conversation.Seeker`.

    It gives no ratings. How bad the seeker feels is asked with another prompt (``intensity``), which shows the
    conversation from outside. Where no texts were written for the supporter, the model is told what the supporter does
    (the ``stand_ins`` of ``prompts/reply.toml``).

    Args:
        estimator: Estimates the intensity; may ask another model.

    Attributes:
        name: ``model``.
        signature: Names all that replies and intensities depend on.
    """

    def __init__(
        self, chat: RecordedChat, estimator: IntensityEstimator, *, config: ModelSeekerConfig | None = None
    ) -> None:
        self.chat = chat
        self.estimator = estimator
        self.config = config or ModelSeekerConfig()
        self._prompt = load_prompt("reply")
        self._stand_ins = [self._prompt.tables["stand_ins"][label] for label in LABELS]
        self.name = "model"
        self.signature = (
            f"seeker {chat.name} prompt {self._prompt.mark} temperature {self.config.temperature:g} "
            f"tokens {self.config.max_tokens} attempts {self.config.attempts} seed {chat.seed}; {estimator.signature}"
        )

    def replies(
        self,
        conversations: Sequence[Conversation],
        plans: Sequence[tuple[Strategy, ...]],
        texts: Sequence[tuple[str, ...] | None],
        *,
        rng: np.random.Generator,
    ) -> list[SeekerReply]:
        """As :meth:`env.conversation.Seeker.replies`.

        ``rng`` is not used: a call's identity must not depend on random numbers used before, or a resumed run would
        pay for its calls again. The seed of the chat model takes its place.

        Raises:
            ChatError: The model failed for good, or gave no reply or no intensity however often it was asked.
        """
        del rng
        said = [
            tuple(self._stand_ins[strategy] for strategy in plan) if written is None else written
            for plan, written in zip(plans, texts, strict=True)
        ]
        histories = [
            [
                *conversation.history,
                *(Message(Role.SUPPORTER, text, strategy=s) for s, text in zip(plan, turn, strict=True)),
            ]
            for conversation, plan, turn in zip(conversations, plans, said, strict=True)
        ]
        profiles = [conversation.profile for conversation in conversations]
        answers = self._answers(profiles, histories)
        for history, answer in zip(histories, answers, strict=True):
            history += [Message(Role.SEEKER, text) for text in answer.messages]
        estimates = self.estimator.estimate(profiles, histories)
        for profile, estimate in zip(profiles, estimates, strict=True):
            if not estimate.numbers:
                raise ChatError(
                    f"{self.estimator.chat.name}: no intensity in {estimate.unparsable} answers on dialogue "
                    f"{profile.dialogue}: another model, or a higher limit of tokens, may do better"
                )
        return [
            SeekerReply(
                answer.messages, feedback=0, intensity=estimate.intensity, gives_up=answer.leaves, supporter=turn
            )
            for answer, estimate, turn in zip(answers, estimates, said, strict=True)
        ]

    def _answers(self, profiles: Sequence[SeekerProfile], histories: Sequence[Sequence[Message]]) -> list["_Answer"]:
        """One answer with text for each conversation; an empty one is asked for again."""
        answers = [_Answer((), leaves=False)] * len(profiles)
        for attempt in range(self.config.attempts):
            missing = [place for place, answer in enumerate(answers) if not answer.messages]
            questions = [
                ChatQuestion(
                    dialogue=profiles[place].dialogue,
                    purpose="reply",
                    messages=tuple(self._messages(profiles[place], histories[place])),
                    temperature=self.config.temperature,
                    max_tokens=self.config.max_tokens,
                    samples=range(attempt, attempt + 1),
                )
                for place in missing
            ]
            for place, (text,) in zip(missing, self.chat.ask(questions), strict=True):
                answers[place] = parse_answer(text)
        for profile, answer in zip(profiles, answers, strict=True):
            if not answer.messages:
                raise ChatError(
                    f"{self.chat.name}: no reply in {self.config.attempts} answers on dialogue {profile.dialogue}: "
                    "another model, or a higher limit of tokens, may do better"
                )
        return answers

    def _messages(self, profile: SeekerProfile, history: Sequence[Message]) -> Iterator[ChatMessage]:
        """The conversation as the model sees it: it is the seeker (``assistant``), the supporter is the ``user``."""
        turns = [(role, "\n".join(one.text for one in run)) for role, run in groupby(history, key=lambda one: one.role)]
        beginning = self._prompt.fill("beginning")
        if turns[0][0] is Role.SUPPORTER:
            beginning = self._prompt.fill("beginning_after_greeting", greeting=turns[0][1])
            turns = turns[1:]
        yield ChatMessage(
            ChatRole.USER,
            self._prompt.fill(
                "role",
                problem=stated(profile.problem),
                emotion=stated(profile.emotion),
                situation=stated(profile.situation),
                intensity=profile.intensity,
                leave=LEAVE,
                beginning=beginning,
            ),
        )
        for number, (role, text) in enumerate(turns, start=1):
            if number == len(turns):
                text = f"{text}\n\n{self._prompt.fill('reminder')}"
            yield ChatMessage(ChatRole.ASSISTANT if role is Role.SEEKER else ChatRole.USER, text)


@dataclass(frozen=True)
class _Answer:
    """What the model made the seeker say: messages (none where the answer holds nothing), and whether it leaves."""

    messages: tuple[str, ...]
    leaves: bool


def parse_answer(text: str) -> _Answer:
    """Reads a reply: a message per line, up to where the model begins to write the supporter's part."""
    leaves = False
    messages = []
    for line in text.splitlines():
        if _OTHER_SPEAKER.match(line):
            break
        leaves = leaves or _LEAVE.search(line) is not None
        said = _OWN_NAME.sub("", _LEAVE.sub("", line)).strip().strip('"“”').strip()
        if said:
            messages.append(said)
    return _Answer(tuple(messages), leaves=leaves)
