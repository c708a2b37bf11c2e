"""The trained planner: from a history to a plan.

    history -> observation                       encoding/observation.py
            -> predictions                       base_models/: ensemble, fine-tuned encoders, stacking
            -> distribution over plans           policy/network.py
            -> plan, with reasoning              plan_distribution.py

:meth:`StrategyPlanner.plans` does these four steps in this order.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from corpus.dialogue import Message
from corpus.reasoning import Reasoning
from corpus.strategy import Strategy
from encoding.embedding_cache import EmbeddingCache, cache_folder
from encoding.observation import Observer, turn_prefix
from encoding.plan_codec import STOP
from encoding.reasoning_codec import REASONING_SLOTS, ReasoningCodec
from encoding.sentence_encoder import SentenceEncoder
from encoding.text_encoder import TextEncoder
from encoding.tfidf import JoinedEncoder
from language_models.precision import default_device
from planner.base_models.fine_tuned_encoder import FineTunedEncoders
from planner.config import Mode
from planner.files import PlannerParts, PlannerSettings, load_fine_tuned
from planner.plan import Plan
from planner.plan_distribution import PlanDecoder, PlanMixture, sampled, strategies_along
from planner.policy.class_offsets import with_offsets

_BATCH = 512  # histories per forward pass: every decision after every prefix is computed

# Chooses plans: probabilities of all plans (B, plans), the prefix, which histories they are (B,) -> indices (B,).
_Choice = Callable[[np.ndarray, tuple[int, ...], np.ndarray], np.ndarray]


class StrategyPlanner:
    """Plans the supporter's next turn.

    Example:
        >>> from corpus.dialogue import Message, Role
        >>> planner = StrategyPlanner.load("tests/data/golden/planner-fast")
        >>> plan = planner.plan([Message(Role.SEEKER, "I failed my exam and feel terrible.")])
        >>> len(plan.strategies) >= 1
        True

    Args:
        parts: Trained models and settings.
        fine_tuned: Fine-tuned encoders, where the settings say so.
        name: What tables call it; a run folder's name.
    """

    def __init__(
        self,
        parts: PlannerParts,
        *,
        observer: Observer,
        fine_tuned: FineTunedEncoders | None = None,
        name: str = "planner",
    ) -> None:
        self.parts = parts
        self.observer = observer
        self.fine_tuned = fine_tuned
        self.name = name
        self._layout = parts.policy.layout
        self._decoder = PlanDecoder(observer.codec, parts.settings.decoding)
        parts.ensemble.eval()
        parts.policy.eval()

    @property
    def settings(self) -> PlannerSettings:
        """How it decides."""
        return self.parts.settings

    @property
    def mode(self) -> Mode:
        """``one-by-one`` or ``all-in-one``."""
        return self.settings.mode

    @classmethod
    def load(
        cls, run: Path | str, *, text_encoder: TextEncoder | None = None, memory_only: bool = False
    ) -> "StrategyPlanner":
        """Loads a run folder; executes no pickled code.

        Args:
            run: Folder written by :meth:`save`.
            text_encoder: Turns texts into vectors; by default the run's own encoder behind the embedding cache.
            memory_only: Whether that cache is in memory only, so that nothing of what is planned for reaches the disk.

        Raises:
            ValueError: No planner there, or the encoder is not the one it was trained with.
        """
        run = Path(run)
        parts = PlannerParts.load(run)
        settings = parts.settings
        encoder = SentenceEncoder(settings.encoder) if text_encoder is None or settings.fine_tuned is not None else None
        if text_encoder is None:
            assert encoder is not None
            text_encoder = EmbeddingCache(encoder, folder=None if memory_only else cache_folder())
        if text_encoder.fingerprint != settings.encoder_fingerprint:
            raise ValueError(f"{run}: trained with another version of encoder {settings.encoder!r}")
        fine_tuned = None
        if settings.fine_tuned is not None and encoder is not None:
            fine_tuned = load_fine_tuned(run, encoder, settings.fine_tuned)
        device = default_device()
        parts.ensemble.to(device)
        parts.policy.to(device)
        joined = JoinedEncoder(text_encoder, parts.words)
        observer = Observer(joined, window=settings.window, max_strategies=settings.max_strategies)
        return cls(parts, observer=observer, fine_tuned=fine_tuned, name=run.resolve().name)

    def save(self, run: Path) -> None:
        """Writes weights and settings into a run folder; training saves the fine-tuned encoders, once."""
        self.parts.save(run)

    def plan(self, history: Sequence[Message]) -> Plan:
        """Plans what the supporter does next: :meth:`plans` for one history."""
        return self.plans([history])[0]

    def plans(self, histories: Sequence[Sequence[Message]]) -> list[Plan]:
        """Plans the supporter's turn after each history (turn protocol).

        Supporter messages that end a history are the prefix of the turn: the plan holds what follows them, and is empty
        where the turn should stop there. It is never empty where the seeker spoke last.
        """
        return self._plans(self.predictions(histories), self._prefixes(histories), self._best)

    def sampled_plans(self, histories: Sequence[Sequence[Message]], *, rng: np.random.Generator) -> list[Plan]:
        """Samples a plan for each history from the planner's own distribution over plans.

        One greedy plan is the best for one turn, but turn after turn it is nearly always a question. So planners act in
        dialogues by sampling, and PPO trains them so.

        Args:
            rng: Gives one number per history, whatever the other histories are.
        """
        uniform = rng.random(len(histories))
        return self._plans(
            self.predictions(histories),
            self._prefixes(histories),
            lambda probabilities, _, rows: sampled(probabilities, uniform[rows]),
        )

    def strategy_probabilities(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Strategies of the message that follows each history, shifted by the class offsets. Shape: (N, 8)."""
        return with_offsets(self.calibrated_probabilities(histories), np.array(self.settings.offsets))

    def calibrated_probabilities(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Strategies of the message that follows each history, without offsets. Shape: (N, 8)."""
        slots = [self.observer.codec.prefix_slots(turn_prefix(history)) for history in histories]
        if not slots:
            return np.zeros((0, len(Strategy)))
        return self.decision_probabilities(self.predictions(histories), np.stack(slots))

    def predictions(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """What ensemble, fine-tuned encoders and stacking predict from histories.

        Returns:
            Shape: (N, S), float32; see :mod:`planner.base_models.predictions`.
        """
        return self.predictions_of_encoded(self.observer.encode_histories(histories), histories)

    def predictions_of_encoded(
        self, encoded: np.ndarray, histories: Sequence[Sequence[Message]], *, fold: np.ndarray | None = None
    ) -> np.ndarray:
        """Predictions from histories that are encoded already.

        Args:
            encoded: Shape: (N, H).
            histories: The histories themselves. Length: N.
            fold: Fold of the training dialogue of each history, for out-of-fold predictions. Shape: (N,). ``None``: new
                dialogues, all models predict.

        Returns:
            Shape: (N, S), float32.
        """
        predictions = self._layout.collect(
            self.parts.ensemble, self.fine_tuned, history=encoded, messages=histories, fold=fold
        )
        stacking = self.parts.stacking
        return predictions if stacking is None else stacking.stack(predictions, histories, fold=fold)

    @torch.no_grad()
    def decision_probabilities(self, predictions: np.ndarray, slots: np.ndarray) -> np.ndarray:
        """Probabilities of the next strategy where one is known to follow, over all reasoning, without offsets.

        Args:
            predictions: Shape: (N, S).
            slots: Prefixes. Shape: (N, K).

        Returns:
            Shape: (N, 8).
        """
        rows = self._layout.space.row_of_code[self.observer.codec.code(slots)]
        parts = []
        for start in range(0, len(predictions), _BATCH):
            block = slice(start, start + _BATCH)
            decisions = self.parts.policy.next_decisions(self._tensor(predictions[block]), self._tensor(rows[block]))
            parts.append((decisions[:, :STOP] / decisions[:, :STOP].sum(1, keepdim=True)).cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, STOP))

    def plans_of_predictions(self, predictions: np.ndarray) -> list[Plan]:
        """Plans of whole turns from predictions. Shape: (N, S)."""
        return self._plans(predictions, [()] * len(predictions), self._best)

    @torch.no_grad()
    def plan_probabilities(self, predictions: np.ndarray) -> np.ndarray:
        """Probability of every plan of the codec, over all reasoning. Shape: (N, S) -> (N, plans)."""
        parts = []
        for start in range(0, len(predictions), _BATCH):
            mixture = self.parts.policy.mixture(self._tensor(predictions[start : start + _BATCH]))
            parts.append(mixture.plan_probabilities(self._layout.space).cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, len(self.observer.codec.plans)))

    @torch.no_grad()
    def reasoning_accuracy(self, predictions: np.ndarray, labels: np.ndarray) -> dict[str, float]:
        """How often each reasoning slot is right where its label is known, percent; empty without reasoning.

        Args:
            predictions: Shape: (N, S).
            labels: Shape: (N, 5), -1 = unknown.

        Returns:
            ``accuracy_context`` and so on.
        """
        if self.settings.reasoning is None:
            return {}
        marginals = self.parts.policy.mixture(self._tensor(predictions)).reasoning
        chosen = np.stack([marginal.argmax(1).cpu().numpy() for marginal in marginals], axis=1)
        known = np.maximum(1, (labels >= 0).sum(axis=0))
        right = ((chosen == labels) & (labels >= 0)).sum(axis=0)
        return {
            f"accuracy_{name}": 100 * float(share) for name, share in zip(REASONING_SLOTS, right / known, strict=True)
        }

    def with_parts(self, parts: PlannerParts, *, name: str | None = None) -> "StrategyPlanner":
        """The same planner with other parts, and another name if one is given."""
        return StrategyPlanner(parts, observer=self.observer, fine_tuned=self.fine_tuned, name=name or self.name)

    def with_offsets(self, offsets: np.ndarray) -> "StrategyPlanner":
        """The same planner with other class offsets."""
        return self.with_parts(self.parts.with_settings(offsets=tuple(float(offset) for offset in offsets)))

    def with_weights(self, *, exact: float, multi_strategy: float) -> "StrategyPlanner":
        """The same planner, taking plans with other weights of exact matches (:class:`PlanDecoder`).

        Its name says so: scores of different decodings must not pass for one another.
        """
        decoding = replace(
            self.settings.decoding, rule="expected-lr", exact_weight=exact, multi_strategy_weight=multi_strategy
        )
        name = f"{self.name}, exact weight {exact:g}" + (f" + {multi_strategy:g}" if multi_strategy else "")
        return self.with_parts(self.parts.with_settings(decoding=decoding), name=name)

    def _prefixes(self, histories: Sequence[Sequence[Message]]) -> list[tuple[int, ...]]:
        """What each turn holds already, at most its last K strategies."""
        codec = self.observer.codec
        return [codec.plan(codec.prefix_slots(turn_prefix(history))) for history in histories]

    @torch.no_grad()
    def _plans(self, predictions: np.ndarray, prefixes: Sequence[tuple[int, ...]], choose: _Choice) -> list[Plan]:
        """Plans of several turns, those of one prefix together. Shape: (N, S), length N."""
        rows_of: dict[tuple[int, ...], list[int]] = {}
        for row, prefix in enumerate(prefixes):
            rows_of.setdefault(prefix, []).append(row)
        plans: dict[int, Plan] = {}
        for prefix, rows in rows_of.items():
            for start in range(0, len(rows), _BATCH):
                here = np.array(rows[start : start + _BATCH])
                mixture = self.parts.policy.mixture(self._tensor(predictions[here]))
                probabilities = mixture.plan_probabilities(self._layout.space, prefix=prefix)
                chosen = choose(probabilities.cpu().numpy(), prefix, here)
                plans |= zip(here.tolist(), self._explained(mixture, probabilities, chosen, prefix), strict=True)
        return [plans[row] for row in range(len(prefixes))]

    def _best(self, probabilities: np.ndarray, prefix: tuple[int, ...], _: np.ndarray) -> np.ndarray:
        return self._decoder.best(probabilities, prefix=prefix)

    def _explained(
        self, mixture: PlanMixture, probabilities: Tensor, chosen: np.ndarray, prefix: tuple[int, ...]
    ) -> list[Plan]:
        """Chosen plans of the codec, with the distributions they are from and the reasoning. ``chosen``: (B,)."""
        codec, space, reasoning_codec = self.observer.codec, self._layout.space, self._layout.reasoning
        distributions = strategies_along(probabilities, self._tensor(chosen), space).cpu().numpy()
        reasoning: Sequence[Reasoning | None] = [None] * len(chosen)
        if reasoning_codec is not None:
            reasoning = reasoning_of(mixture.reasoning, reasoning_codec)
        plans = []
        for number, of_slots, reasons in zip(chosen.tolist(), distributions, reasoning, strict=True):
            strategies = codec.plans[number][len(prefix) :]
            plans.append(
                Plan(
                    strategies=tuple(map(Strategy, strategies)),
                    probabilities=of_slots[len(prefix) : len(prefix) + len(strategies)],
                    mode=self.settings.mode,
                    reasoning=reasons,
                )
            )
        return plans

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.parts.policy.device)


def reasoning_of(marginals: Sequence[Tensor], codec: ReasoningCodec) -> list[Reasoning]:
    """The most probable value of each slot of each history, with its probability.

    Plans weigh every need and stage by its probability. The likeliest is what is shown; a plan may fit another one that
    is nearly as likely.

    Args:
        marginals: Probability of each value of each slot. Five of shape (B, values).

    Returns:
        One per history.
    """
    best = [marginal.max(1) for marginal in marginals]
    values = torch.stack([slot.indices for slot in best], dim=1).tolist()
    probabilities = torch.stack([slot.values for slot in best], dim=1).tolist()
    return [codec.reasoning(row, chances) for row, chances in zip(values, probabilities, strict=True)]
