"""A run folder: its resolved configuration, its manifest, its metrics. One configuration per folder, for ever."""

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import platform
import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from corpus.files import write_whole
from corpus.splits import Corpus

_PACKAGES = (
    "torch",
    "transformers",
    "scikit-learn",
    "sentence-transformers",
    "stable-baselines3",
    "gymnasium",
    "nltk",
    "numpy",
)


class Run:
    """An opened run folder.

    Opening it again with the same command goes on with it; with another command it is an error, so that nothing is
    ever mixed or overwritten.

    Args:
        folder: Where; made if missing.
        command: Name of the command.
        settings: Everything that decides the result: the resolved configuration and the seed.
        corpus: The data; their hashes go into the manifest.

    Attributes:
        leads: Whether this is the only process, or the first of several (``torchrun``, ``accelerate launch``), which
            alone looks and writes.

    Raises:
        ValueError: The folder holds another run.
    """

    def __init__(self, folder: Path, *, command: str, settings: Mapping[str, Any], corpus: Corpus) -> None:
        self.folder = folder
        self.leads = os.environ.get("RANK", "0") == "0"
        config = json.loads(json.dumps({"command": command, **settings}, default=str))
        hashes = {name: corpus.digest(name) for name in corpus.splits}
        self._config_path, self._manifest_path = folder / "config.json", folder / "manifest.json"
        names = {path.name for path in folder.iterdir()} if self.leads and folder.is_dir() else set()
        # A start that failed before it made anything leaves these two files only: the folder is as good as unused.
        begun = bool(names - {self._config_path.name, self._manifest_path.name})
        if begun and self._config_path.name in names:
            self._check_same(config, hashes)
            self._manifest = _read_json(self._manifest_path)
        else:
            if begun:
                raise ValueError(f"{folder}: not empty and no run of this program, choose another --out")
            self._manifest = {
                "command": command,
                "started": _now(),
                "finished": None,
                "seconds": None,
                "corpus": {"name": corpus.name, "source": corpus.source, "splits": hashes},
                "versions": versions(),
                "hardware": hardware(),
            }
            self._write_manifest()
            if self.leads:
                write_whole(self._config_path, json.dumps(config, indent=2) + "\n")
        self._began = time.perf_counter()

    @property
    def finished(self) -> bool:
        """Whether the run came to its end, now or at an earlier start."""
        return self._manifest["finished"] is not None

    @property
    def minutes(self) -> float:
        """Time of the start that finished the run, or of the present one so far."""
        return (self._manifest["seconds"] if self.finished else time.perf_counter() - self._began) / 60

    def finish(self, metrics: Mapping[str, Any]) -> None:
        """Writes ``metrics.json`` and marks the run as finished."""
        if self.leads:
            write_whole(self.folder / "metrics.json", json.dumps(metrics, indent=2) + "\n")
        self._manifest |= {"seconds": round(time.perf_counter() - self._began, 1), "finished": _now()}
        self._write_manifest()

    def metrics(self) -> dict[str, Any]:
        """What :meth:`finish` wrote."""
        return json.loads((self.folder / "metrics.json").read_text(encoding="utf-8"))

    def _check_same(self, config: dict[str, Any], hashes: dict[str, str]) -> None:
        found = _read_json(self._config_path)
        different = [key for key in config if found.get(key) != config[key]]
        if "config" in different:
            older, newer = found.get("config") or {}, config["config"]
            different += [f"{key} {older.get(key)!r} there" for key in newer if older.get(key) != newer[key]]
            different.remove("config")
        if _read_json(self._manifest_path).get("corpus", {}).get("splits") != hashes:
            different.append("data")
        if different:
            raise ValueError(f"{self.folder}: holds another run ({', '.join(different)}), choose another --out")

    def _write_manifest(self) -> None:
        if self.leads:
            write_whole(self._manifest_path, json.dumps(self._manifest, indent=2) + "\n")


def seed_everything(seed: int) -> None:
    """Seeds every global generator once; everything below takes its randomness as an argument or from these."""
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries draw from it
    torch.manual_seed(seed)


def weights_digest(folder: Path) -> str:
    """What a run that builds on another depends on: SHA-256 of weights and settings in its folder, shortened.

    Left out is what says when and where it was made: configuration, manifest, scores, curves. Empty where there are no
    weights.
    """
    about = {"config.json", "manifest.json", "metrics.json", "curves.json"}
    weights = sorted(folder.glob("*.safetensors"))
    settings = sorted(path for path in folder.glob("*.json") if path.name not in about)
    hashes = [path.name.encode() + hashlib.sha256(path.read_bytes()).digest() for path in (*weights, *settings)]
    return hashlib.sha256(b"".join(hashes)).hexdigest()[:16] if weights else ""


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide results."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in _PACKAGES}


def hardware() -> dict[str, Any]:
    """What the run ran on, in figures."""
    import torch

    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def resolved(config: Any) -> dict[str, Any]:
    """A configuration dataclass as plain values, for ``config.json``."""
    return dataclasses.asdict(config)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: missing or damaged, choose another --out ({error})") from error


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
