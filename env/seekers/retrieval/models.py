"""The fitted models of a seeker, and how they stand in a run folder: safetensors and JSON, nothing that executes."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from corpus.files import replace_whole, write_whole
from env.seekers.retrieval.exchanges import Projection
from env.seekers.retrieval.give_up import GiveUpModel
from env.seekers.retrieval.intensity import IntensityModel
from env.seekers.retrieval.stars import StarsModel
from env.seekers.retrieval.strategy_tracks import Support
from env.seekers.retrieval.typicality import Typicality

_ARRAYS, _FACTS = "seeker.safetensors", "seeker.json"
_PARTS: dict[str, Any] = {
    "projection": Projection,
    "typicality": Typicality,
    "stars": StarsModel,
    "support": Support,
    "intensity": IntensityModel,
    "give_up": GiveUpModel,
}


@dataclass(frozen=True)
class FittedOn:
    """What the models were fitted on: other data or another encoder must not be mixed with them.

    Attributes:
        encoder: Fingerprint of the text encoder.
        train: Digest of the training dialogues.
        dialogues: Training dialogues.
        failed: Failed conversations among what was fitted, 0 where none were given.
        stand_ins: Training dialogues with a small fall that stood in for failures; 0 where failures were given.
    """

    encoder: str
    train: str
    dialogues: int
    failed: int
    stand_ins: int


@dataclass(frozen=True, eq=False)
class SeekerModels:
    """All models of a seeker.

    Attributes:
        projection: Of embeddings.
        typicality: Of plans.
        stars: Of ratings.
        support: How far the data reach.
        intensity: Of the hidden intensity.
        give_up: Of leaving.
        cadence: Probability of a rating when the supporter has written 1, 2, 3, 4 or more messages since the last.
            Shape: (4,).
        fitted_on: What they were fitted on.
    """

    projection: Projection
    typicality: Typicality
    stars: StarsModel
    support: Support
    intensity: IntensityModel
    give_up: GiveUpModel
    cadence: np.ndarray
    fitted_on: FittedOn

    def save(self, folder: Path) -> None:
        """Writes ``seeker.safetensors`` and ``seeker.json``."""
        arrays = {"cadence": self.cadence}
        for name in _PARTS:
            part = getattr(self, name)
            arrays |= {f"{name}.{field.name}": getattr(part, field.name) for field in dataclasses.fields(part)}
        with replace_whole(folder / _ARRAYS) as path:
            save_file({name: np.array(array, order="C") for name, array in arrays.items()}, path)
        write_whole(folder / _FACTS, json.dumps(dataclasses.asdict(self.fitted_on), indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "SeekerModels":
        """Reads a run folder; executes no code out of it.

        Raises:
            ValueError: No fitted seeker there, or its files are damaged.
        """
        try:
            facts = FittedOn(**json.loads((folder / _FACTS).read_text(encoding="utf-8")))
            arrays = load_file(folder / _ARRAYS)
            parts = {
                name: kind(**{field.name: arrays[f"{name}.{field.name}"] for field in dataclasses.fields(kind)})
                for name, kind in _PARTS.items()
            }
            return cls(**parts, cadence=arrays["cadence"], fitted_on=facts)
        except FileNotFoundError as error:
            raise ValueError(f"{folder}: no fitted seeker there; make one with train.py seeker") from error
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ValueError(f"{folder}: damaged seeker ({error})") from error
