"""Fits all models of a seeker to training dialogues and, where there are any, to failed conversations."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpus.dialogue import Dialogue
from corpus.splits import dialogues_digest
from encoding.text_encoder import TextEncoder
from env.seekers.retrieval.exchanges import Exchanges, ExchangeView, Projection
from env.seekers.retrieval.give_up import SHORT_PERCENTILE, GiveUpModel, broken_off, give_up_features
from env.seekers.retrieval.intensity import fit_intensity_model
from env.seekers.retrieval.models import FittedOn, SeekerModels
from env.seekers.retrieval.outcomes import Outcomes, running_means, small_fall
from env.seekers.retrieval.stars import StarsModel
from env.seekers.retrieval.strategy_tracks import StrategyTracks, Support
from env.seekers.retrieval.typicality import Typicality, cross_fitted

logger = logging.getLogger(__name__)

_CADENCE = 4  # messages by the supporter since the last rating that are told apart: 1, 2, 3, 4 or more


@dataclass(frozen=True)
class SeekerConfig:
    """How the seeker's models are fitted."""

    components: int = 64
    """Principal components of embeddings that models and retrieval see."""
    folds: int = 5
    """Folds of the cross-fitted typicality of training plans."""
    failed_share: float = 0.5
    """Share of the failed conversations to fit with; the rest shows whether the models know a failure (0 to 1)."""

    def __post_init__(self) -> None:
        if self.components < 1:
            raise ValueError(f"components: got {self.components}, expected at least 1")
        if self.folds < 2:
            raise ValueError(f"folds: got {self.folds}, expected at least 2")
        if not 0 < self.failed_share < 1:
            raise ValueError(f"failed_share: got {self.failed_share}, expected between 0 and 1")


def divide_failed(
    failed: Sequence[Dialogue], *, share: float, rng: np.random.Generator
) -> tuple[list[Dialogue], list[Dialogue]]:
    """Deals failed conversations into those to fit with and those held out, each in their order."""
    chosen = set(rng.permutation(len(failed))[: round(share * len(failed))].tolist())
    return (
        [dialogue for row, dialogue in enumerate(failed) if row in chosen],
        [dialogue for row, dialogue in enumerate(failed) if row not in chosen],
    )


def fit_seeker(
    train: Sequence[Dialogue], failed: Sequence[Dialogue], *, text_encoder: TextEncoder, config: SeekerConfig
) -> SeekerModels:
    """Fits everything.

    Args:
        train: Training dialogues. Typicality and retrieval know these only: they hold what good supporters did.
        failed: Failed conversations; without any, training dialogues with a small fall count as failures of the model
            of giving up, and the model of intensity sees successes only, in which hardly anything tells them apart.
        text_encoder: Turns texts into vectors.
        config: Settings.

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
    state = view.state()
    train_rows = np.flatnonzero(of_train)
    train_plans = [exchanges.plans[row] for row in train_rows]
    model = Typicality.fit(state[of_train], train_plans)
    typicality = model(state, exchanges.plans)
    typicality[of_train] = cross_fitted(state[of_train], train_plans, exchanges.dialogue[of_train], folds=config.folds)

    features = view.features(typicality)
    rated = exchanges.stars > 0
    stars = StarsModel.fit(features[rated], exchanges.stars[rated], exchanges.dialogue[rated])
    expected = stars.marginal_probabilities(features) @ np.arange(1, 6)

    known_failed = np.arange(len(exchanges.dialogues)) >= len(train)
    outcomes = Outcomes.of(exchanges, known_failed)
    if len(outcomes) < 2:
        raise ValueError("seeker: fewer than two training dialogues with intensities before (2 to 5) and after")
    given = np.where(rated, exchanges.stars, np.nan)
    mean_stars = np.where(
        np.isnan(means := outcomes.means(exchanges, given)), outcomes.means(exchanges, expected), means
    )
    support = Support.fit(StrategyTracks.of([[turn.plan for turn in dialogue.turns()] for dialogue in train]))
    intensity, posterior = fit_intensity_model(
        outcomes.tracks,
        outcomes.means(exchanges, typicality),
        mean_stars,
        initial=outcomes.initial,
        final=outcomes.final,
    )
    looked_at = ", ".join(f"{decay:g}: {value:.1f}" for decay, value in posterior.items())
    logger.info("wearing off of a repeated strategy, log-posterior: %s", looked_at)

    stand_ins = np.array([not failed and small_fall(dialogue) for dialogue in exchanges.dialogues])
    turns = np.array([len(list(dialogue.turns())) for dialogue in exchanges.dialogues])
    least_turns = float(np.percentile(turns[: len(train)], SHORT_PERCENTILE))
    events = broken_off(
        exchanges.dialogue,
        turns,
        failed=known_failed | stand_ins,
        # Of stand-ins it is not known whether they were broken off: each counts as one.
        survey_missing=stand_ins
        | np.array([dialogue.survey.final_intensity is None for dialogue in exchanges.dialogues]),
        least_turns=least_turns,
    )
    give_up = GiveUpModel.fit(hazard_features(exchanges, typicality, expected), events, least_turns=least_turns)
    if not failed:
        logger.warning("no failed conversations: %d training dialogues with a small fall stand in", stand_ins.sum())
    return SeekerModels(
        projection=projection,
        typicality=model,
        stars=stars,
        support=support,
        intensity=intensity,
        give_up=give_up,
        cadence=rating_cadence(exchanges),
        fitted_on=FittedOn(
            encoder=text_encoder.fingerprint,
            train=dialogues_digest(train),
            dialogues=len(train),
            failed=len(failed),
            stand_ins=int(stand_ins.sum()),
        ),
    )


def hazard_features(exchanges: Exchanges, typicality: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """What the model of giving up sees of exchanges in dialogues; stars as given so far, else as expected.

    Args:
        exchanges: N exchanges.
        typicality: Shape: (N,).
        expected: Expected stars, 1..5. Shape: (N,).

    Returns:
        Shape: (N, 4).
    """
    given = running_means(np.where(exchanges.stars > 0, exchanges.stars, np.nan), exchanges.dialogue)
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
