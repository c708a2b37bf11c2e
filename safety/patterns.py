"""Patterns of the screening: compiles those of ``patterns.toml`` and indexes them, so that few are tried on a message.

Every match of a pattern holds at least one word of a known set, so the words of a message decide which patterns are
worth trying: usually a few dozen of 600. The head of ``patterns.toml`` explains how a pattern is written.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

_PAUSE = " (?:, )?"
_LOOK_AROUND = re.compile(r"\(\?[=!][^()]*(?:\([^()]*\)[^()]*)*\)")
# Words so frequent that finding one says nothing: another part of the pattern is the better key of the index.
_FREQUENT = frozenset(
    """
    i a the to of in on at is am are was were be been not no my me he she they it and or if that this have has had do
    does did will would can could so for with you him her them his their what when want going us from by get go know
    think feel all more people never
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class PatternIndex:
    """Patterns, each reachable by the words of which every match holds at least one.

    Attributes:
        by_word: Word -> numbers of the patterns to try on a text that holds it.
    """

    by_word: Mapping[str, tuple[int, ...]]
    patterns: tuple[re.Pattern[str], ...]

    @classmethod
    def of(cls, patterns: Iterable[str], groups: Mapping[str, str]) -> "PatternIndex":
        """Compiles patterns in the notation of the file.

        Raises:
            ValueError: A pattern has no word that every match must hold, names an unknown group, or is no expression.
        """
        compiled: list[re.Pattern[str]] = []
        by_word: dict[str, list[int]] = {}
        for number, pattern in enumerate(patterns):
            expression = _expanded(pattern, groups)
            keys = _keys(expression)
            if not keys:
                raise ValueError(f"crisis pattern without a word that it needs: {pattern}")
            for word in keys:
                by_word.setdefault(word, []).append(number)
            compiled.append(_compiled(expression))
        return cls({word: tuple(numbers) for word, numbers in by_word.items()}, tuple(compiled))

    def worth_trying(self, words: Iterable[str]) -> Iterator[re.Pattern[str]]:
        """The patterns that can match a text of these words, in the order of the file."""
        numbers = {number for word in words for number in self.by_word.get(word, ())}
        return (self.patterns[number] for number in sorted(numbers))

    def search(self, text: str, words: Iterable[str]) -> re.Match[str] | None:
        """The match of the first pattern of the file that matches; ``words`` are those of the text."""
        return next((match for pattern in self.worth_trying(words) if (match := pattern.search(text))), None)


@dataclass(frozen=True)
class Topic:
    """Patterns that mean one thing.

    Attributes:
        kind: Value of the kind of crisis.
        firm: Whether exceptions do not apply.
        unless_fiction: Whether the topic is left out where the message speaks of films, games, news or studies.
    """

    name: str
    kind: str
    index: PatternIndex
    firm: bool
    unless_fiction: bool


@dataclass(frozen=True)
class Question:
    """A question by the supporter to which a short answer may reveal a crisis.

    Attributes:
        kind: Value of the kind of crisis.
        yes: Whether agreeing reveals it; else denying does ("Do you feel safe?").
    """

    kind: str
    yes: bool
    index: PatternIndex


@dataclass(frozen=True)
class CrisisPatterns:
    """All that the file holds.

    Attributes:
        topics: In the order of the file, which is the order of urgency.
        exceptions: Idioms, denials and everyday senses.
        fiction: Words that show talk of films, games, news or studies.
        questions: What a short answer may answer.
        vocabulary: Every word that some pattern knows.
    """

    topics: tuple[Topic, ...]
    exceptions: PatternIndex
    fiction: frozenset[str]
    questions: tuple[Question, ...]
    vocabulary: frozenset[str] = field(repr=False)


@cache
def crisis_patterns() -> CrisisPatterns:
    """The patterns of the package, read once."""
    return read_patterns(tomllib.loads(Path(__file__).with_name("patterns.toml").read_text(encoding="utf-8")))


def read_patterns(data: Mapping[str, Any]) -> CrisisPatterns:
    """Compiles the content of a pattern file.

    Raises:
        ValueError: A pattern is not well formed; one line that quotes it.
        KeyError: A part of the file is missing.
    """
    groups: Mapping[str, str] = data["groups"]
    topics = tuple(
        Topic(
            name=topic["name"],
            kind=topic["kind"],
            index=PatternIndex.of(topic["patterns"], groups),
            firm=topic.get("firm", False),
            unless_fiction=topic.get("unless") == "fiction",
        )
        for topic in data["topic"]
    )
    questions = tuple(
        Question(question["kind"], question["yes"], PatternIndex.of(question["patterns"], groups))
        for question in data["question"]
    )
    written = [
        pattern for part in (*data["topic"], *data["question"], data["exceptions"]) for pattern in part["patterns"]
    ]
    vocabulary = {word for pattern in written for word in re.findall(r"[a-z]+", _expanded(pattern, groups))}
    return CrisisPatterns(
        topics=topics,
        exceptions=PatternIndex.of(data["exceptions"]["patterns"], groups),
        fiction=frozenset(data["fiction"]["words"].split()),
        questions=questions,
        vocabulary=frozenset(vocabulary),
    )


def _expanded(pattern: str, groups: Mapping[str, str]) -> str:
    """A pattern with its groups put in; gaps are still written ``~3``."""
    for _ in range(5):  # groups may hold groups
        names = set(re.findall(r"\{([a-z_]+)\}", pattern))
        if not names:
            return pattern
        if unknown := names - groups.keys():
            raise ValueError(f"crisis pattern names an unknown group {sorted(unknown)[0]!r}: {pattern}")
        pattern = re.sub(r"\{([a-z_]+)\}", lambda match: groups[match[1]], pattern)
    raise ValueError(f"crisis pattern groups hold each other: {pattern}")


def _compiled(expression: str) -> re.Pattern[str]:
    """The regular expression of an expanded pattern: whole words, pauses allowed between them, bounded gaps."""
    parts = re.split(r"(\(\?[=!][^()]*(?:\([^()]*\)[^()]*)*\))", expression)  # what looks ahead keeps its spaces
    parts[::2] = [_spaced(part) for part in parts[::2]]
    try:
        return re.compile(rf"(?<![a-z0-9])(?:{''.join(parts)})(?![a-z0-9])")
    except re.error as error:
        raise ValueError(f"crisis pattern is no expression ({error}): {expression}") from error


def _spaced(part: str) -> str:
    """A piece of a pattern with its gaps and spaces written out."""
    return "".join(
        f"(?:[a-z0-9]+{_PAUSE}){{0,{piece[1:].strip()}}}" if piece.startswith("~") else piece.replace(" ", _PAUSE)
        for piece in re.split(r"(~\d+ ?)", part)
    )


def _keys(expression: str) -> frozenset[str]:
    """Words of which every match of an expanded pattern holds at least one; the rarest such set, by a rough guess."""
    expression = re.sub(r"~\d+ ?", "", _LOOK_AROUND.sub("", expression))
    alternatives = _split_outside(expression, "|")
    if len(alternatives) > 1:
        sets = [_keys(alternative) for alternative in alternatives]
        return frozenset().union(*sets) if all(sets) else frozenset()
    best: frozenset[str] = frozenset()
    place = 0
    while place < len(expression):
        if expression[place] == "(":
            end = _closing(expression, place)
            inner, place = expression[place + 1 : end].removeprefix("?:"), end + 1
            if place < len(expression) and expression[place] == "?":
                place += 1
                continue
            found = _keys(inner)
        elif word := re.compile(r"[a-z0-9]+").match(expression, place):
            found, place = frozenset({word[0]}), word.end()
        else:
            place += 1
            continue
        if found and (not best or _cost(found) < _cost(best)):
            best = found
    return best


def _cost(words: frozenset[str]) -> tuple[int, int]:
    return len(words & _FREQUENT), len(words)


def _split_outside(expression: str, sign: str) -> list[str]:
    """The expression cut at a sign wherever that sign is outside every bracket."""
    parts, depth, start = [], 0, 0
    for place, character in enumerate(expression):
        depth += (character == "(") - (character == ")")
        if character == sign and depth == 0:
            parts.append(expression[start:place])
            start = place + 1
    return [*parts, expression[start:]]


def _closing(expression: str, opening: int) -> int:
    """Where the bracket that opens at ``opening`` closes."""
    depth = 0
    for place in range(opening, len(expression)):
        depth += (expression[place] == "(") - (expression[place] == ")")
        if depth == 0:
            return place
    raise ValueError(f"crisis pattern with an open bracket: {expression}")
