"""Training a planner from dialogues: readers, members, judges, deliberation, PPO, decision rule.

PPO in the turn environments: from the cloned planner towards plans that match whole gold turns.
"""

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from env.environments import SupportVectorEnv
from env.sb3 import BatchVecEnv
from env.turns import TurnProcess, TurnTask
from planner.base_models.decisions import Decisions, training_turns
from planner.base_models.ensemble_training import fold_of_dialogues, train_ensemble
from planner.base_models.fine_tuned_encoder import FineTunedEncoders, HistoryTokens
from planner.base_models.fine_tuning import fine_tune_encoders
from planner.base_models.out_of_fold import OutOfFoldSplit
from planner.base_models.predictions import PredictionLayout
from planner.base_models.stacking import Stacking
from planner.checkpoint import Checkpoint, discard_checkpoints
from planner.config import Mode, PlannerConfig
from planner.files import JUDGES, READERS, FineTunedEncoderSettings, PlannerParts, PlannerSettings
from planner.planner import StrategyPlanner
from planner.policy.cloning import PredictedDecisions, clone_policy
from planner.policy.network import PolicyNetwork
from planner.policy.sb3_policies import AllInOnePolicy, OneByOnePolicy
from planner.ppo.checkpoint_selection import CheckpointSelection, Scores, Validate
from planner.ppo.run import PolicyClass, run_ppo
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
    encoder = SentenceEncoder(config.encoder) if text_encoder is None or config.fine_tuning.epochs else None
    if text_encoder is None:
        assert encoder is not None
        text_encoder = EmbeddingCache(encoder, folder=cache_folder())
    words = TfidfEncoder(train, words=config.ensemble.words)
    joined = JoinedEncoder(text_encoder, words)
    observer = Observer(joined, window=config.window, max_strategies=config.max_strategies)
    reasoning = ReasoningCodec.collect(train) if config.reasoning != "none" else None
    data, held_out = (Decisions.collect(split, observer=observer, reasoning=reasoning) for split in (train, valid))
    fold = fold_of_dialogues(len(train), folds=config.folds, seed=seed)[data.dialogue]
    log, checkpoints = TrainingLog(out), out / "checkpoints"
    readers, reader_settings = None, None
    if encoder is not None and config.fine_tuning.epochs:
        how = config.fine_tuning
        trained = fine_tune_encoders(
            encoder, data, held_out, fold=fold, config=how, seed=seed, folder=checkpoints / "readers", log=log
        )
        readers = FineTunedEncoders(trained, HistoryTokens(encoder.token_model()[0], tokens=how.tokens))
        readers.save(out / READERS)
        reader_settings = FineTunedEncoderSettings(config.folds, how.tokens, how.frozen_layers)
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
        decoding=config.decoding.rule,
        exact_weight=config.decoding.exact_weight,
        several_weight=config.decoding.multi_strategy_weight,
        encoder=config.encoder,
        encoder_fingerprint=text_encoder.fingerprint,
        window=config.window,
        max_strategies=config.max_strategies,
        shape=members.shape,
        deliberation_width=config.policy.width,
        reasoning=reasoning,
        readers=reader_settings,
        judges=config.stacking.trees is not None,
    )
    layout = settings.layout
    beliefs, held_out_beliefs = (
        layout.collect(members, readers, history=part.history, messages=part.messages, fold=of)
        for part, of in ((data, fold), (held_out, None))
    )
    judges = None
    if config.stacking.trees is not None:
        judges = _judges(
            beliefs, data, fold=fold, layout=layout, trees=config.stacking.trees, seed=seed, path=checkpoints / JUDGES
        )
        beliefs = judges.judged(beliefs, data.messages, fold=fold)
        held_out_beliefs = judges.judged(held_out_beliefs, held_out.messages)
    fitting, validation = OutOfFoldSplit(data, beliefs), OutOfFoldSplit(held_out, held_out_beliefs)
    torch.manual_seed(seed + 1)  # whatever was drawn before, or skipped by a run that goes on
    deliberation = PolicyNetwork(layout, width=config.policy.width, dropout=_DELIBERATION_DROPOUT)
    deliberation.to(members.device)
    clone_policy(
        deliberation,
        PredictedDecisions.of(data, beliefs, layout, members.device),
        PredictedDecisions.of(held_out, held_out_beliefs, layout, members.device),
        config=config.policy,
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
    if config.ppo.steps:
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
    trees: int,
    seed: int,
    path: Path,
) -> Stacking:
    """Fitted judges, or those of an earlier start of this run."""
    if path.is_file():
        return Stacking.load(path, layout, folds=int(fold.max()) + 1)
    judges = Stacking.fit(beliefs, data, fold=fold, layout=layout, trees=trees, seed=seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    judges.save(path)
    return judges


_POLICIES: dict[Mode, PolicyClass] = {
    "one-by-one": OneByOnePolicy,
    "all-in-one": AllInOnePolicy,
}
# How much message macro-F1 (points) PPO may give up for LR: without a limit it collapses to frequent strategies.
_ALLOWED_F1_LOSS = 0.5


def improve_by_ppo(
    network: PolicyNetwork,
    task: TurnTask,
    *,
    config: PlannerConfig,
    validate: Validate,
    seed: int,
    folder: Path,
    log: TrainingLog,
) -> None:
    """Trains the network in place with SB3's PPO; keeps the checkpoint of highest validation LR.

    Candidates are the start and the policy at ten or more moments after it, as long as message macro-F1 stays within
    0.5 points of the start's. State is saved after every rollout: a killed run goes on from there and ends alike.

    Args:
        network: The cloned planner; ends with the best candidate's weights.
        task: Training turns; what stands before each is the members' cross-fitted beliefs.
        config: Settings of PPO.
        validate: Scores a candidate on validation data; must give ``lr`` and ``macro_f1``.
        seed: Seeds the environments and the policy's draws.
        folder: Where the state is kept.
        log: Receives ``ppo/*`` curves by environment step.
    """
    reward = config.reward if config.reasoning == "rl" else replace(config.reward, reasoning=0.0)
    process = TurnProcess(task, episodes=config.ppo.envs, mode=config.mode, reward=reward)
    environment = BatchVecEnv(SupportVectorEnv(process), seed=seed)
    run_ppo(
        network,
        environment,
        policy=_POLICIES[config.mode],
        config=config.ppo,
        refine_reasoning=config.reasoning != "supervised",
        candidates=CheckpointSelection(validate, objective="lr", allowed=_keeps_macro_f1, log=log),
        checkpoint=Checkpoint(folder),
        log=log,
        seed=seed,
    )


def _keeps_macro_f1(scores: Scores, start: Scores) -> bool:
    return scores["macro_f1"] >= start["macro_f1"] - _ALLOWED_F1_LOSS
