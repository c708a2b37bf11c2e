"""Which checkpoint a killed training goes on from, and whether it is this training's."""

import json
import logging
from pathlib import Path
from typing import Any

from corpus.whole_file import write_whole
from generator.run_identity import RunIdentity

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
