"""Helplines: where a person in danger finds help, as data (``helplines.toml``), chosen by country or all of them."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

HELPLINES = Path(__file__).with_name("helplines.toml")
_DIALLED = re.compile(r"\+?\d[\d -]*")
_CODE = re.compile("[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Helpline:
    """One place to turn to.

    Attributes:
        country: Two-letter codes (ISO 3166) of the countries it is for; empty: any country.
        where: The same in words.
        whom: Whom it is for; empty where it is for everybody.
        name: What it calls itself; empty where the contact says enough.
        number: What is dialled: digits, blanks, hyphens; empty where there is a url instead.
        url: Address that begins with ``https://``; empty where there is a number instead.
        how: Where it is not only a call, such as ``call or text``.
        hours: When it answers; empty where unknown.
        source: Where number and hours can be read.
        checked: The day on which they were read there.
        verified: Whether they were; needs source and day.
    """

    country: tuple[str, ...]
    where: str
    whom: str = ""
    name: str = ""
    number: str = ""
    url: str = ""
    how: str = ""
    hours: str = ""
    source: str = ""
    checked: date | None = None
    verified: bool = False

    def __post_init__(self) -> None:
        for field in ("where", "whom", "name", "number", "url", "how", "hours", "source"):
            if not isinstance(getattr(self, field), str):
                raise ValueError(f"{field}: got {getattr(self, field)!r}, expected text")
        if wrong := [code for code in self.country if not (isinstance(code, str) and _CODE.fullmatch(code))]:
            raise ValueError(f"country: got {wrong[0]!r}, expected two capital letters such as US")
        if not self.where.strip():
            raise ValueError("where: empty, expected a place")
        if bool(self.number) == bool(self.url):
            raise ValueError("number, url: expected one of the two")
        if self.number and not _DIALLED.fullmatch(self.number):
            raise ValueError(f"number: got {self.number!r}, expected digits, blanks and hyphens")
        for field in ("url", "source"):
            if (given := getattr(self, field)) and not re.fullmatch(r"https://[\w./-]+", given):
                raise ValueError(f"{field}: got {given!r}, expected an address that begins with https://")
        if type(self.verified) is not bool or not isinstance(self.checked, date | None):
            raise ValueError("verified, checked: expected true or false, and a date")
        if self.verified and not (self.source and self.checked):
            raise ValueError("verified: needs source and checked")

    @property
    def contact(self) -> str:
        """The number or the address, as it is shown."""
        return self.number or self.url

    @property
    def link(self) -> str:
        """What a browser opens: ``tel:`` and the digits, or the address."""
        return "tel:" + re.sub("[ -]", "", self.number) if self.number else self.url

    def __str__(self) -> str:
        where = f"{self.where}, {self.whom}" if self.whom else self.where
        contact = f"{self.how} {self.contact}" if self.how else self.contact
        name = f"{self.name}, " if self.name and self.name != self.number else ""
        return f"{where}: {name}{contact}" + (f" ({self.hours})" if self.hours else "")


@dataclass(frozen=True, slots=True)
class Helplines:
    """All places that the fixed replies name.

    Attributes:
        emergency: Emergency numbers, for danger at this moment.
        talk: Lines to talk with somebody.
        abuse: Lines for people whom somebody hurts, threatens or controls; a country may have none here.
    """

    emergency: tuple[Helpline, ...]
    talk: tuple[Helpline, ...]
    abuse: tuple[Helpline, ...]

    def __post_init__(self) -> None:
        if empty := [part for part in ("emergency", "talk") if not getattr(self, part)]:
            raise ValueError(f"no helpline under {empty[0]!r}, expected at least one")

    def all(self) -> tuple[Helpline, ...]:
        """Every line, in the order of the file."""
        return (*self.emergency, *self.talk, *self.abuse)

    def of(self, country: str) -> "Helplines":
        """Those for one country, given by its two-letter code, and those for any.

        Raises:
            ValueError: The file names no emergency number of this country.
        """
        known = sorted({code for line in self.emergency for code in line.country})
        if country not in known:
            raise ValueError(f"country: got {country!r}, expected one of {', '.join(known)}")
        return Helplines(
            *(
                tuple(line for line in getattr(self, part) if not line.country or country in line.country)
                for part in ("emergency", "talk", "abuse")
            )
        )


@cache
def read_helplines(path: Path = HELPLINES) -> Helplines:
    """Reads a file of helplines.

    Raises:
        ValueError: It is no TOML file, or an entry is not complete; one line that names file, entry and field.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        parts = [field.name for field in fields(Helplines)]
        if unknown := data.keys() - set(parts):
            raise ValueError(f"unknown part {sorted(unknown)[0]!r}")
        return Helplines(**{part: _entries(part, data.get(part, [])) for part in parts})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _entries(part: str, entries: Sequence[Mapping[str, Any]]) -> tuple[Helpline, ...]:
    known = {field.name for field in fields(Helpline)}
    found = []
    for number, entry in enumerate(entries, start=1):
        try:
            if unknown := entry.keys() - known:
                raise ValueError(f"unknown field {sorted(unknown)[0]!r}")
            country = entry.get("country")
            if not isinstance(country, list):
                raise ValueError("country: expected a list of two-letter codes, empty for any country")
            found.append(Helpline(**{**{"where": ""}, **entry, "country": tuple(country)}))
        except ValueError as error:
            raise ValueError(f"{part} {number}: {error}") from error
    return tuple(found)
