"""The fitted models of a retrieval seeker: how they are fitted, and their files (safetensors and JSON)."""

import dataclasses
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from corpus.dialogue import Dialogue
from corpus.files import replace_whole, write_whole
from corpus.splits import dialogues_digest
from encoding.text_encoder import TextEncoder
from env.seekers.retrieval.config import SeekerConfig
from env.seekers.retrieval.endings import (
    SHORT_PERCENTILE,
    GiveUpModel,
    Outcomes,
    broken_off,
    give_up_features,
    running_means,
    small_fall,
)
from env.seekers.retrieval.exchanges import Exchanges, ExchangeView, Projection
from env.seekers.retrieval.intensity import IntensityModel, fit_intensity_model
from env.seekers.retrieval.stars import STARS, StarsModel
from env.seekers.retrieval.strategy_tracks import StrategyTracks, Support
from env.seekers.retrieval.typicality import Typicality, cross_fitted

logger = logging.getLogger(__name__)

_ARRAYS, _FACTS = "seeker.safetensors", "seeker.json"
_PARTS: dict[str, Any] = {
    "projection": Projection,
    "typicality": Typicality,
    "stars": StarsModel,
    "support": Support,
    "intensity": IntensityModel,
    "give_up": GiveUpModel,
}
_CADENCE = 4  # messages by the supporter since the last rating that are distinguished: 1, 2, 3, 4 or more


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
        cadence: Probability of a rating when the supporter has written 1, 2, 3, 4 or more messages since the last.
            Shape: (4,).
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


def fit_seeker(
    train: Sequence[Dialogue], failed: Sequence[Dialogue], *, text_encoder: TextEncoder, config: SeekerConfig
) -> SeekerModels:
    """Fits all models.

    Args:
        train: Training dialogues. Typicality and retrieval know these only: they hold what good supporters did.
        failed: Failed conversations; without any, training dialogues with a small fall count as failures of the model
            of giving up, and the model of intensity sees successes only, in which hardly anything tells them apart.

    Raises:
        ValueError: Too little to fit on.
    """
    exchanges = Exchanges.of([*train, *failed], text_encoder=text_encoder)
    of_train = exchanges.dialogue < len(train)
    projection = Projection.fit(
        np.concatenate([exchanges.before[of_train], exchanges.supporter[of_train], exchanges.after[of_train]]),
        components=config.components,
    )
    view = ExchangeView.of(exchanges, projection)
    model, typicality = _fit_typicality(view.state(), exchanges, of_train=of_train, folds=config.folds)
    features, rated = view.features(typicality), exchanges.stars > 0
    stars = StarsModel.fit(features[rated], exchanges.stars[rated], exchanges.dialogue[rated])
    expected_stars = stars.marginal_probabilities(features) @ STARS
    known_failed = np.arange(len(exchanges.dialogues)) >= len(train)
    stand_ins = np.array([not failed and small_fall(dialogue) for dialogue in exchanges.dialogues])
    if not failed:
        logger.warning(
            "no failed conversations given: %d training dialogues whose intensity hardly falls serve instead",
            stand_ins.sum(),
        )
    return SeekerModels(
        projection=projection,
        typicality=model,
        stars=stars,
        support=Support.fit(StrategyTracks.of([[turn.plan for turn in dialogue.turns()] for dialogue in train])),
        intensity=_fit_intensity(exchanges, known_failed, typicality, expected_stars),
        give_up=_fit_give_up(
            exchanges,
            hazard_features(exchanges, typicality, expected_stars),
            failed=known_failed | stand_ins,
            # Of stand-ins it is not known whether they were broken off: each counts as one.
            counted_as_left=stand_ins,
            train=len(train),
        ),
        cadence=rating_cadence(exchanges),
        fitted_on=FittedOn(
            encoder=text_encoder.fingerprint,
            train=dialogues_digest(train),
            dialogues=len(train),
            failed=len(failed),
            stand_ins=int(stand_ins.sum()),
        ),
    )


def _fit_typicality(
    state: np.ndarray, exchanges: Exchanges, *, of_train: np.ndarray, folds: int
) -> tuple[Typicality, np.ndarray]:
    """The model, and the typicality of each exchange by models that were not fitted to its dialogue. Shape: (N,)."""
    plans = [exchanges.plans[row] for row in np.flatnonzero(of_train)]
    model = Typicality.fit(state[of_train], plans)
    typicality = model(state, exchanges.plans)
    typicality[of_train] = cross_fitted(state[of_train], plans, exchanges.dialogue[of_train], folds=folds)
    return model, typicality


def _fit_intensity(
    exchanges: Exchanges, known_failed: np.ndarray, typicality: np.ndarray, expected_stars: np.ndarray
) -> IntensityModel:
    outcomes = Outcomes.of(exchanges, known_failed)
    if len(outcomes) < 2:
        raise ValueError("seeker: fewer than two training dialogues with intensities before (2 to 5) and after")
    given = outcomes.means(exchanges, exchanges.ratings)
    model, posterior = fit_intensity_model(
        outcomes.tracks,
        outcomes.means(exchanges, typicality),
        np.where(np.isnan(given), outcomes.means(exchanges, expected_stars), given),
        initial=outcomes.initial,
        final=outcomes.final,
    )
    looked_at = ", ".join(f"{decay:g}: {value:.1f}" for decay, value in posterior.items())
    logger.info("log-posterior of how fast a repeated strategy loses its effect: %s", looked_at)
    return model


def _fit_give_up(
    exchanges: Exchanges, features: np.ndarray, *, failed: np.ndarray, counted_as_left: np.ndarray, train: int
) -> GiveUpModel:
    least_turns = float(np.percentile(exchanges.turns[:train], SHORT_PERCENTILE))
    events = broken_off(exchanges, failed=failed, least_turns=least_turns, left=counted_as_left)
    return GiveUpModel.fit(features, events, least_turns=least_turns)


def hazard_features(exchanges: Exchanges, typicality: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """What the model of giving up sees of N exchanges in dialogues; stars as given so far, else as expected.

    Args:
        typicality: Shape: (N,).
        expected: Expected stars, 1..5. Shape: (N,).

    Returns:
        Shape: (N, 4).
    """
    given = running_means(exchanges.ratings, exchanges.dialogue)
    hoped = running_means(expected, exchanges.dialogue)
    plans = StrategyTracks.of([[plan] for plan in exchanges.plans])
    return give_up_features(
        np.where(np.isnan(given), hoped, given),
        running_means(typicality, exchanges.dialogue),
        exchanges.tracks.earlier_use(plans),
        exchanges.place,
    )


def rating_cadence(exchanges: Exchanges) -> np.ndarray:
    """How often a reply rates, by the supporter's messages since the last rating; 0 where never seen. Shape: (4,)."""
    asked, answered = np.zeros(_CADENCE), np.zeros(_CADENCE)
    since, dialogue = 0, -1
    for row, plan in enumerate(exchanges.plans):
        since = len(plan) + (since if exchanges.dialogue[row] == dialogue else 0)
        dialogue = exchanges.dialogue[row]
        if exchanges.replies[row]:
            asked[min(since, _CADENCE) - 1] += 1
            if exchanges.stars[row] > 0:
                answered[min(since, _CADENCE) - 1] += 1
                since = 0
    return answered / np.maximum(1, asked)
