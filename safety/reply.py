"""The fixed reply that takes the place of a model's text when the screening finds a crisis, made from the helplines.

The reply is written for a person who reads it in a bad moment: short sentences, help first, no blame, no diagnosis, no
promise that a program cannot keep, and words that fit whoever is in danger, the writer or somebody else. The numbers in
it are data (``helplines.toml``), so that a deployment can add those of its country without touching the text.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HELPLINES = Path(__file__).with_name("helplines.toml")

_TEMPLATE = """\
Thank you for saying this. It sounds as if you, or somebody you care about, may be in danger or in great pain. \
It matters, it is nobody's shame, and nobody has to carry it alone.

I am only a computer program, made for research. I cannot help in an emergency and nobody reads along here. \
But there are people who can help, right now:

If anybody is in danger at this moment, call your local emergency number ({emergency}) or go to the nearest emergency \
department.

To talk with somebody, free and confidential:
{talk}

If somebody hurts, threatens or controls you, it is not your fault, and you deserve to be believed:
{abuse}
If they may look at this device, use another one.

If you fear that you could hurt somebody, put distance between you, and anything that could be a weapon, and call one \
of these lines or the emergency number: they talk with you about that too.

If you can, tell one person you trust. This program will not go on chatting about this; if it misunderstood you, I am \
sorry, and you can begin a new conversation."""


@dataclass(frozen=True, slots=True)
class Helpline:
    """One place to turn to.

    Attributes:
        where: Country or countries, and whom it is for where it is not for everybody.
        contact: Telephone number or address, with what to do if it is not only a call.
        name: What it calls itself; empty where the contact says enough.
    """

    where: str
    contact: str
    name: str = ""

    def __post_init__(self) -> None:
        if not (self.where.strip() and self.contact.strip()):
            raise ValueError(f"a helpline needs a place and a contact, got {self.where!r} and {self.contact!r}")

    def __str__(self) -> str:
        return f"{self.where}: {self.name}, {self.contact}" if self.name else f"{self.where}: {self.contact}"


@dataclass(frozen=True, slots=True)
class Helplines:
    """All places that the fixed reply names.

    Attributes:
        emergency: Emergency numbers, for danger at this moment.
        talk: Lines to talk with somebody.
        abuse: Lines for people whom somebody hurts, threatens or controls.
    """

    emergency: tuple[Helpline, ...]
    talk: tuple[Helpline, ...]
    abuse: tuple[Helpline, ...]

    def __post_init__(self) -> None:
        if empty := [name for name in self.__slots__ if not getattr(self, name)]:
            raise ValueError(f"no helpline under {empty[0]!r}, expected at least one")


def read_helplines(path: Path = HELPLINES) -> Helplines:
    """Reads a file of helplines.

    Raises:
        ValueError: It is no TOML file, or an entry is not complete; one line that names file and entry.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        if unknown := data.keys() - set(Helplines.__slots__):
            raise ValueError(f"unknown part {sorted(unknown)[0]!r}")
        return Helplines(**{part: _entries(part, data.get(part, [])) for part in Helplines.__slots__})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def crisis_reply(helplines: Helplines) -> str:
    """The fixed reply with these helplines in it."""
    numbers = [f"{line.contact} {line.where}" for line in helplines.emergency]
    return _TEMPLATE.format(
        emergency=", ".join(numbers),
        talk="\n".join(f"- {line}" for line in helplines.talk),
        abuse="\n".join(f"- {line}" for line in helplines.abuse),
    )


def _entries(part: str, entries: Sequence[Mapping[str, Any]]) -> tuple[Helpline, ...]:
    found = []
    for number, entry in enumerate(entries, start=1):
        try:
            if unknown := entry.keys() - set(Helpline.__slots__):
                raise ValueError(f"unknown field {sorted(unknown)[0]!r}")
            found.append(Helpline(entry.get("where", ""), entry.get("contact", ""), entry.get("name", "")))
        except ValueError as error:
            raise ValueError(f"{part} {number}: {error}") from error
    return tuple(found)


CRISIS_REPLY = crisis_reply(read_helplines())
"""The fixed reply with the helplines of this package."""
