"""Whether a conversation solved the seeker's issue, by PPDPP's protocol.

Source: Deng et al., "Plug-and-Play Policy Planner for Large Language Model Powered Dialogue Agents", ICLR 2024: a
language model answers with one of four sentences, 10 times at temperature 1.1; worse counts -1, the same -0.5, better
0.5, solved 1; a conversation succeeds when the mean is above 0.5. One thing is stricter here: an answer that is none of
the four is counted as unparsable and has no value, where PPDPP's code takes the first of the words ``worse``, ``same``,
``better``, ``solved`` that occurs anywhere in it (also in "has not been solved") and a mean of 0 where none does.
"""

import logging
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from corpus.dialogue import Message
from env.conversation import SeekerProfile
from env.seekers.prompted.prompt import check_settings, load_prompt, stated, transcript
from language_models.chat.record import RecordedChat, questions_about

logger = logging.getLogger(__name__)

SUCCESS_ABOVE = 0.5
_DENIED = re.compile(r"\b(?:not|never|neither|nor|cannot|\w+n['’]t)\b")


class CriticAnswer(StrEnum):
    """What the critic may answer."""

    WORSE = "worse"
    SAME = "same"
    BETTER = "better"
    SOLVED = "solved"


VALUES = {CriticAnswer.WORSE: -1.0, CriticAnswer.SAME: -0.5, CriticAnswer.BETTER: 0.5, CriticAnswer.SOLVED: 1.0}


@dataclass(frozen=True)
class CriticScore:
    """What the critic says of one conversation.

    Attributes:
        counts: Answers per verdict, in the order of :class:`CriticAnswer`.
        unparsable: Answers that were no verdict.
    """

    counts: tuple[int, int, int, int]
    unparsable: int

    @property
    def score(self) -> float:
        """Mean value of the verdicts, -1..1; NaN where no answer was one."""
        total = sum(self.counts)
        if not total:
            return math.nan
        return sum(VALUES[verdict] * count for verdict, count in zip(CriticAnswer, self.counts, strict=True)) / total

    @property
    def success(self) -> bool | None:
        """Whether the score is above 0.5; ``None`` where there is no score."""
        return self.score > SUCCESS_ABOVE if sum(self.counts) else None


@dataclass(frozen=True)
class CriticConfig:
    """How the language model is asked whether the seeker's problem is solved; the defaults are PPDPP's.

    Attributes:
        samples: Answers per conversation; their mean decides.
        temperature: Sampling temperature of the answers (0 or more).
        max_tokens: Longest answer (tokens). Reasoning models need more.
    """

    samples: int = 10
    temperature: float = 1.1
    max_tokens: int = 32

    def __post_init__(self) -> None:
        check_settings(self)


class Critic:
    """A language model that scores conversations.

    Attributes:
        signature: Names all that a score depends on; compare scores only under equal ones.
        unparsable: Answers so far that were no verdict.
        answers: Answers so far.
        unscored: Conversations so far without any verdict.
    """

    def __init__(self, chat: RecordedChat, *, config: CriticConfig | None = None) -> None:
        self.chat = chat
        self.config = config or CriticConfig()
        self._prompt = load_prompt("verdict")
        self.signature = (
            f"critic {chat.name} prompt {self._prompt.mark} temperature {self.config.temperature:g} "
            f"samples {self.config.samples} tokens {self.config.max_tokens} seed {chat.seed}"
        )
        self.unparsable = 0
        self.answers = 0
        self.unscored = 0

    def score(self, profiles: Sequence[SeekerProfile], histories: Sequence[Sequence[Message]]) -> list[CriticScore]:
        """Scores conversations, each from its seeker and all that was said so far.

        Raises:
            ChatError: The model failed for good.
        """
        questions = questions_about(
            [profile.dialogue for profile in profiles],
            [self._question(profile, history) for profile, history in zip(profiles, histories, strict=True)],
            purpose="verdict",
            temperature=self.config.temperature,
            max_tokens=self.config.max_tokens,
            samples=self.config.samples,
        )
        scores = []
        for profile, texts in zip(profiles, self.chat.ask(questions), strict=True):
            counts = Counter(parse_verdict(text) for text in texts)
            worse, same, better, solved = (counts[verdict] for verdict in CriticAnswer)
            scores.append(CriticScore((worse, same, better, solved), unparsable=counts[None]))
            if counts[None] == len(texts):
                logger.warning(
                    "dialogue %d: none of %d answers is a verdict, so it has no score", profile.dialogue, len(texts)
                )
        self.answers += self.config.samples * len(scores)
        self.unparsable += sum(score.unparsable for score in scores)
        self.unscored += sum(score.success is None for score in scores)
        return scores

    def line(self) -> str:
        """For people: how many answers could not be read."""
        return (
            f"critic: {self.unparsable:,} of {self.answers:,} answers were no verdict, "
            f"{self.unscored:,} conversations without a score"
        )

    def _question(self, profile: SeekerProfile, history: Sequence[Message]) -> str:
        return self._prompt.fill(
            "question",
            emotion=stated(profile.emotion),
            problem=stated(profile.problem),
            conversation=transcript(history, supporter="Therapist", seeker="Patient"),
            sentences="\n".join(self._prompt.tables["sentences"][verdict] for verdict in CriticAnswer),
        )


def parse_verdict(answer: str) -> CriticAnswer | None:
    """Reads an answer: the first sentence with a verdict's word decides, if it has one such word and denies nothing.

    Returns:
        ``None`` where the answer is no verdict: no such word, more than one in a sentence, a denial ("has not been
        solved", "doesn't feel better"), or a solved issue in a sentence that begins with no.
    """
    for sentence in re.split(r"[.!?\n]+", answer.lower()):
        found = [verdict for verdict in CriticAnswer if re.search(rf"\b{verdict}\b", sentence)]
        if not found:
            continue
        contradicts = found[0] is CriticAnswer.SOLVED and re.match(r"\W*no\b", sentence) is not None
        return None if len(found) > 1 or contradicts or _DENIED.search(sentence) else found[0]
    return None
