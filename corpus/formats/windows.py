"""The 2021 release's ``*WithStrategy_short.tsv``: windows of at most five messages, stitched back to dialogues.

A line is one window, ``FLAG ROLE NUMBER text`` joined by `` EOS ``: role 0 is the seeker and 1 the supporter, the
number is the message's place in its dialogue from 0, and a supporter's text begins with its ``[Strategy]``. A window is
one *supporter message with its up to four predecessors*; every supporter message has one, in order, except a message
that opens its dialogue (there is no history to answer). FLAG (0.0 or 1.0, the weight of the message in the release's
own training loss) is not used.

So the rows of an intact file are, in order, exactly ``(item.history[-4:], item.message)`` for those
items of ``message_view(dialogues)`` whose history is not empty: nothing of the windows is lost by stitching.

What stitching cannot recover:

* Messages after the last supporter message, ratings, problem, emotion and situation are not in the file.
* Where more than four seeker messages precede a supporter message, the earliest of them stand in no window. They can
  only be the seeker's (a supporter message would have its own row), the run of seeker messages stays a run, so
  no turn, plan or strategy changes. Such a message is left out and counted in one warning; in a dialogue whose
  *first* window starts late, its role is unknown (it may be a supporter's opening).
* A dialogue begins where the number of the supporter message does not grow. Where it grows although another dialogue
  begins (the one before ends earlier than the first window of the next), the disagreement of their messages tells
  them apart if that window starts at message 0; a disagreement in any other window is an error.

Rows that are missing or shuffled would leave supporter messages without a row of their own: that is an error.
"""

import logging
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from corpus.dialogue import Dialogue, Message, Role
from corpus.errors import CorpusError, located
from corpus.formats.detection import Content, Format
from corpus.strategy import Strategy

logger = logging.getLogger(__name__)

ROLES: dict[str, Role] = {"0": Role.SEEKER, "1": Role.SUPPORTER}

_FIRST_LINE = re.compile(r"\s*\d\.\d \S+ \d+ ")  # how a file of this format begins
_BOUNDARY = re.compile(r" EOS (?=\d\.\d \S+ \d+(?: |$))")  # a message may hold the word EOS itself
_PART = re.compile(r"\d\.\d (?P<role>\S+) (?P<number>\d+) (?P<text>.*)", re.DOTALL)
_LABELLED = re.compile(r"\[(?P<label>[^\]]*)\](?P<text>.*)", re.DOTALL)


class _Part(NamedTuple):
    """One message of a window as it stands in the file; ``number`` counts from 0."""

    role: str
    number: int
    text: str


@dataclass
class _Draft:
    """A dialogue while its windows come in."""

    parts: dict[int, _Part] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    targets: set[int] = field(default_factory=set)
    last_target: int = -1

    def agrees(self, window: list[_Part]) -> bool:
        return all(self.parts.get(part.number, part) == part for part in window)

    @property
    def missing(self) -> int:
        return max(self.messages) + 1 - len(self.messages)


def _parse(content: Content) -> tuple[Dialogue, ...]:
    drafts: list[_Draft] = []
    # not splitlines(): it would also cut at U+2028 and form feeds inside a message
    for line, row in enumerate(content.text.split("\n"), start=1):
        if not row.strip():
            continue
        with located(line=line, dialogue=max(1, len(drafts))):
            window = _cut(row)
        if not drafts or _opens_dialogue(window, drafts[-1]):
            drafts.append(_Draft())
        with located(line=line, dialogue=len(drafts)):
            _add(window, drafts[-1])
    gaps = [draft.missing for draft in drafts if draft.missing]
    if gaps:
        logger.warning("%d messages of %d dialogues are in no window and are left out", sum(gaps), len(gaps))
    return tuple(_finish(draft, number) for number, draft in enumerate(drafts, start=1))


def _cut(row: str) -> list[_Part]:
    window: list[_Part] = []
    for piece in _BOUNDARY.split(row.strip()):
        match = _PART.fullmatch(piece + " ")  # the blank after NUMBER is stripped away where the text is empty
        if not match:
            raise CorpusError(f"got {piece!r:.60}, expected 'FLAG ROLE NUMBER text' as in '1.0 0 3 text'")
        part = _Part(match["role"], int(match["number"]), match["text"].strip())
        if part.role not in ROLES:
            raise CorpusError(
                f"unknown role {part.role!r}, expected 0 (seeker) or 1 (supporter)",
                message=part.number + 1,
                field="ROLE",
            )
        if window and part.number != window[-1].number + 1:
            raise CorpusError(
                f"message number {part.number} follows {window[-1].number}, expected consecutive numbers",
                message=part.number + 1,
            )
        window.append(part)
    if ROLES[window[-1].role] is not Role.SUPPORTER:
        raise CorpusError(
            "the window ends with the seeker, expected a supporter message", message=window[-1].number + 1, field="ROLE"
        )
    return window


def _opens_dialogue(window: list[_Part], draft: _Draft) -> bool:
    if window[-1].number <= draft.last_target:
        return True
    return window[0].number == 0 and not draft.agrees(window)


def _add(window: list[_Part], draft: _Draft) -> None:
    for part in window:
        known = draft.parts.setdefault(part.number, part)
        with located(message=part.number + 1):
            if known != part:
                raise CorpusError(
                    f"got {part.text!r:.60}, expected {known.text!r:.60} as in the windows before", field="text"
                )
            if part.number not in draft.messages:
                draft.messages[part.number] = _message(part)
    draft.last_target = window[-1].number
    draft.targets.add(draft.last_target)


def _message(part: _Part) -> Message:
    role = ROLES[part.role]
    if role is Role.SEEKER:
        text, strategy = part.text, None
    else:
        labelled = _LABELLED.fullmatch(part.text)
        if not labelled:
            raise CorpusError(
                f"missing, expected a supporter message to begin with its '[Strategy]', got {part.text!r:.60}",
                field="strategy",
            )
        text, strategy = labelled["text"].strip(), Strategy.parse(labelled["label"])
    if not text:
        raise CorpusError(f"got {part.text!r}, expected text that is not empty", field="text")
    return Message(role, text, strategy=strategy)


def _finish(draft: _Draft, number: int) -> Dialogue:
    for place, message in draft.messages.items():
        if message.role is Role.SUPPORTER and place > 0 and place not in draft.targets:
            raise CorpusError(
                "no window ends with this supporter message: lines are missing or out of order, expected one each",
                dialogue=number,
                message=place + 1,
            )
    return Dialogue(number, tuple(draft.messages[place] for place in sorted(draft.messages)))


def _recognises(content: Content) -> bool:
    return _FIRST_LINE.match(content.text) is not None


FORMAT = Format("windows of the 2021 release ('FLAG ROLE NUMBER text EOS ...')", _recognises, _parse)
