"""Normalisation: brings a message into one plain form, so that spelling, disguise and emphasis hide nothing.

The plain form is lower-case ASCII words and the marks ``.``, ``,`` and ``?``, all separated by single spaces.
Contractions are written out; fillers are left out; look-alike letters, digits and stars become the letters they stand
for; lengthened words are shortened; spaced-out and glued words are put right. A disguise is undone only where a word of
the vocabulary (the words that the patterns know) appears: ordinary words, licence plates and numbers stay as they are.
"""

import re
import string
import tomllib
import unicodedata
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

_SPELLING = tomllib.loads((Path(__file__).with_name("spelling.toml")).read_text(encoding="utf-8"))
FILLERS = frozenset(_SPELLING["fillers"].split())
REWRITES: dict[str, str] = _SPELLING["rewrites"]
_ORDINARY = frozenset(_SPELLING["ordinary"].split())

_APOSTROPHES = str.maketrans(dict.fromkeys("’‘ʼʻ`´′＇ʹ‛", "'"))
# Letters of other alphabets that look like Latin ones (after Unicode TR 39), and letters without a decomposition.
_LOOK_ALIKES = str.maketrans(
    "авекмнорстухіјѕԁһԛԝӏցαβεικνορτυχηωłøđıɑɡɩʟʀɪɴᴀʙᴄᴅᴇɢʜᴊᴋᴍᴏᴘᴛᴜᴠᴡʏᴢꜱꜰɓɗɛƙɱƭ",
    "abekmhopctyxijsdhqwlgabeikvoptuxnwlodiagilrinabcdeghjkmoptuvwyzsfbdekmt",
)
_SQUARED = {
    first + place: letter
    for first in (0x1F150, 0x1F170, 0x1F1E6)
    for place, letter in enumerate(string.ascii_lowercase)
}
# Digits and signs that stand for letters inside a word; a star or its like stands for any.
_STANDS_FOR = {"0": "o", "1": "il", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g", "@": "a", "$": "s",
               "!": "il", "|": "il", "+": "t", "€": "e", "£": "l", "¡": "i", "(": "c"}  # fmt: skip
_ANY_LETTER = "*#%^&•·×"
_CHUNK = re.compile(r"[a-z]+(?:'[a-z]+)?(?=[\s.,?]|$)|[.,?]+(?=\s|$)|\S+")
_WORD = re.compile(r"[a-z0-9]+|[.,?!;:\n…]")
_CORE = re.compile(r"[\"'(\[{<.,?!;:~_…-]*(.*?)[\"')\]}>.,?!;:~_…-]*", re.DOTALL)
# Letters and what parts them have no sign in common, else the search could take exponential time.
_SPACED = re.compile(r"(?<![a-z0-9'])(?:[a-z0-9@$!](?:[ \t]{1,4}|[-._*~/|]{1,2})){2,60}[a-z0-9@$](?![a-z0-9'])")
_LENGTHENED = re.compile(r"([a-z])\1")
_GLUED = re.compile(
    r"myself|yourself|suicid|wanttodie|wannadie|(?:my|her|his)life|(?:kill|hurt)(?:me|him|her)|(?:hit|beat)s?me|rapedme"
)
_SUFFIXES = {"ll": "will", "re": "are", "ve": "have", "d": "would", "m": "am"}
_IS = frozenset(("he", "she", "it", "that", "there", "what", "who", "life", "everything", "nothing"))
_LONGEST_WORD = 14  # letters of the longest vocabulary word that is looked for in glued text


class MessageNormalizer:
    """Turns messages into plain form under one vocabulary.

    Args:
        vocabulary: Every word that a pattern may look for, lower-case letters only.
    """

    def __init__(self, vocabulary: Iterable[str]) -> None:
        written_out = {word for rewritten in REWRITES.values() for word in rewritten.split()}
        self._vocabulary = frozenset(vocabulary) | REWRITES.keys() | written_out | FILLERS
        by_key: dict[str, list[str]] = {}
        by_shape: dict[tuple[int, str], list[str]] = {}
        # Longest first: of two words that a lengthened one may stand for, the one that explains more of it.
        for word in sorted(self._vocabulary, key=lambda word: (-len(word), word)):
            by_key.setdefault(_squeezed(word), []).append(word)
            by_shape.setdefault((len(word), word[-1]), []).append(word)
        self._by_key, self._by_shape = by_key, by_shape
        self._misspelled = {
            wrong: word
            for word in _SPELLING["often_misspelled"].split()
            for wrong in _near_misses(word)
            if wrong not in self._vocabulary
        }

    def plain(self, text: str) -> str:
        """The plain form of a message; ``""`` where it holds no word.

        Any text is accepted, time is linear in its length.
        """
        if not text.isascii():
            text = _latin(text)
        text = _SPACED.sub(self._closed_up, text.lower())
        words: list[str] = []
        for match in _CHUNK.finditer(text):
            for word in self._words(match[0]):
                if word in FILLERS or (not word.isalnum() and (not words or not words[-1].isalnum())):
                    continue  # a mark follows a word, and only one
                words.append(word)
        joined = " ".join(words)
        # "my self" and "any more" are as often meant as one word.
        return _TWO_AS_ONE.sub(lambda match: _ONE[match[0]], joined)

    def _words(self, chunk: str) -> list[str]:
        """The plain words and marks of a piece of text without spaces."""
        if chunk.isalpha():
            return self._written_out(chunk)
        if chunk[0] in ".,?" and not chunk.strip(".,?"):
            # Dots are a pause as often as an end; one alone is an end.
            return ["?" if "?" in chunk else "." if chunk == "." else ","]
        core = _CORE.fullmatch(chunk)
        inner = core[1] if core else ""
        tail = chunk[core.end(1) :] if core else ""
        undisguised = self._undisguised(inner)
        if undisguised is None and "*" in tail + chunk[:1] and inner:
            undisguised = self._undisguised(inner.strip("*"))
        if undisguised is not None:
            words = self._written_out(undisguised)
        elif "'" in inner:
            words = [word for part in re.split(r"[^a-z0-9']+", inner) if part for word in self._contraction(part)]
        else:
            words = []
            for part in _WORD.findall(inner):
                words += self._written_out(part) if part.isalnum() else [_mark(part)]
        return [*words, _mark(tail)] if tail and _mark(tail) else words

    def _contraction(self, word: str) -> list[str]:
        """Words of something with an apostrophe in it: ``he'll``, ``can't``, ``friend's``."""
        stem, _, suffix = word.rpartition("'")
        stem = stem.replace("'", "")
        suffix = _squeezed(suffix)
        suffix = "ll" if suffix == "l" else suffix
        if suffix in _SUFFIXES and stem:
            return [*self._written_out(stem), _SUFFIXES[suffix]]
        if suffix == "s" and self._shortened(stem) in _IS:
            return [*self._written_out(stem), "is"]
        return self._written_out(stem + suffix) if stem + suffix else []

    def _written_out(self, word: str) -> list[str]:
        """A word shortened, parted if glued, and with its contraction written out."""
        word = self._shortened(word)
        if word in REWRITES:
            return REWRITES[word].split()
        if len(word) >= 6 and word not in self._vocabulary and _GLUED.search(word) and (parts := self._parted(word)):
            return [plain for part in parts for plain in REWRITES.get(part, part).split()]
        return [word]

    def _shortened(self, word: str) -> str:
        """The vocabulary word that a lengthened or misspelled one stands for; else the word, runs of three cut."""
        if word in self._vocabulary or word in _ORDINARY:
            return word
        if _LENGTHENED.search(word):
            runs = _runs(word)
            for known in self._by_key.get(_squeezed(word), ()):
                if all(has >= needs for has, needs in zip(runs, _runs(known), strict=True)):
                    return known
            if max(runs) > 2:
                word = _squeezed(word)
        return self._misspelled.get(word, word)

    def _undisguised(self, chunk: str) -> str | None:
        """The vocabulary word behind digits, signs and stars; None where there is none."""
        if chunk.isalpha() or not any(letter.isalpha() for letter in chunk):
            return None
        if not all(sign.isalpha() or sign in _STANDS_FOR or sign in _ANY_LETTER for sign in chunk):
            return None
        if sum(sign.isalpha() for sign in chunk) >= min(2, len(chunk) - 1) and (
            found := self._by_signs(chunk) or self._by_signs(_squeezed(chunk))
        ):
            return found
        if any(sign in _ANY_LETTER for sign in chunk):
            return None
        letters = "".join(_STANDS_FOR.get(sign, sign)[0] for sign in chunk)
        shortened = self._shortened(letters)
        return shortened if shortened in self._vocabulary or _GLUED.search(letters) else None

    def _by_signs(self, chunk: str) -> str | None:
        """A vocabulary word of the same length whose letters the signs may stand for."""
        letters = [string.ascii_lowercase if sign in _ANY_LETTER else _STANDS_FOR.get(sign, sign) for sign in chunk]
        for last in letters[-1]:
            for word in self._by_shape.get((len(chunk), last), ()):
                if all(letter in possible for letter, possible in zip(word, letters, strict=True)):
                    return word
        return None

    def _closed_up(self, spaced: re.Match[str]) -> str:
        """Letters with spaces or signs between them as the words they spell; unchanged where they spell none."""
        letters = "".join(_STANDS_FOR.get(sign, sign)[0] for sign in re.sub(r"[^a-z0-9@$!]", "", spaced[0]))
        parts = self._parted(letters)
        return " ".join(parts) if parts and any(len(part) > 2 for part in parts) else spaced[0]

    def _parted(self, letters: str) -> list[str] | None:
        """The fewest vocabulary words that letters written without spaces consist of; None where that fails."""
        best: list[list[str] | None] = [[]] + [None] * len(letters)
        for end in range(1, len(letters) + 1):
            for start in range(max(0, end - _LONGEST_WORD), end):
                head, word = best[start], letters[start:end]
                if head is None or word not in self._vocabulary or (len(word) == 1 and word not in "ia"):
                    continue
                known = best[end]
                if known is None or len(head) + 1 < len(known):
                    best[end] = [*head, word]
        return best[-1]


_ONE = {"my self": "myself", "any more": "anymore", "him self": "himself", "her self": "herself",
        "your self": "yourself", "no one": "nobody", "every one": "everyone", "good bye": "goodbye",
        "step dad": "stepdad", "step father": "stepfather", "step mom": "stepmom", "kind of": "", "sort of": "",
        "selfharm": "self harm"}  # fmt: skip
_TWO_AS_ONE = re.compile(r"\b(?:" + "|".join(_ONE) + r")\b")


def _latin(text: str) -> str:
    """The text without invisible characters and accents, look-alikes of other alphabets as Latin letters."""
    text = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES).translate(_SQUARED)).casefold()
    # Mn and Me: accents and enclosures; Cf: zero-width and direction marks; Cn, Co, Cc (but white space): no letters.
    letters = (
        character
        for character in text
        if character.isascii() or character.isspace() or unicodedata.category(character)[0] not in "MC"
    )
    return "".join(letters).translate(_LOOK_ALIKES).translate(_APOSTROPHES)


def _mark(signs: str) -> str:
    """What a run of punctuation means: a question, an end, a pause, or nothing."""
    if "?" in signs:
        return "?"
    if "..." in signs or "…" in signs:
        return ","
    if any(sign in ".!" for sign in signs):
        return "."
    return "," if any(sign in ",;:" for sign in signs) else ""


def _squeezed(word: str) -> str:
    """Every run of one letter as a single one."""
    return "".join(letter for letter, _ in groupby(word))


def _runs(word: str) -> list[int]:
    """Lengths of the runs of equal letters."""
    return [len(list(run)) for _, run in groupby(word)]


def _near_misses(word: str) -> set[str]:
    """The word with two inner letters swapped or one left out."""
    swapped = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)}
    return (swapped | {word[:i] + word[i + 1 :] for i in range(1, len(word) - 1)}) - {word}
