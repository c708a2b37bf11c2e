"""The base of all training commands: their common options, and the run folder they open."""

import abc
import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from cli.configuration import overlaid, plain, toml_text
from cli.machine import choose_device, seed_everything
from cli.run_folder import CONFIG, RunFolder
from corpus.splits import Corpus


@dataclasses.dataclass(frozen=True)
class Training(abc.ABC):
    """Base of the commands that train a configured model."""

    NAME: ClassVar[str]
    RENAMED: ClassVar[Mapping[str, str]] = {}
    SHARED: ClassVar[bool] = False  # whether processes of torchrun or accelerate launch may share a training

    data: str | None = None
    """Corpus: a file, a directory of split files, or thu-coai/esconv; without it, the bundled sample."""
    seed: int = 0
    """Seed of everything random (whole number from 0)."""
    preset: str | None = None
    """Settings to start from: a name (configs/) or the path of a TOML file; other options override them."""
    device: str = "auto"
    """Where models compute: auto (a GPU where there is one), cpu, cuda, or cuda:NUMBER."""
    print_config: bool = False
    """Print all settings as TOML, which --preset takes again, and exit."""

    def start(self) -> None:
        """Checks the options; trains, or prints the configuration."""
        choose_device(self.device)
        if self.print_config:
            print(toml_text(plain(self.resolved())), end="")
            return
        if not self.SHARED and os.environ.get("WORLD_SIZE", "1") != "1":
            raise ValueError(f"train.py {self.NAME} trains in one process, start it without torchrun")
        self.train()

    @abc.abstractmethod
    def train(self) -> None:
        """Trains, or says that the run is finished."""

    def resolved(self) -> Any:
        """The ``config`` of the command with every choice made that is left to the program; by default none is."""
        return self.config  # type: ignore[attr-defined]

    @staticmethod
    def upgraded(values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The plain values of an earlier version's preset or run as those of today."""
        return values

    def run_folder(
        self, out: Path, corpus: Corpus, *, precision: str = "fp32", built_on: Mapping[str, Any] = MappingProxyType({})
    ) -> RunFolder:
        """Seeds every generator and opens the run folder.

        Args:
            built_on: What else decides the result, for ``config.json``.
        """
        seed_everything(self.seed)
        return RunFolder(
            out,
            command=self.NAME,
            settings={"config": plain(self.resolved()), **built_on, "seed": self.seed},
            corpus=corpus,
            precision=precision,
            upgraded=self.completed,
        )

    def completed(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What an earlier version wrote as ``config`` in ``config.json``, as this one writes it."""
        earlier = overlaid(type(self.resolved())(), self.upgraded(values), source=CONFIG)
        return plain(dataclasses.replace(self, config=earlier).resolved())  # type: ignore[call-arg]
