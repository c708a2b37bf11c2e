"""A corpus as its named splits, the official split as a rule, and the digest that tells data apart."""

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from corpus.dialogue import Dialogue
from corpus.errors import CorpusError
from corpus.formats.official import to_record

SPLITS: tuple[str, ...] = ("train", "valid", "test")

OFFICIAL_SEED = 13
OFFICIAL_SHARE = 0.15  # of all dialogues, for valid and for test each


def official_split(dialogues: Sequence[Dialogue]) -> dict[str, tuple[Dialogue, ...]]:
    """Splits a whole corpus, in its file's order, as the authors did.

    ``random.seed(13); random.shuffle(dialogues)``; the first 15 % are valid, the next 15 % test, the rest train: 910,
    195 and 195 of 1,300. On a part of the corpus the rule gives another, *not* the official, split.

    Source: ``codes_zcj/_reformat/process.py`` in https://github.com/thu-coai/Emotional-Support-Conversation

    Returns:
        The splits that are not empty, in the order train, valid, test.
    """
    shuffled = list(dialogues)
    random.Random(OFFICIAL_SEED).shuffle(shuffled)
    size = int(OFFICIAL_SHARE * len(shuffled))
    splits = {"train": shuffled[2 * size :], "valid": shuffled[:size], "test": shuffled[size : 2 * size]}
    return {name: tuple(part) for name, part in splits.items() if part}


@dataclass(frozen=True)
class Corpus:
    """A corpus and its splits.

    Attributes:
        name: What tables call it.
        source: Where it comes from: the path, or the hub id.
        splits: Dialogues by split name (train, valid, test), those present only, in this order.
    """

    name: str
    source: str
    splits: dict[str, tuple[Dialogue, ...]]

    def __post_init__(self) -> None:
        if not self.splits or list(self.splits) != [name for name in SPLITS if name in self.splits]:
            raise CorpusError(f"got the splits {list(self.splits)}, expected {', '.join(SPLITS)}", path=self.source)

    def split(self, name: str) -> tuple[Dialogue, ...]:
        """The dialogues of one split, or of all that are present.

        ``Dialogue.number`` is the place in the dialogue's *file*: in ``all`` of a directory it is not unique.

        Raises:
            CorpusError: The split does not exist here.
        """
        if name == "all":
            return tuple(dialogue for part in self.splits.values() for dialogue in part)
        if name not in self.splits:
            raise CorpusError(f"no split {name!r}, expected one of {', '.join(self.splits)}, all", path=self.source)
        return self.splits[name]

    def digest(self, split: str) -> str:
        """:func:`dialogues_digest` of a split, or of ``all``."""
        return dialogues_digest(self.split(split))

    def identity(self, *splits: str) -> str:
        """What names the data in a signature: the corpus and the shortened digests of splits, all of them for ``all``.

        Returns:
            E.g. ``ESConv-1a2b3c4d+5e6f7a8b``.
        """
        names = [name for split in splits for name in (self.splits if split == "all" else [split])]
        return f"{self.name}-" + "+".join(self.digest(name)[:8] for name in names)


def dialogues_digest(dialogues: Iterable[Dialogue]) -> str:
    """SHA-256 (64 hexadecimal digits) of all that dialogues hold, in order, whatever format they came in.

    The one identity of data: ``manifest.json`` of every run, signatures of scores and fitted seekers carry it.

    Raises:
        CorpusError: A supporter's message has no strategy.
    """
    digest = hashlib.sha256()
    for dialogue in dialogues:
        digest.update(json.dumps(to_record(dialogue), sort_keys=True).encode() + b"\n")
    return digest.hexdigest()
