"""A study's file: one SQLite database to which events are only ever added, each committed before the next can happen.

What a participant did is the list of their events (``participant.py`` says what they mean). No state is held beside
it, so nothing can be lost: after a kill at any moment, every event that was acknowledged is there. The file uses a
write-ahead log with full synchronisation. Each event has its number in the participant's list, and the number is
unique: of two writers that both try to add the next event, one is refused.

The file holds a digest of a participant's token and not the token itself, so that nobody who opens the file can resume
in a participant's name.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_APPLICATION = 0x45534353  # "ESCS", in the database's header: a study of this program
_VERSION = 1
_PATIENCE = 30.0  # seconds to wait for another writer
_TABLES = """
CREATE TABLE study (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    first TEXT NOT NULL,
    second TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    participant TEXT NOT NULL,
    number INTEGER NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    content TEXT NOT NULL,
    UNIQUE (participant, number)
);
"""


class ConflictError(ValueError):
    """Another tab has added the participant's next event; the events must be read again."""


@dataclass(frozen=True)
class Event:
    """One thing that happened to one participant.

    Attributes:
        kind: What happened; ``participant.py`` lists the kinds.
        content: Plain values.
    """

    kind: str
    content: Mapping[str, Any]


class StudyStore:
    """Writes and reads a study's file; many threads and processes may use one file at once.

    Args:
        path: The file; made if missing.
        systems: Names of the first and the second system.

    Raises:
        ValueError: The file is something else, or a study of other systems.
    """

    def __init__(self, path: Path, *, systems: tuple[str, str]) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")  # of two servers that start at once, one makes the tables
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in filter(str.strip, _TABLES.split(";")):
                    connection.execute(statement)
                connection.execute("INSERT INTO study VALUES (1, ?, ?, ?)", (*systems, _now()))
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {_VERSION}")
            connection.execute("COMMIT")
            found = _systems(connection, path)
        if found != systems:
            raise ValueError(f"{path}: a study of {' and '.join(found)}, not of {' and '.join(systems)}")

    def append(self, participant: str, number: int, event: Event) -> None:
        """Adds a participant's event; when this returns, it is on disk.

        Args:
            participant: Name in the file, see :func:`participant_of`.
            number: How many events the participant has, as the writer knows it.

        Raises:
            ConflictError: The participant has more events by now.
        """
        row = (participant, number, _now(), event.kind, json.dumps(event.content, ensure_ascii=False))
        try:
            with self._open() as connection:
                connection.execute(
                    "INSERT INTO event (participant, number, at, kind, content) VALUES (?, ?, ?, ?, ?)", row
                )
        except sqlite3.IntegrityError as error:
            raise ConflictError("this conversation was continued in another tab") from error

    def events(self, participant: str) -> list[Event]:
        """A participant's events in order; a stranger has none."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT kind, content FROM event WHERE participant = ? ORDER BY number", (participant,)
            ).fetchall()
        return [Event(kind, json.loads(content)) for kind, content in rows]

    def participants(self) -> list[str]:
        """Everybody who has an event, in order of arrival."""
        with self._open() as connection:
            return _participants(connection)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        # A connection for every use: it belongs to no thread, and a kill leaves none half used.
        with closing(sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)) as connection:
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
            except sqlite3.DatabaseError as error:
                raise ValueError(f"{self.path}: no study of this program ({error})") from error
            yield connection


def read_events(path: Path) -> tuple[tuple[str, str], dict[str, list[Event]]]:
    """Reads a study's file without changing it, also while people are talking.

    Returns:
        Names of both systems, and every participant's events, in order of arrival.

    Raises:
        ValueError: No study there, or a damaged one.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file, expected a study made by python -m chat --compare")
    events: dict[str, list[Event]] = {}
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE)) as connection:
            systems = _systems(connection, path)
            for participant in _participants(connection):
                events[participant] = []
            for participant, kind, content in connection.execute(
                "SELECT participant, kind, content FROM event ORDER BY participant, number"
            ):
                events.setdefault(participant, []).append(Event(kind, json.loads(content)))
    except (sqlite3.DatabaseError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: no study of this program, or damaged ({error})") from error
    return systems, events


def participant_of(token: str) -> str:
    """The name that a participant has in the file: a digest of their secret token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()[:24]


def _systems(connection: sqlite3.Connection, path: Path) -> tuple[str, str]:
    if connection.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
        raise ValueError(f"{path}: a database, but no study of this program")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != _VERSION:
        raise ValueError(f"{path}: a study of version {version}, expected {_VERSION}")
    first, second = connection.execute("SELECT first, second FROM study").fetchone()
    return first, second


def _participants(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT participant FROM event GROUP BY participant ORDER BY min(id)")
    return [participant for (participant,) in rows]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
