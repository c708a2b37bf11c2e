"""A run folder: configuration as resolved, manifest and metrics of one training; it is refused to every other."""

import errno
import hashlib
import json
import logging
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cli.configuration import Upgrade, differences
from cli.machine import hardware, versions
from corpus.files import write_whole
from corpus.splits import Corpus

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

FORMAT = 2  # of config.json; 1 had flat configurations, not always as resolved
CONFIG, MANIFEST, METRICS, LOCK = "config.json", "manifest.json", "metrics.json", ".lock"
_UNTOUCHED = {CONFIG, MANIFEST, LOCK}  # what a start leaves that failed before it made anything


class RunFolder:
    """An opened run folder, locked against other processes until it is closed; a context manager.

    Opening it again with the same settings resumes the run; with others it is an error, so that nothing is ever mixed
    or overwritten.

    Args:
        folder: Where; made if missing.
        settings: Everything that decides the result: ``config`` as resolved, the seed, what it builds on.
        corpus: The data; their hashes go into the manifest.
        upgraded: Turns the ``config`` of an earlier version's ``config.json`` into the values of today.

    Attributes:
        leads: Whether this is the only process, or the first of those that ``torchrun`` or ``accelerate launch``
            started, which alone compares, locks and writes.

    Raises:
        ValueError: The folder holds another run or other things, or another process is training in it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        command: str,
        settings: Mapping[str, Any],
        corpus: Corpus,
        precision: str = "fp32",
        upgraded: Upgrade = dict,
    ) -> None:
        self.folder = folder
        self.leads = os.environ.get("RANK", "0") == "0"
        self._lock: int | None = None
        self._began = time.perf_counter()
        processes = int(os.environ.get("WORLD_SIZE", "1"))
        facts = {"format": FORMAT, "command": command, **settings, "processes": processes}
        config = json.loads(json.dumps(facts, default=str))
        hashes = {name: corpus.digest(name) for name in corpus.splits}
        self._manifest: dict[str, Any] = {
            "command": command,
            "started": _now(),
            "finished": None,
            "seconds": None,
            "seed": config.get("seed"),
            "precision": precision,
            "corpus": {"name": corpus.name, "source": corpus.source, "splits": hashes},
            "versions": versions(),
            "hardware": hardware(),
        }
        if not self.leads:
            if (folder / MANIFEST).is_file():
                self._manifest = _read_json(folder / MANIFEST)
            return
        self._holds(config, hashes, upgraded)
        if self.finished:
            return  # nothing will be written: no lock is needed, and the folder may be read-only
        self._acquire()
        try:
            # Asked again under the lock: whoever held it may have begun or finished the run since.
            if self._holds(config, hashes, upgraded):
                if not self.finished:
                    logger.info("%s: resuming the run begun at %s", folder, self._manifest["started"])
            else:
                write_whole(folder / CONFIG, json.dumps(config, indent=2) + "\n")
                self._write_manifest()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """The run folder."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the folder."""
        self.close()

    @property
    def finished(self) -> bool:
        """Whether the run came to its end, now or at an earlier start."""
        return self._manifest.get("finished") is not None

    @property
    def minutes(self) -> float:
        """Time of the start that finished the run, or of the present one so far."""
        return (self._manifest["seconds"] if self.finished else time.perf_counter() - self._began) / 60

    def finish(self, metrics: Mapping[str, Any]) -> None:
        """Writes ``metrics.json`` and marks the run as finished."""
        if self.leads:
            write_whole(self.folder / METRICS, json.dumps(metrics, indent=2) + "\n")
        self._manifest |= {"seconds": round(time.perf_counter() - self._began, 1), "finished": _now()}
        if self.leads:
            self._write_manifest()

    def metrics(self) -> dict[str, Any]:
        """What :meth:`finish` wrote."""
        return _read_json(self.folder / METRICS)

    def close(self) -> None:
        """Releases the lock, as the system does when the process is killed."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _holds(self, config: dict[str, Any], hashes: dict[str, str], upgraded: Upgrade) -> bool:
        """Whether the folder holds this run, begun or finished; raises a ValueError where it holds something else."""
        names = {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()
        if not names - _UNTOUCHED:
            return False
        if CONFIG not in names:
            raise ValueError(f"{self.folder}: not empty, and no run of this program; choose another --out")
        found = _read_json(self.folder / CONFIG)
        different = []
        if found.get("format", 1) < FORMAT:
            try:
                found = {**found, "format": FORMAT, "processes": 1, "config": upgraded(found.get("config") or {})}
            except (ValueError, TypeError, AttributeError) as error:
                different.append(str(error))
        if not different:
            for place, value in differences(found, config):
                digest = isinstance(value, str) and not place.startswith("config.")
                different.append(place if digest else f"{place.removeprefix('config.')} {value!r} there")
        manifest = _read_json(self.folder / MANIFEST)
        if manifest.get("corpus", {}).get("splits") != hashes:
            different.append("data")
        if different:
            raise ValueError(f"{self.folder}: holds another run ({', '.join(different)}), choose another --out")
        self._manifest = manifest
        return True

    def _acquire(self) -> None:
        """Takes the lock; a ValueError where another process has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if fcntl is None:
            return
        self._lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.close()
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise ValueError(f"{self.folder}: another process is training in it") from error
            logger.warning("%s: this disk has no locks; do not start two trainings in one folder", self.folder)

    def _write_manifest(self) -> None:
        write_whole(self.folder / MANIFEST, json.dumps(self._manifest, indent=2) + "\n")


def check_folders(*folders: Path | None) -> None:
    """Raises a ValueError where a run folder that is given does not exist, long before anything is loaded from it."""
    for folder in folders:
        if folder is not None and not folder.is_dir():
            raise ValueError(f"{folder}: no such run folder")


def weights_digest(folder: Path) -> str:
    """What a run that builds on another depends on: SHA-256 of weights and settings in its folder, shortened.

    Left out is what says when and where it was made: configuration, manifest, scores, curves. Empty where there are no
    weights.
    """
    about = {CONFIG, MANIFEST, METRICS, "curves.json"}
    weights = sorted(folder.glob("*.safetensors"))
    settings = sorted(path for path in folder.glob("*.json") if path.name not in about)
    hashes = [path.name.encode() + hashlib.sha256(path.read_bytes()).digest() for path in (*weights, *settings)]
    return hashlib.sha256(b"".join(hashes)).hexdigest()[:16] if weights else ""


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: missing or damaged, choose another --out ({error})") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
