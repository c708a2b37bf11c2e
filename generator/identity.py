"""What makes two trainings the same: settings, seed and data. A run folder holds one of them, for ever.

Which checkpoint a killed training goes on from, and whether it is this training's.
"""

import dataclasses
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.dialogue import Dialogue
from corpus.files import write_whole
from generator.config import GeneratorConfig


@dataclass(frozen=True)
class RunIdentity:
    """Everything that decides a training's weights.

    Attributes:
        config: Resolved settings as plain values.
        seed: Of weights, order and dropout.
        data: SHA-256 of the training and the validation dialogues' messages (``train``, ``valid``).
    """

    config: dict[str, Any]
    seed: int
    data: dict[str, str]

    @classmethod
    def of(
        cls, config: GeneratorConfig, *, seed: int, train: Sequence[Dialogue], valid: Sequence[Dialogue]
    ) -> "RunIdentity":
        """The identity of a training that is about to begin."""
        data = {"train": _fingerprint(train), "valid": _fingerprint(valid)}
        return cls(dataclasses.asdict(config), seed, data)

    def fields(self) -> dict[str, Any]:
        """As plain values, for files."""
        return dataclasses.asdict(self)

    def check_same(self, out: Path, found: Mapping[str, Any]) -> None:
        """Compares with what a run folder says of its training.

        Args:
            out: The run folder, for the message.
            found: ``config``, ``seed`` and ``data`` as the folder has them.

        Raises:
            ValueError: They differ; in one line, with the settings that do.
        """
        wanted = self.fields()
        different = [name for name in wanted if found.get(name) != wanted[name]]
        old, new = found.get("config"), self.config
        if "config" in different and isinstance(old, dict):
            different.remove("config")
            different += [
                f"{name} {old.get(name)!r} instead of {new[name]!r}" for name in new if old.get(name) != new[name]
            ]
        if different:
            raise ValueError(
                f"{out} holds a training with other settings: {', '.join(different)}; choose another folder"
            )


def _fingerprint(dialogues: Sequence[Dialogue]) -> str:
    digest = hashlib.sha256()
    for dialogue in dialogues:
        for message in dialogue.messages:
            strategy = "" if message.strategy is None else message.strategy.name
            digest.update(json.dumps([message.role.value, strategy, message.text]).encode())
        digest.update(b"\n")
    return digest.hexdigest()


logger = logging.getLogger(__name__)

_SETTINGS = "settings.json"


class Checkpoints:
    """The folder of an unfinished training's checkpoints.

    Args:
        folder: Where; made when the training is claimed.
        processes: How many processes train side by side; the checkpoints hold random states of each.
    """

    def __init__(self, folder: Path, *, processes: int = 1) -> None:
        self.folder = folder
        self.processes = processes

    def check(self, identity: RunIdentity) -> None:
        """Raises a ValueError where the folder holds checkpoints of another training."""
        path = self.folder / _SETTINGS
        if not path.is_file():
            return
        found = json.loads(path.read_text(encoding="utf-8"))
        identity.check_same(self.folder.parent, found)
        # The number of processes decides which example meets which step, so a training keeps it.
        before = found.get("processes", 1)
        if before != self.processes:
            raise ValueError(
                f"{self.folder.parent} holds a training begun in {before} processes; go on with {before} "
                f"instead of {self.processes}, or choose another folder"
            )

    def claim(self, identity: RunIdentity) -> None:
        """Writes down whose checkpoints will stand here."""
        settings: dict[str, Any] = {**identity.fields(), "processes": self.processes}
        write_whole(self.folder / _SETTINGS, json.dumps(settings, indent=2) + "\n")

    def last(self) -> Path | None:
        """The newest complete checkpoint, or ``None``.

        The first process writes a checkpoint's state last, so one without it was cut off; so was one that lacks the
        random state of another process.
        """
        complete = []
        for path in self.folder.glob("checkpoint-*"):
            try:
                step = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))["global_step"]
            except (FileNotFoundError, json.JSONDecodeError):
                step = None
            names = ["rng_state.pth"] if self.processes == 1 else [f"rng_state_{n}.pth" for n in range(self.processes)]
            if step is None or not all((path / name).is_file() for name in names):
                logger.warning("%s is incomplete, it is not used", path)
            else:
                complete.append((step, path))
        return max(complete)[1] if complete else None
