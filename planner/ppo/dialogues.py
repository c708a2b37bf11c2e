"""PPO in whole dialogues with a simulated seeker: from a trained planner on, towards seekers who feel better.

The policy network alone is trained; ensemble, fine-tuned encoders, stacking and lexicon stay the start's. The class
offsets of the message protocol are fitted anew for every checkpoint, on out-of-fold predictions of training dialogues
as in :mod:`planner.training`: PPO shifts how often each strategy is used, which is what offsets make up for.

Collapse is the known danger: a planner that may do anything for success soon does one and the same. Two things prevent
it: the divergence from the start in PPO's objective, and limits on the checkpoints that may be selected. On real turns
the planner must still tell strategies apart, and in dialogues it must still use many.
"""

import copy
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from corpus.dialogue import Dialogue, Message
from encoding.embedding_cache import EmbeddingCache
from encoding.observation import Observer
from encoding.text_encoder import TextEncoder
from env.conversation import DialogueRules, Seeker, SeekerProfile
from env.dialogues import DialogueProcess, DialogueTask
from env.environments import SupportVectorEnv
from env.sb3 import BatchVecEnv
from planner.base_models.ensemble import fold_of_dialogues
from planner.base_models.predictions import LOWEST
from planner.checkpoint import Checkpoint
from planner.config import DialogueConfig, Mode, SelectionConfig
from planner.decisions import Decisions, training_turns
from planner.files import SETTINGS
from planner.planner import StrategyPlanner
from planner.policy.network import PolicyNetwork
from planner.policy.sb3_policies import OneByOnePolicy, SampledAllInOnePolicy
from planner.ppo.checkpoint_selection import CheckpointSelection, Scores, SelectedCheckpoint
from planner.ppo.run import PolicyClass, run_ppo
from planner.training_log import TrainingLog
from planner.validation import PredictedSplit

FOLD_SEED = "fold_seed"  # in the configuration of a run that starts from another one
CHECKPOINTS = "checkpoints"  # folder of the state while training
_COMMANDS = ("planner", "dialogue")
_POLICIES: dict[Mode, PolicyClass] = {"one-by-one": OneByOnePolicy, "all-in-one": SampledAllInOnePolicy}

# Lets a planner talk to held-out seekers; must give ``success_rate``, ``preference_bias`` and ``entropy``.
Trial = Callable[[StrategyPlanner], dict[str, float]]


def load_start(run: Path, *, text_encoder: TextEncoder | None = None) -> StrategyPlanner:
    """Loads a planner for simulated conversations: their messages are embedded once, in memory only.

    Args:
        text_encoder: As of :meth:`planner.planner.StrategyPlanner.load`.

    Raises:
        ValueError: No planner there, or the encoder is not the one it was trained with.
    """
    planner = StrategyPlanner.load(run, text_encoder=text_encoder)
    slower = planner.observer
    observer = Observer(
        EmbeddingCache(slower.text_encoder, folder=None),
        window=slower.window,
        max_strategies=slower.codec.max_strategies,
    )
    return StrategyPlanner(planner.parts, observer=observer, fine_tuned=planner.fine_tuned, name=planner.name)


def read_fold_seed(run: Path, *, train: str) -> int:
    """The seed from which a planner's training drew the folds of the training dialogues.

    Args:
        run: Its run folder, or a folder in it (``cloned``).
        train: Digest of the training dialogues at hand.

    Raises:
        ValueError: No planner's run, or one on other training dialogues, so that its folds are not known.
    """
    # A planner in a run's folder (``cloned``) has its settings there, and the run's configuration above it.
    inside = not (run / "config.json").is_file() and (run / SETTINGS).is_file()
    folder = run.resolve().parent if inside else run
    config, manifest = (_read(folder / name, run) for name in ("config.json", "manifest.json"))
    if config.get("command") not in _COMMANDS:
        raise ValueError(f"{run}: a run of train.py {config.get('command')}, expected a planner's")
    if manifest.get("corpus", {}).get("splits", {}).get("train") != train:
        raise ValueError(f"{run}: trained on other training dialogues than those of --data")
    seed = config.get(FOLD_SEED, config.get("seed"))
    if not isinstance(seed, int):
        raise ValueError(f"{run}: no trained planner, config.json is missing or damaged")
    return seed


def _read(path: Path, run: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{run}: no trained planner, {path.name} is missing or damaged") from error
    if not isinstance(read, dict):
        raise ValueError(f"{run}: no trained planner, {path.name} is missing or damaged")
    return read


@dataclass(frozen=True)
class TrainedInDialogues:
    """What training gives back.

    Attributes:
        planner: Ready to use; also saved in the run folder.
        selected: After how many steps it was selected, with its scores on training turns and with held-out seekers:
            it is the best of several, so they flatter it.
        curves: Learning curves, name -> {step: value}.
    """

    planner: StrategyPlanner
    selected: SelectedCheckpoint
    curves: Mapping[str, Mapping[int, float]]

    def summary(self) -> dict[str, Any]:
        """The choice of the planner and the speed of its training, ready for JSON."""
        last = {name: points[max(points)] for name, points in self.curves.items()}
        return {
            "steps": max(self.curves["ppo/steps_per_second"]),
            **{name: last[f"ppo/{name}"] for name in ("steps_per_second", "divergence")},
            "time_shares": {name: last[f"ppo/{name}_share"] for name in ("policy", "environment", "encoding")},
            "kept_step": self.selected.step,
            "kept": dict(self.selected.scores),
            "start": dict(self.selected.start),
        }


def divide_seekers(
    profiles: Sequence[SeekerProfile], *, held_out: int, rng: np.random.Generator
) -> tuple[tuple[SeekerProfile, ...], tuple[SeekerProfile, ...]]:
    """Divides at random into those to train with and the held-out ones; each in their order.

    Raises:
        ValueError: Nobody is left to train with.
    """
    if len(profiles) <= held_out:
        raise ValueError(
            f"selection.seekers: got {held_out} of {len(profiles)} training seekers, nobody is left to train with"
        )
    chosen = set(rng.permutation(len(profiles))[:held_out].tolist())
    return (
        tuple(profile for row, profile in enumerate(profiles) if row not in chosen),
        tuple(profile for row, profile in enumerate(profiles) if row in chosen),
    )


def train_in_dialogues(
    start: StrategyPlanner,
    profiles: Sequence[SeekerProfile],
    seeker: Seeker,
    *,
    trial: Trial,
    train: Sequence[Dialogue],
    fold_seed: int,
    config: DialogueConfig,
    out: Path,
    seed: int,
) -> TrainedInDialogues:
    """Trains in dialogues; a killed run resumes where it stopped.

    A dialogue that runs out of turns is cut off and not ended: the value of its last state replaces what would
    have come (Pardo et al., "Time Limits in Reinforcement Learning", ICML 2018).

    Args:
        start: A trained planner, best one that caches vectors (:func:`load_start`); its mode says how PPO acts.
        trial: Scores checkpoints in dialogues with other seekers.
        train: The dialogues that the start was trained on: offsets are fitted on their real turns, and limits on
            checkpoints are checked there, both with out-of-fold predictions.
        fold_seed: Of the start's folds (:func:`read_fold_seed`).
        out: Run folder; receives weights, settings, curves, and ``checkpoints/``, which the caller discards when all
            that follows is done.

    Raises:
        ValueError: There are no real turns to score on, or a loss is not finite.
    """
    training_turns(train, name="planner in dialogues")
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - SB3's rollout buffer draws from numpy's global generator
    log = TrainingLog(out)
    real_turns = _predicted(start, train, fold_seed=fold_seed)

    def planner_of(network: PolicyNetwork, name: str) -> StrategyPlanner:
        return real_turns.fit_offsets(start.with_parts(replace(start.parts, policy=network), name=name))

    def validate(network: PolicyNetwork) -> dict[str, float]:
        planner = planner_of(network, "checkpoint")
        of_messages = real_turns.message_scores(planner)
        return {**trial(planner), "macro_f1": of_messages["macro_f1"], "weighted_f1": of_messages["weighted_f1"]}

    selection = CheckpointSelection(
        validate,
        objective="success_rate",
        allowed=lambda scores, of_start: within_limits(scores, of_start, config=config.selection),
        log=log,
    )
    encoder = PredictionEncoder(start)
    task = encoder.task(profiles, seeker, rules=DialogueRules(max_turns=config.max_turns))
    process = DialogueProcess(task, episodes=config.ppo.envs, mode=start.mode, reward=config.reward)
    improved = copy.deepcopy(start.parts.policy)
    run_ppo(
        improved,
        BatchVecEnv(SupportVectorEnv(process), seed=seed),
        policy=_POLICIES[start.mode],
        config=config.ppo,
        refine_reasoning=start.settings.reasoning_mode != "supervised",
        selection=selection,
        checkpoint=Checkpoint(out / CHECKPOINTS / "ppo"),
        log=log,
        seed=seed,
        watched={"encoding": lambda: encoder.seconds},
    )
    planner = planner_of(improved, out.resolve().name)
    planner.save(out)
    log.close()
    return TrainedInDialogues(planner=planner, selected=selection.selected, curves=log.curves)


def within_limits(scores: Scores, start: Scores, *, config: SelectionConfig) -> bool:
    """Whether a checkpoint may be selected."""
    return (
        scores["macro_f1"] >= start["macro_f1"] - config.f1_loss
        and scores["preference_bias"] <= config.highest_bias
        and scores["entropy"] >= config.least_entropy * start["entropy"]
    )


def _predicted(planner: StrategyPlanner, dialogues: Sequence[Dialogue], *, fold_seed: int) -> PredictedSplit:
    """Real turns with out-of-fold predictions."""
    decisions = Decisions.collect(dialogues, observer=planner.observer, reasoning=planner.settings.reasoning)
    fold = fold_of_dialogues(len(dialogues), folds=planner.settings.shape.folds, seed=fold_seed)[decisions.dialogue]
    return PredictedSplit(decisions, planner.predictions_of_encoded(decisions.history, decisions.messages, fold=fold))


class PredictionEncoder:
    """A :class:`encoding.observation.HistoryEncoder`: a planner's base models and stacking, which PPO does not train.

    Attributes:
        seconds: Spent here so far.
    """

    def __init__(self, planner: StrategyPlanner) -> None:
        self._planner = planner
        self.seconds = 0.0

    @property
    def history_size(self) -> int:
        """S, see :mod:`planner.base_models.predictions`."""
        return self._planner.settings.layout.size

    @property
    def bounds(self) -> tuple[float, float]:
        """Least and largest entry: log-probabilities and shares; fine-tuned encoders and stacking have no bounds."""
        bounded = self._planner.fine_tuned is None and self._planner.parts.stacking is None
        return (LOWEST, 1.0) if bounded else (-np.inf, np.inf)

    def encode_histories(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Shape: (N, S), float32."""
        began = time.perf_counter()
        predictions = self._planner.predictions(histories)
        self.seconds += time.perf_counter() - began
        return predictions

    def task(self, profiles: Sequence[SeekerProfile], seeker: Seeker, *, rules: DialogueRules) -> DialogueTask:
        """Dialogues with these seekers as the planner sees them; it reasons first where its settings say so."""
        low, high = self.bounds
        return DialogueTask(
            profiles=tuple(profiles),
            seeker=seeker,
            encoder=self,
            codec=self._planner.observer.codec,
            rules=rules,
            reasoning_codec=self._planner.settings.reasoning,
            lowest=low,
            highest=high,
        )
