"""Training a planner from dialogues: readers, members, judges, deliberation, PPO, decision rule."""

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from corpus.dialogue import Dialogue
from corpus.strategy import Strategy
from encoding.embedding_cache import EmbeddingCache, cache_folder
from encoding.observation import Observer
from encoding.reasoning_codec import ReasoningCodec
from encoding.sentence_encoder import SentenceEncoder
from encoding.text_encoder import TextEncoder
from encoding.tfidf import JoinedEncoder, TfidfEncoder
from env.turns import TurnTask
from planner.base_models.decisions import Decisions, training_turns
from planner.base_models.ensemble_training import fold_of_dialogues, train_ensemble
from planner.base_models.fine_tuned_encoder import FineTunedEncoders, HistoryTokens
from planner.base_models.fine_tuning import fine_tune_encoders
from planner.base_models.out_of_fold import OutOfFoldSplit
from planner.base_models.predictions import PredictionLayout
from planner.base_models.stacking import Stacking
from planner.checkpoint import discard_checkpoints
from planner.config import PlannerConfig
from planner.files import JUDGES, READERS, FineTunedEncoderSettings, PlannerParts, PlannerSettings
from planner.planner import StrategyPlanner
from planner.policy.cloning import PredictedDecisions, clone_policy
from planner.policy.network import PolicyNetwork
from planner.ppo.turns import improve_by_ppo
from planner.training_log import TrainingLog

logger = logging.getLogger(__name__)

_DELIBERATION_DROPOUT = 0.5


@dataclass(frozen=True)
class TrainedPlanner:
    """What training gives back.

    Attributes:
        planner: Ready to use; also saved in the run folder.
        cloned: The planner as it was before PPO, with offsets of its own; saved in ``cloned/``.
        before: Validation scores of the cloned planner.
        after: Validation scores of the kept planner. Valid chose epochs and PPO's checkpoint; the offsets were fitted
            on training dialogues, each judged by members that never saw it.
        without_offsets: Message scores without any offsets.
        curves: Learning curves, name -> {step: value}.
    """

    planner: StrategyPlanner
    cloned: StrategyPlanner
    before: dict[str, float]
    after: dict[str, float]
    without_offsets: dict[str, float]
    curves: dict[str, dict[int, float]]


def train_planner(
    train: Sequence[Dialogue],
    valid: Sequence[Dialogue],
    *,
    config: PlannerConfig,
    out: Path,
    seed: int,
    text_encoder: TextEncoder | None = None,
) -> TrainedPlanner:
    """Trains a planner; a run that was killed goes on where it stopped.

    Args:
        train: Dialogues to learn from.
        valid: Dialogues that choose epochs and the PPO checkpoint; never learned from.
        config: Settings.
        out: Run folder; receives weights, settings, curves, and ``checkpoints/`` while training.
        seed: Seeds folds, weights, orders, dropout, environments and PPO.
        text_encoder: Turns texts into vectors; by default the configured encoder behind the embedding cache.

    Returns:
        The trained planner with what led to it.

    Raises:
        ValueError: There is nothing to learn from, or there are fewer training dialogues than folds.
    """
    for name, split in (("train", train), ("valid", valid)):
        training_turns(split, name=f"planner, {name} split")
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - SB3's rollout buffer draws from numpy's global generator
    encoder = SentenceEncoder(config.encoder) if text_encoder is None or config.reader_epochs else None
    if text_encoder is None:
        assert encoder is not None
        text_encoder = EmbeddingCache(encoder, folder=cache_folder())
    words = TfidfEncoder(train, words=config.words)
    joined = JoinedEncoder(text_encoder, words)
    observer = Observer(joined, window=config.window, max_strategies=config.max_strategies)
    reasoning = ReasoningCodec.collect(train) if config.reasoning != "none" else None
    data, held_out = (Decisions.collect(split, observer=observer, reasoning=reasoning) for split in (train, valid))
    fold = fold_of_dialogues(len(train), folds=config.folds, seed=seed)[data.dialogue]
    log, checkpoints = TrainingLog(out), out / "checkpoints"
    readers, reader_settings = None, None
    if encoder is not None and config.reader_epochs:
        trained = fine_tune_encoders(
            encoder, data, held_out, fold=fold, config=config, seed=seed, folder=checkpoints / "readers", log=log
        )
        readers = FineTunedEncoders(trained, HistoryTokens(encoder.token_model()[0], tokens=config.reader_tokens))
        readers.save(out / READERS)
        reader_settings = FineTunedEncoderSettings(config.folds, config.reader_tokens, config.reader_frozen_layers)
    members = train_ensemble(
        data,
        held_out,
        joined=joined,
        observer=observer,
        fold=fold,
        reasoning=reasoning,
        config=config,
        seed=seed,
        folder=checkpoints / "cloning",
        log=log,
    )
    settings = PlannerSettings(
        mode=config.mode,
        reasoning_mode=config.reasoning,
        decoding=config.decoding,
        exact_weight=config.exact_weight,
        several_weight=config.several_weight,
        encoder=config.encoder,
        encoder_fingerprint=text_encoder.fingerprint,
        window=config.window,
        max_strategies=config.max_strategies,
        shape=members.shape,
        deliberation_width=config.deliberation_width,
        reasoning=reasoning,
        readers=reader_settings,
        judges=config.judge_trees > 0,
    )
    layout = settings.layout
    beliefs, held_out_beliefs = (
        layout.collect(members, readers, history=part.history, messages=part.messages, fold=of)
        for part, of in ((data, fold), (held_out, None))
    )
    judges = None
    if config.judge_trees:
        judges = _judges(beliefs, data, fold=fold, layout=layout, config=config, seed=seed, path=checkpoints / JUDGES)
        beliefs = judges.judged(beliefs, data.messages, fold=fold)
        held_out_beliefs = judges.judged(held_out_beliefs, held_out.messages)
    fitting, validation = OutOfFoldSplit(data, beliefs), OutOfFoldSplit(held_out, held_out_beliefs)
    torch.manual_seed(seed + 1)  # whatever was drawn before, or skipped by a run that goes on
    deliberation = PolicyNetwork(layout, width=config.deliberation_width, dropout=_DELIBERATION_DROPOUT)
    deliberation.to(members.device)
    clone_policy(
        deliberation,
        PredictedDecisions.of(data, beliefs, layout, members.device),
        PredictedDecisions.of(held_out, held_out_beliefs, layout, members.device),
        config=config,
        rng=np.random.default_rng(seed),
        log=log,
    )

    def planner_of(network: PolicyNetwork, name: str) -> StrategyPlanner:
        parts = PlannerParts(settings, members, network, words, judges)
        return fitting.fit_offsets(StrategyPlanner(parts, observer=observer, readers=readers, name=name))

    cloned = planner_of(deliberation, "cloned")
    cloned.save(out / "cloned")
    before = after = validation.scores(cloned)
    planner = StrategyPlanner(cloned.parts, observer=observer, readers=readers, name=out.resolve().name)
    if config.ppo_steps:
        task = TurnTask(
            history=fitting.turn_beliefs,
            golds=fitting.plans,
            codec=observer.codec,
            reasoning=None if reasoning is None else fitting.reasoning,
            reasoning_codec=reasoning,
        )
        improved = copy.deepcopy(deliberation)
        improve_by_ppo(
            improved,
            task,
            config=config,
            validate=lambda candidate: validation.scores(planner_of(candidate, "candidate")),
            seed=seed,
            folder=checkpoints / "ppo",
            log=log,
        )
        planner = planner_of(improved, out.resolve().name)
        after = validation.scores(planner)
    without_offsets = validation.message_scores(planner.with_offsets(np.zeros(len(Strategy))))
    planner.save(out)
    log.close()
    discard_checkpoints(checkpoints)
    return TrainedPlanner(
        planner=planner,
        cloned=cloned,
        before=before,
        after=after,
        without_offsets=without_offsets,
        curves=log.curves,
    )


def _judges(
    beliefs: np.ndarray,
    data: Decisions,
    *,
    fold: np.ndarray,
    layout: PredictionLayout,
    config: PlannerConfig,
    seed: int,
    path: Path,
) -> Stacking:
    """Fitted judges, or those of an earlier start of this run."""
    if path.is_file():
        return Stacking.load(path, layout, folds=config.folds)
    judges = Stacking.fit(beliefs, data, fold=fold, layout=layout, trees=config.judge_trees, seed=seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    judges.save(path)
    return judges
