"""The ensemble: base models of several kinds, each trained without one fold of the dialogues; predictions are averaged.

Labels are noisy and 910 dialogues are few: the mean over unlike models is worth more than one larger model
(Lakshminarayanan et al., "Deep Ensembles", NeurIPS 2017). For a training dialogue only the models predict that were
trained without it. These out-of-fold predictions are as good, and as wrong, as those for new dialogues, so that
whatever is trained on them (stacking, policy network, class offsets) sees what it will meet later. New dialogues get
the mean over all folds.

To add a base model, write a module in this folder with a subclass of :class:`BaseModel` in its ``BASE_MODELS``, and
name it in the settings (``ensemble.models``).
"""

import importlib
import logging
import pkgutil
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, cast

import numpy as np
import torch
from torch import Tensor, nn

import planner.base_models
from corpus.strategy import Strategy
from encoding.reasoning_codec import ReasoningCodec
from language_models.precision import default_device
from planner.checkpoint import Checkpoint, module_tensors, restore_module
from planner.config import EnsembleConfig
from planner.decisions import Decisions
from planner.plan_distribution import IMPOSSIBLE, allowed_decisions
from planner.training_log import TrainingLog

logger = logging.getLogger(__name__)

SMALLEST = 1e-30  # a sum of probabilities is never divided by less
_VALIDATION_BATCH = 2048


@dataclass(frozen=True)
class EnsembleShape:
    """Sizes of an ensemble.

    Attributes:
        history: H, entries of the encoded history, whose message vectors are joined from embedding and words.
        plan: P, entries of the encoded prefix.
        embedding: D, length of a message's sentence embedding.
        words: V, length of a message's TF-IDF vector, which follows the embedding.
        window: W, messages in the window.
        folds: Parts of the training dialogues.
        networks: M, networks with a hidden layer; network m is trained without fold m mod folds.
        width: F, their hidden units.
        reasoning: R, entries of the concatenated reasoning slots; 0 without reasoning.
        models: Names of the base models.
    """

    history: int
    plan: int
    embedding: int
    words: int
    window: int
    folds: int
    networks: int
    width: int
    reasoning: int
    models: tuple[str, ...] = EnsembleConfig.models

    def __post_init__(self) -> None:
        if self.networks % self.folds:
            raise ValueError(f"networks: got {self.networks}, expected a multiple of the {self.folds} folds")

    def columns(self, *, words: bool) -> Tensor:
        """Columns of an encoded history without sentence embeddings, or (``words`` false) without TF-IDF vectors."""
        vector = self.embedding + self.words
        message = vector + 2 + len(Strategy)
        left_out = torch.zeros(self.history, dtype=torch.bool)
        for start in range(0, (self.window + 1) * message, message):  # the window's messages, then the problem
            if words:
                left_out[start : start + self.embedding] = True
            else:
                left_out[start + self.embedding : start + vector] = True
        return (~left_out).nonzero().squeeze(1)


@dataclass(frozen=True)
class TrainingData:
    """What base models are trained on.

    Attributes:
        fold: Fold of the training dialogue of each history. Shape: (U,).
        reasoning: Values of the reasoning slots; ``None`` without reasoning.
        validation_loss: Mean negative log-likelihood of the validation decisions under the whole ensemble, in nats.
        seed: Seeds orders and dropout.
        folder: Where the state of a training that takes long is saved.
    """

    train: Decisions
    fold: np.ndarray
    reasoning: ReasoningCodec | None
    validation_loss: Callable[[], float]
    config: EnsembleConfig
    seed: int
    folder: Path
    log: TrainingLog


class BaseModel(nn.Module, ABC):
    """A base model of the next decision: one model (or more) for each fold, trained without it.

    Args:
        config: Settings; dropout counts in training alone.

    Attributes:
        name: What settings and files call it.
    """

    name: ClassVar[str]

    @abstractmethod
    def __init__(self, shape: EnsembleShape, config: EnsembleConfig) -> None:
        super().__init__()

    @abstractmethod
    def forward(
        self, history: Tensor, plans: Tensor, allowed: Tensor, *, fold: int | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Predicts the decisions after prefixes, and the reasoning.

        Args:
            history: Encoded histories. Shape: (B, H).
            plans: Plan features of prefixes: R for every history (R, P), or each history's own (B, R, P).
            allowed: Possible decisions. Shape: (R, 9) or (B, R, 9), bool.
            fold: Only the models trained without this fold predict; ``None``: the mean of all.

        Returns:
            Probabilities of the decisions (B, R, 9), 0 where impossible, and unnormalised scores of the reasoning slots
            (B, reasoning), or ``None`` from a model that does not predict reasoning.
        """

    @abstractmethod
    def fit(self, data: TrainingData) -> None:
        """Trains the models of all folds in place.

        Raises:
            ValueError: There is nothing to learn.
        """


def base_models() -> dict[str, type[BaseModel]]:
    """Every base model of this folder by its name."""
    folder = planner.base_models
    modules = [
        importlib.import_module(f"{folder.__name__}.{one.name}") for one in pkgutil.iter_modules(folder.__path__)
    ]
    return {kind.name: kind for module in modules for kind in getattr(module, "BASE_MODELS", ())}


class Ensemble(nn.Module):
    """The mean of several base models, each with the same weight.

    Args:
        shape: Sizes, and which base models.
        config: Settings; they count in training alone.

    Raises:
        ValueError: There is no base model of a name.
    """

    def __init__(self, shape: EnsembleShape, config: EnsembleConfig | None = None) -> None:
        super().__init__()
        self.shape = shape
        known = base_models()
        if unknown := [name for name in shape.models if name not in known]:
            raise ValueError(f"ensemble.models: got {unknown[0]!r}, expected some of {', '.join(sorted(known))}")
        self.models = nn.ModuleDict({name: known[name](shape, config or EnsembleConfig()) for name in shape.models})
        self.place: Tensor
        self.register_buffer("place", torch.zeros(()), persistent=False)  # tells the device

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.place.device

    def forward(
        self, history: Tensor, plans: Tensor, allowed: Tensor, *, fold: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Mean predictions; arguments as of :meth:`BaseModel.forward`.

        Returns:
            Log-probabilities of the decisions (B, R, 9) and unnormalised scores of the reasoning slots (B, reasoning).
        """
        predicted = [model(history, plans, allowed, fold=fold) for model in self.models.values()]
        mean = sum(decisions for decisions, _ in predicted) / len(predicted)
        scores = [scores for _, scores in predicted if scores is not None]
        reasoning = sum(scores) / len(scores) if scores else mean.new_zeros(len(history), self.shape.reasoning)
        return torch.where(allowed, mean.clamp(min=SMALLEST).log(), IMPOSSIBLE), reasoning

    @torch.no_grad()
    def loss(self, decisions: Decisions) -> float:
        """Mean negative log-likelihood of gold decisions, in nats."""
        self.eval()
        total = 0.0
        for start in range(0, len(decisions.row), _VALIDATION_BATCH):
            here = slice(start, start + _VALIDATION_BATCH)
            history, plan, slots, decision = (
                torch.from_numpy(array).to(self.device)
                for array in (
                    decisions.history[decisions.row[here]],
                    decisions.plan[here],
                    decisions.slots[here],
                    decisions.decision[here],
                )
            )
            predicted = self(history, plan[:, None], allowed_decisions(slots)[:, None])[0].squeeze(1)
            total -= float(predicted.gather(1, decision[:, None]).sum())
        return total / len(decisions.row)


def train_ensemble(
    train: Decisions,
    valid: Decisions,
    *,
    shape: EnsembleShape,
    fold: np.ndarray,
    reasoning: ReasoningCodec | None,
    config: EnsembleConfig,
    seed: int,
    folder: Path,
    log: TrainingLog,
) -> Ensemble:
    """Trains all base models one after the other; a killed training resumes with the model it was at.

    The arguments are those of :class:`TrainingData`; ``valid`` selects epochs, by the loss of the whole ensemble.
    """
    torch.manual_seed(seed)
    ensemble = Ensemble(shape, config)
    ensemble.to(default_device())
    for name, module in ensemble.models.items():
        model = cast(BaseModel, module)
        began, finished = time.perf_counter(), Checkpoint(folder / f"{name}-finished")
        if finished.exists():
            restore_module(model, finished.load()[1], prefix="model")
            continue
        logger.info("fitting base model %s", name)
        data = TrainingData(
            train=train,
            fold=fold,
            reasoning=reasoning,
            validation_loss=lambda: ensemble.loss(valid),
            config=config,
            seed=seed,
            folder=folder / name,
            log=log,
        )
        model.fit(data)
        finished.save({"step": 0}, tensors=module_tensors(model, prefix="model"))
        logger.info("base model %s fitted in %.1f s", name, time.perf_counter() - began)
    ensemble.eval()
    return ensemble


def fold_of_dialogues(dialogues: int, *, folds: int, seed: int) -> np.ndarray:
    """Divides dialogues at random into folds of equal size, up to one.

    Returns:
        Fold of each dialogue, 0..folds - 1. Shape: (dialogues,).

    Raises:
        ValueError: There are fewer dialogues than folds.
    """
    if dialogues < folds:
        raise ValueError(f"{dialogues} training dialogues for {folds} folds, expected at least one each")
    return np.random.default_rng(seed).permutation(dialogues) % folds
