"""Texts for language models, which are data beside the code and are named by version and hash in every signature.

Conversations and the facts of a profile are filled into them as text.
"""

import hashlib
import string
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.dialogue import Message, Role
from language_models.settings import check_number

_FOLDER = Path(__file__).resolve().parent / "prompts"


@dataclass(frozen=True)
class Prompt:
    """The texts of one purpose.

    Attributes:
        version: Raised by whoever changes the file.
        digest: The first 8 hex digits of the file's SHA-256, so that a forgotten version shows too.
        texts: Name -> text with ``{fields}``.
        tables: Name -> table of texts.
    """

    version: int
    digest: str
    texts: dict[str, str]
    tables: dict[str, dict[str, str]]

    @property
    def mark(self) -> str:
        """Version and digest, for signatures."""
        return f"{self.version}.{self.digest}"

    def fill(self, name: str, /, **values: object) -> str:
        """A text with its fields filled in.

        Raises:
            ValueError: The values are not exactly the text's fields.
        """
        text = self.texts[name]
        fields = {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}
        if fields != set(values):
            raise ValueError(f"prompt text {name!r}: has the fields {sorted(fields)}, got {sorted(values)}")
        return text.format(**values).strip()


def load_prompt(name: str) -> Prompt:
    """Reads ``prompts/NAME.toml``."""
    content = (_FOLDER / f"{name}.toml").read_bytes()
    values: dict[str, Any] = tomllib.loads(content.decode())
    return Prompt(
        version=values["version"],
        digest=hashlib.sha256(content).hexdigest()[:8],
        texts={key: value for key, value in values.items() if isinstance(value, str)},
        tables={key: value for key, value in values.items() if isinstance(value, dict)},
    )


def check_settings(settings: Any) -> None:
    """Refuses a frozen configuration with a count below 1, or with a number that is not finite and from 0.

    Raises:
        ValueError: Names the field.
    """
    for name, value in vars(settings).items():
        if isinstance(value, int | float):
            check_number(name, value, least=1 if isinstance(value, int) else 0)


def transcript(history: Sequence[Message], *, supporter: str, seeker: str) -> str:
    """One line per message, ``Name: text``, with these names for supporter and seeker."""
    names = {Role.SUPPORTER: supporter, Role.SEEKER: seeker}
    return "\n".join(f"{names[message.role]}: {' '.join(message.text.split())}" for message in history)


def stated(fact: str) -> str:
    """A fact of a profile, or that it is not known."""
    return fact or "not stated"
