"""Rules: does a message say in plain words that its writer, or somebody near them, may be in danger?

The same message always gets the same answer, at once and without a model, and everybody can look up why. The rules are
data (``patterns.toml``, with the policy behind them); ``normalization.py`` first undoes spelling and disguise,
``patterns.py`` compiles and indexes them. They know English only and miss most of what people only hint at, which is
what the learned detector (``detector.py``) is for; ``screening.py`` asks both.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from safety.normalization import MessageNormalizer
from safety.patterns import Question, crisis_patterns


class CrisisKind(StrEnum):
    """What kind of danger; the value is what people are shown and files hold."""

    SUICIDE = "suicide"
    SELF_HARM = "self-harm"
    HARM_TO_OTHERS = "harm to others"
    ABUSE = "abuse"
    SOMEBODY_ELSE = "somebody else at risk"


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """What the rules found in one message.

    Attributes:
        kind: The most urgent kind.
        topic: Name of the group of patterns that matched; ``answer`` where a question was answered.
        matched: The words that triggered it, in plain form.
    """

    kind: CrisisKind
    topic: str
    matched: str


# How an answer that agrees, or denies, begins. What could begin anything ("I am ...") counts only if nothing follows.
_START = r"^(?:(?:well|um|uh|hmm|oh|ok|sorry|i guess|i think|to be honest)[ ,.]*)*"
_END = r"(?= ?[.,?]|$)"
_AGREES = re.compile(
    _START + r"(?:(?:yes|yeah|yep|yup|yea|ye|sometimes|often|constantly|every (?:day|night|time|week)|all the time"
    r"|only (?:when|if)|a few times|once or twice|occasionally|mostly (?:when|at|in)|when (?:he|she|they)|i guess"
    rf"|i have(?: in| before| a| many|{_END})|i think so|all of them|perhaps"
    rf"|(?:i|he|she|they) (?:do|does|did|have|has|am|is|are|was|were){_END})(?![a-z0-9])(?! (?:not|never))"
    r"|(?:always|a bit|a little|a lot|daily|once|twice|lately|recently|correct|right|exactly|true|that is right"
    rf"|of course|it depends|not sure|i do not know){_END})"
)
_DENIES = re.compile(
    _START + r"(?:no|nope|not|never|nah|rarely|hardly|sometimes|only when|i do not|i am not|it is not)(?![a-z0-9])"
)
ANSWER = "answer"  # the topic of what answers a question of the supporter
_SENTENCE = re.compile(r"[^.?]*[.?]?")
_TAKEN_OUT = " # "  # no word, so that no gap reaches over it


def plain_form(text: str) -> str:
    """A message in the plain form that the patterns are written for, see :mod:`safety.normalization`."""
    return _normalizer().plain(text)


def match_rules(text: str, history: Sequence[str] = ()) -> RuleMatch | None:
    """What the rules find in a message; None where they find nothing.

    Deterministic, a fraction of a millisecond for a usual message, linear in its length.

    Args:
        text: The message as it was typed, any text at all.
        history: What was said before by both, oldest first. Only the last entry counts, as the question that a short
            answer ("yes", "only when he drinks") may answer.
    """
    plain = plain_form(text)
    words = set(plain.split())
    found = _first_match(plain, words, firm_only=False)
    if found is not None:
        remaining = _without_exceptions(plain, words)
        # What an idiom explains does not count; what is said beside it still does.
        if remaining != plain:
            found = _first_match(remaining, set(remaining.split()), firm_only=False) or _first_match(
                plain, words, firm_only=True
            )
    if found is not None:
        return found
    if history and plain:
        for question in _questions(history[-1]):
            if _answers(plain, yes=question.yes):
                return RuleMatch(CrisisKind(question.kind), ANSWER, f"{plain[:60]} (asked about {question.kind})")
    return None


def _first_match(plain: str, words: set[str], *, firm_only: bool) -> RuleMatch | None:
    """What the most urgent topic found in a plain text."""
    patterns = crisis_patterns()
    fiction = not patterns.fiction.isdisjoint(words)
    for topic in patterns.topics:
        if (firm_only and not topic.firm) or (fiction and topic.unless_fiction):
            continue
        if (match := topic.index.search(plain, words)) is not None:
            return RuleMatch(CrisisKind(topic.kind), topic.name, match[0])
    return None


def _without_exceptions(plain: str, words: set[str]) -> str:
    """A plain text without the idioms, denials and everyday senses in it."""
    for pattern in crisis_patterns().exceptions.worth_trying(words):
        plain = pattern.sub(_TAKEN_OUT, plain)
    return plain


def _questions(before: str) -> list[Question]:
    """What kinds of crisis the message before asks about; only sentences with a question mark ask."""
    asked = [sentence for sentence in _SENTENCE.findall(_normalizer().plain(before)) if sentence.endswith("?")]
    return [
        question
        for question in crisis_patterns().questions
        if any(question.index.search(sentence, sentence.split()) for sentence in asked)
    ]


def _answers(plain: str, *, yes: bool) -> bool:
    """Whether a message begins by agreeing (or, with ``yes`` False, by denying)."""
    return (_AGREES if yes else _DENIES).search(plain) is not None


@cache
def _normalizer() -> MessageNormalizer:
    return MessageNormalizer(crisis_patterns().vocabulary)
