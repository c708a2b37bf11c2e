"""What makes two trainings the same: settings, seed and data. A run folder holds one of them, for ever."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.dialogue import Dialogue
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
