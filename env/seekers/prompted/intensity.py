"""How bad a seeker feels now, 1..5, as a language model estimates it from the conversation.

Not a part of PPDPP's protocol: the environments are rewarded with it where the seeker is a language model.
"""

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from corpus.dialogue import Message
from env.conversation import HIGHEST_INTENSITY, LOWEST_INTENSITY, SeekerProfile
from env.seekers.prompted.prompt import check_settings, load_prompt, stated, transcript
from language_models.chat.record import RecordedChat, questions_about

logger = logging.getLogger(__name__)

_OUT_OF_FIVE = re.compile(r"(?:/|\bout of|\bof)\s*5\b")
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?:[.,]\d+)?(?!\w)")


@dataclass(frozen=True)
class IntensityEstimate:
    """The intensity at the end of one conversation.

    Attributes:
        numbers: Those read from the answers, each 1..5.
        unparsable: Answers without one.
    """

    numbers: tuple[int, ...]
    unparsable: int

    @property
    def intensity(self) -> float:
        """Their mean, 1..5; NaN where there is none."""
        return sum(self.numbers) / len(self.numbers) if self.numbers else math.nan


@dataclass(frozen=True)
class IntensityConfig:
    """How the language model is asked for the seeker's emotion intensity.

    Attributes:
        samples: Answers per conversation; their mean is the intensity, which is finer than a single digit.
        temperature: Sampling temperature of the answers (0 or more).
        max_tokens: Longest answer (tokens). Reasoning models need more.
        rounds: Most attempts while no answer is a number.
    """

    samples: int = 5
    temperature: float = 1.0
    max_tokens: int = 8
    rounds: int = 3

    def __post_init__(self) -> None:
        check_settings(self)


class IntensityEstimator:
    """Asks a language model how bad seekers feel.

    Attributes:
        signature: Names all that an estimate depends on.
        unparsable: Answers so far without a number.
        answers: Answers so far.
    """

    def __init__(self, chat: RecordedChat, *, config: IntensityConfig | None = None) -> None:
        self.chat = chat
        self.config = config or IntensityConfig()
        self._prompt = load_prompt("intensity")
        self.signature = (
            f"intensity {chat.name} prompt {self._prompt.mark} temperature {self.config.temperature:g} "
            f"samples {self.config.samples} rounds {self.config.rounds} tokens {self.config.max_tokens} "
            f"seed {chat.seed}"
        )
        self.unparsable = 0
        self.answers = 0

    def estimate(
        self, profiles: Sequence[SeekerProfile], histories: Sequence[Sequence[Message]]
    ) -> list[IntensityEstimate]:
        """Estimates the intensity at the end of conversations, each from its seeker and all that was said.

        Raises:
            ChatError: The model failed for good.
        """
        questions = questions_about(
            [profile.dialogue for profile in profiles],
            [self._question(profile, history) for profile, history in zip(profiles, histories, strict=True)],
            purpose="intensity",
            temperature=self.config.temperature,
            max_tokens=self.config.max_tokens,
            samples=self.config.samples,
        )
        estimates = [IntensityEstimate((), unparsable=0)] * len(questions)
        for round_number in range(self.config.rounds):
            missing = [place for place, estimate in enumerate(estimates) if not estimate.numbers]
            first = round_number * self.config.samples
            samples = range(first, first + self.config.samples)
            answers = self.chat.ask([replace(questions[place], samples=samples) for place in missing])
            for place, texts in zip(missing, answers, strict=True):
                estimates[place] = _estimate(texts, unparsable=estimates[place].unparsable)
        for profile, estimate in zip(profiles, estimates, strict=True):
            if not estimate.numbers:
                logger.warning("dialogue %d: none of %d answers is an intensity", profile.dialogue, estimate.unparsable)
        self.answers += sum(len(estimate.numbers) + estimate.unparsable for estimate in estimates)
        self.unparsable += sum(estimate.unparsable for estimate in estimates)
        return estimates

    def line(self) -> str:
        """For people: how many answers could not be read."""
        return f"intensity: {self.unparsable:,} of {self.answers:,} answers were no number from 1 to 5"

    def _question(self, profile: SeekerProfile, history: Sequence[Message]) -> str:
        return self._prompt.fill(
            "question",
            emotion=stated(profile.emotion),
            problem=stated(profile.problem),
            intensity=profile.intensity,
            conversation=transcript(history, supporter="Supporter", seeker="Seeker"),
        )


def _estimate(texts: Sequence[str], *, unparsable: int) -> IntensityEstimate:
    """Reads answers; ``unparsable`` were none before them."""
    read = tuple(value for text in texts if (value := parse_intensity(text)) is not None)
    return IntensityEstimate(read, unparsable=unparsable + len(texts) - len(read))


def parse_intensity(answer: str) -> int | None:
    """Reads the one whole number of an answer; ``4/5`` and ``4 out of 5`` are 4.

    Returns:
        1..5; ``None`` where there is no number, another one, or different ones.
    """
    numbers = set(_NUMBER.findall(_OUT_OF_FIVE.sub("", answer.lower())))
    if len(numbers) != 1 or not (number := numbers.pop()).isdecimal():
        return None
    return int(number) if LOWEST_INTENSITY <= int(number) <= HIGHEST_INTENSITY else None
