import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from evaluation.human.study_file import ConflictError, Event, StudyStore, participant_of, read_events

ROOT = Path(__file__).resolve().parents[2]
SYSTEMS = ("alpha", "beta")
WRITER = """
import sys
from pathlib import Path
from evaluation.human.study_file import Event, StudyStore
store = StudyStore(Path(sys.argv[1]), systems=("alpha", "beta"))
for number in range(100_000):
    store.append(sys.argv[2], number, Event("seeker", {"text": "word " * 50, "number": number}))
    print(number, flush=True)
"""


def start_writer(path: Path, participant: str) -> subprocess.Popen[str]:
    """A process that adds one event after the other and says which are stored."""
    command = [sys.executable, "-c", WRITER, str(path), participant]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=-1, text=True)


def test_killed_writers_lose_nothing_they_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    writers = {name: start_writer(path, name) for name in ("ann", "bob")}
    acknowledged = {}
    for name, writer in writers.items():
        assert writer.stdout is not None
        for _ in range(20):
            acknowledged[name] = int(writer.stdout.readline())
    for name, writer in writers.items():
        writer.send_signal(signal.SIGKILL)
        lines = (writer.communicate()[0] or "").split()
        acknowledged[name] = int(lines[-1]) if lines else acknowledged[name]
    _, events = read_events(path)
    for name, last in acknowledged.items():
        numbers = [event.content["number"] for event in events[name]]
        assert numbers == list(range(len(numbers))), "no gap, nothing twice"
        assert last + 1 <= len(numbers) <= last + 2, "at most the one event that was not yet acknowledged more"
    # And the file takes the next event at once.
    StudyStore(path, systems=SYSTEMS).append("ann", len(events["ann"]), Event("seeker", {"text": "back"}))
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_two_writers_of_one_participant(tmp_path: Path) -> None:
    store = StudyStore(tmp_path / "study.sqlite", systems=SYSTEMS)
    won, lost = [], []

    def write(name: str) -> None:
        for number in range(20):
            try:
                store.append("ann", number, Event("seeker", {"by": name}))
                won.append(number)
            except ConflictError:
                lost.append(number)

    threads = [threading.Thread(target=write, args=(name,)) for name in "xyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == list(range(20))
    assert len(lost) == 40
    assert len(store.events("ann")) == 20


def test_what_is_stored_is_what_was_said(tmp_path: Path) -> None:
    store = StudyStore(tmp_path / "new" / "study.sqlite", systems=SYSTEMS)
    said = {"text": "'; DROP TABLE event; -- 😀 \u2028 \"", "value": [1, None, 2.5]}
    store.append("ann", 0, Event("seeker", said))
    store.append("bob", 0, Event("joined", {}))
    assert store.events("ann") == [Event("seeker", said)]
    assert store.events("nobody") == []
    assert store.participants() == ["ann", "bob"]
    systems, events = read_events(tmp_path / "new" / "study.sqlite")
    assert systems == SYSTEMS
    assert list(events) == ["ann", "bob"]


def test_the_token_is_not_in_the_file(tmp_path: Path) -> None:
    store = StudyStore(tmp_path / "study.sqlite", systems=SYSTEMS)
    store.append(participant_of("secret-token"), 0, Event("joined", {}))
    assert all(b"secret-token" not in file.read_bytes() for file in tmp_path.iterdir())


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite"
    StudyStore(path, systems=SYSTEMS)
    StudyStore(path, systems=SYSTEMS)
    with pytest.raises(ValueError, match="a study of alpha and beta, not of beta and alpha"):
        StudyStore(path, systems=("beta", "alpha"))
    text, other = tmp_path / "text.txt", tmp_path / "other.sqlite"
    text.write_text("no database at all, but long enough to look at " * 20)
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (x)")
    for wrong in (text, other):
        with pytest.raises(ValueError, match="no study of this program"):
            read_events(wrong)
        with pytest.raises(ValueError, match="no study of this program"):
            StudyStore(wrong, systems=SYSTEMS)
    with pytest.raises(ValueError, match="no such file"):
        read_events(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()
