"""Care: what is answered instead of a model's text, from the levels of a conversation so far.

The terminal, the web page and the study ask :class:`Care` alone, so that the same rules hold in all of them:

- An *urgent* message gets the fixed message. From then on the conversation is closed to models: what follows gets short
  replies, until the urgent message is taken back.
- A *worried* message gets a question about safety. Two worried messages in a row are urgent.

>>> care = load_care(country="GB")
>>> found = care.screen("I want to kill myself", history=[], earlier=[])
>>> found.level.value, "116 123" in care.fixed_reply(found)
('urgent', True)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from encoding.embedding_cache import EmbeddingCache
from encoding.sentence_encoder import SentenceEncoder
from encoding.text_encoder import TextEncoder
from safety.detector import Detector
from safety.helplines import Helplines, read_helplines
from safety.replies import ReplyScreener
from safety.reply import crisis_reply, short_reply, worried_reply
from safety.screening import Level, Screener, Screening

PRETRAINED = Path(__file__).parents[1] / "pretrained" / "safety"
"""A folder for each encoder, named by the first 16 digits of its fingerprint."""


@dataclass(frozen=True)
class Care:
    """The screenings of both sides and the helplines.

    Attributes:
        screener: Screens what the person writes.
        replies: Screens what a model writes.
        helplines: What the fixed replies name.
    """

    screener: Screener
    replies: ReplyScreener
    helplines: Helplines = field(default_factory=read_helplines)

    @property
    def complete(self) -> bool:
        """Whether the learned detectors of both sides run beside the rules."""
        return self.screener.complete and self.replies.complete

    def screen(self, text: str, *, history: Sequence[str], earlier: Sequence[Screening]) -> Screening:
        """What a message shows in its conversation.

        Args:
            history: All messages before, of both sides.
            earlier: What the person's messages before showed, as this method said.

        Returns:
            Urgent also where this message and the one before are worried.
        """
        found = self.screener.screen(text, history)
        if found.level is Level.WORRIED and earlier and earlier[-1].level is Level.WORRIED:
            return Screening(Level.URGENT, found.kind, found.matched)
        return found

    def fixed_reply(self, found: Screening, *, earlier: Sequence[Screening] = ()) -> str | None:
        """The text that takes the place of a model's; None where a model may answer."""
        if any(one.level is Level.URGENT for one in earlier):
            return short_reply(self.helplines)
        if found.kind is None:
            return None
        if found.level is Level.URGENT:
            return crisis_reply(self.helplines)
        asked = sum(one.level is Level.WORRIED for one in earlier)
        return worried_reply(found.kind, self.helplines, asked=asked)


def load_care(encoder: TextEncoder | None = None, *, country: str | None = None) -> Care:
    """Care with the detectors of the package.

    Args:
        encoder: One that is loaded already, as a planner's: where there are detectors for it they are used, so that a
            message is embedded once. By default, and for any other, the default encoder.
        country: Two-letter code; None: the helplines of all countries are named.

    Raises:
        ValueError: The encoder or the weights are missing, or no helpline is known for the country.
    """
    helplines = read_helplines() if country is None else read_helplines().of(country)
    if encoder is None or not (folder := PRETRAINED / encoder.fingerprint[:16]).is_dir():
        encoder = default_encoder()
        folder = PRETRAINED / encoder.fingerprint[:16]
    person, supporter = (Detector.load(folder / side, encoder) for side in ("person", "supporter"))
    return Care(Screener(person), ReplyScreener(supporter), helplines)


def rules_alone(*, country: str | None = None) -> Care:
    """Care without detectors, for where their encoder or weights are missing."""
    helplines = read_helplines() if country is None else read_helplines().of(country)
    return Care(Screener(None), ReplyScreener(None), helplines)


@cache
def default_encoder() -> TextEncoder:
    """The default sentence encoder, with a memory of its own and nothing on disk."""
    return EmbeddingCache(SentenceEncoder(), folder=None)


@cache
def default_care() -> Care:
    """:func:`load_care` as it is without arguments, loaded once."""
    return load_care()
