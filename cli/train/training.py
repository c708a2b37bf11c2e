"""What all trainings have in common: data, seed, preset, and the run folder they open."""

import dataclasses
from typing import Any

from cli.run_folder import Run, resolved, seed_everything
from corpus.load import load_corpus
from corpus.splits import Corpus


@dataclasses.dataclass(frozen=True)
class Training:
    """Base of the commands that train."""

    data: str | None = None
    """Corpus: a file, a directory of split files, or thu-coai/esconv; without it the bundled sample."""
    seed: int = 0
    """Seed of everything random (whole number)."""
    preset: str | None = None
    """Named settings from configs; further options override them."""

    def open(self, command: str, config: Any, out: Any) -> tuple[Corpus, Run]:
        """Seeds, loads the data and opens the run folder."""
        seed_everything(self.seed)
        corpus = load_corpus(self.data)
        settings = {"config": resolved(config), "seed": self.seed}
        return corpus, Run(out, command=command, settings=settings, corpus=corpus)
