"""Training a planner from dialogues.

The stages, each on top of the ones before: fine-tuned encoders (optional), the ensemble of base models, stacking
(optional), behaviour cloning of the policy network, PPO in the turn environment, and class offsets. Whatever is trained
on predictions is trained on out-of-fold ones.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from corpus.dialogue import Dialogue
from corpus.strategy import Strategy
from encoding.embedding_cache import EmbeddingCache, cache_folder
from encoding.observation import Observer, plan_features_size
from encoding.reasoning_codec import ReasoningCodec
from encoding.sentence_encoder import SentenceEncoder
from encoding.text_encoder import TextEncoder
from encoding.tfidf import JoinedEncoder, TfidfEncoder
from env.turns import TurnTask
from planner.base_models.ensemble import EnsembleShape, fold_of_dialogues, train_ensemble
from planner.base_models.fine_tuned_encoder import FineTunedEncoders, HistoryTokens
from planner.base_models.fine_tuning import fine_tune_encoders
from planner.base_models.stacking import Stacking
from planner.checkpoint import discard_checkpoints
from planner.config import PlannerConfig
from planner.decisions import Decisions, training_turns
from planner.files import STACKING, FineTunedEncoderSettings, PlannerParts, PlannerSettings, save_fine_tuned
from planner.planner import StrategyPlanner
from planner.policy.cloning import PredictedDecisions, clone_policy
from planner.policy.network import PolicyNetwork
from planner.ppo.turns import improve_by_ppo
from planner.training_log import TrainingLog
from planner.validation import PredictedSplit

_POLICY_DROPOUT = 0.5


@dataclass(frozen=True)
class TrainedPlanner:
    """What training gives back.

    Attributes:
        planner: Ready to use; also saved in the run folder.
        cloned: The planner as it was before PPO, with offsets of its own; saved in ``cloned/``.
        after: Validation scores of the planner. Valid selected epochs and PPO's checkpoint; the offsets were fitted on
            out-of-fold predictions of training dialogues.
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
    """Trains a planner; a killed training resumes where it stopped.

    Args:
        valid: Dialogues that select epochs and the PPO checkpoint; never learned from.
        out: Run folder; receives weights, settings, curves, and ``checkpoints/`` while training.
        seed: Seeds folds, weights, orders, dropout, environments and PPO.
        text_encoder: Turns texts into vectors; by default the configured encoder behind the embedding cache.

    Returns:
        The trained planner with what led to it.

    Raises:
        ValueError: There is nothing to learn from, there are fewer training dialogues than folds, or a loss is not
            finite.
    """
    for name, split in (("train", train), ("valid", valid)):
        training_turns(split, name=f"planner, {name} split")
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - SB3's rollout buffer draws from numpy's global generator
    tuned = config.fine_tuning
    encoder = SentenceEncoder(config.encoder) if text_encoder is None or tuned.epochs is not None else None
    if text_encoder is None:
        assert encoder is not None
        text_encoder = EmbeddingCache(encoder, folder=cache_folder())
    log, checkpoints = TrainingLog(out), out / "checkpoints"

    # Observations, and the decisions that supporters took.
    words = TfidfEncoder(train, words=config.ensemble.words)
    observer = Observer(JoinedEncoder(text_encoder, words), window=config.window, max_strategies=config.max_strategies)
    reasoning = ReasoningCodec.collect(train) if config.reasoning != "none" else None
    data, held_out = (Decisions.collect(split, observer=observer, reasoning=reasoning) for split in (train, valid))
    fold = fold_of_dialogues(len(train), folds=config.folds, seed=seed)[data.dialogue]

    # Fine-tuned encoders.
    fine_tuned, fine_tuned_settings = None, None
    if encoder is not None and tuned.epochs is not None:
        encoders = fine_tune_encoders(
            encoder, data, held_out, fold=fold, config=tuned, seed=seed, folder=checkpoints / "fine_tuning", log=log
        )
        fine_tuned = FineTunedEncoders(encoders, HistoryTokens(encoder.token_model()[0], tokens=tuned.tokens))
        save_fine_tuned(out, fine_tuned)
        fine_tuned_settings = FineTunedEncoderSettings(config.folds, tuned.tokens, tuned.frozen_layers)

    # The ensemble of base models.
    ensemble = train_ensemble(
        data,
        held_out,
        shape=EnsembleShape(
            history=observer.history_size,
            plan=plan_features_size(config.max_strategies),
            embedding=text_encoder.dimension,
            words=words.dimension,
            window=config.window,
            folds=config.folds,
            networks=config.ensemble.networks,
            width=config.ensemble.width,
            reasoning=reasoning.width if reasoning is not None else 0,
            models=config.ensemble.models,
        ),
        fold=fold,
        reasoning=reasoning,
        config=config.ensemble,
        seed=seed,
        folder=checkpoints / "ensemble",
        log=log,
    )
    settings = PlannerSettings(
        mode=config.mode,
        reasoning_mode=config.reasoning,
        encoder=config.encoder,
        encoder_fingerprint=text_encoder.fingerprint,
        window=config.window,
        max_strategies=config.max_strategies,
        shape=ensemble.shape,
        policy_width=config.policy.width,
        reasoning=reasoning,
        fine_tuned=fine_tuned_settings,
        stacking=config.stacking.trees is not None,
        decoding=config.decoding,
    )
    layout = settings.layout
    predictions, held_out_predictions = (
        layout.collect(ensemble, fine_tuned, history=part.history, messages=part.messages, fold=of)
        for part, of in ((data, fold), (held_out, None))
    )

    # Stacking.
    stacking = None
    if config.stacking.trees is not None:
        path = checkpoints / STACKING
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            trees = config.stacking.trees
            Stacking.fit(predictions, data, fold=fold, layout=layout, trees=trees, seed=seed).save(path)
        stacking = Stacking.load(path, layout, folds=config.folds)
        predictions = stacking.stack(predictions, data.messages, fold=fold)
        held_out_predictions = stacking.stack(held_out_predictions, held_out.messages)

    # Behaviour cloning of the policy network.
    torch.manual_seed(seed + 1)  # the same, whatever stages a resumed run skipped
    policy = PolicyNetwork(layout, width=config.policy.width, dropout=_POLICY_DROPOUT).to(ensemble.device)
    clone_policy(
        policy,
        PredictedDecisions.of(data, predictions, layout, ensemble.device),
        PredictedDecisions.of(held_out, held_out_predictions, layout, ensemble.device),
        config=config.policy,
        rng=np.random.default_rng(seed),
        log=log,
    )

    # Class offsets, fitted anew for every policy.
    fitting, validation = PredictedSplit(data, predictions), PredictedSplit(held_out, held_out_predictions)

    def planner_of(network: PolicyNetwork, name: str) -> StrategyPlanner:
        parts = PlannerParts(settings, ensemble, network, words, stacking)
        return fitting.fit_offsets(StrategyPlanner(parts, observer=observer, fine_tuned=fine_tuned, name=name))

    cloned = planner_of(policy, "cloned")
    cloned.save(out / "cloned")
    before = after = validation.scores(cloned)
    planner = cloned.with_parts(cloned.parts, name=out.resolve().name)

    # PPO.
    if config.ppo.steps:
        task = TurnTask(
            history=fitting.turn_predictions,
            golds=fitting.plans,
            codec=observer.codec,
            reasoning=None if reasoning is None else fitting.reasoning,
            reasoning_codec=reasoning,
        )
        improved = copy.deepcopy(policy)
        improve_by_ppo(
            improved,
            task,
            config=config,
            validate=lambda network: validation.scores(planner_of(network, "checkpoint")),
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
