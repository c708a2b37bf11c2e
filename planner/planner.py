"""The trained planner: load a run folder, give it a history, get a plan.

The reasoning behind plans, read off the probabilities of its slots.
"""

from collections.abc import Sequence
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
from planner.base_models.fine_tuned_encoder import FineTunedEncoders
from planner.config import Mode
from planner.files import READERS, PlannerParts, PlannerSettings
from planner.plan import Plan
from planner.policy.decoding import PlanDecoder, with_offsets
from planner.policy.plan_space import PlanMixture, strategies_along


def reasoning_of(marginals: Sequence[Tensor], codec: ReasoningCodec) -> list[Reasoning]:
    """The most probable value of each slot of each history, with its probability.

    Plans weigh every need and stage by its probability; what is shown is the likeliest, which a plan may differ from
    where another is nearly as likely.

    Args:
        marginals: Probability of each value of each slot. Five of shape (B, values).
        codec: Names of the values.

    Returns:
        One per history.
    """
    best = [marginal.max(1) for marginal in marginals]
    values = torch.stack([slot.indices for slot in best], dim=1).tolist()
    probabilities = torch.stack([slot.values for slot in best], dim=1).tolist()
    return [codec.reasoning(row, chances) for row, chances in zip(values, probabilities, strict=True)]


_BATCH = 512  # turns per forward pass: every decision after every prefix is computed


class StrategyPlanner:
    """Plans the supporter's next turn.

    Args:
        parts: Trained networks and settings.
        observer: Encodes histories, as in training.
        readers: Fine-tuned encoders, where the settings say so.
        name: What tables call it; a run folder's name.
    """

    def __init__(
        self, parts: PlannerParts, *, observer: Observer, readers: FineTunedEncoders | None, name: str = "planner"
    ) -> None:
        self.parts = parts
        self.observer = observer
        self.readers = readers
        self.name = name
        self._layout = parts.deliberation.layout
        self._decoder = PlanDecoder(
            observer.codec,
            exact_weight=parts.settings.exact_weight,
            several_weight=parts.settings.several_weight,
        )
        parts.members.eval()
        parts.deliberation.eval()

    @property
    def settings(self) -> PlannerSettings:
        """How it decides."""
        return self.parts.settings

    @property
    def mode(self) -> Mode:
        """``one-by-one`` or ``all-in-one``."""
        return self.settings.mode

    @classmethod
    def load(cls, run: Path | str, *, text_encoder: TextEncoder | None = None) -> "StrategyPlanner":
        """Loads a run folder; executes no pickled code.

        Args:
            run: Folder written by :meth:`save`.
            text_encoder: Turns texts into vectors; by default the run's own encoder behind the embedding cache.

        Raises:
            ValueError: No planner there, or the encoder is not the one it was trained with.
        """
        run = Path(run)
        parts = PlannerParts.load(run)
        settings = parts.settings
        encoder = SentenceEncoder(settings.encoder) if text_encoder is None or settings.readers is not None else None
        if text_encoder is None:
            assert encoder is not None
            text_encoder = EmbeddingCache(encoder, folder=cache_folder())
        if text_encoder.fingerprint != settings.encoder_fingerprint:
            raise ValueError(f"{run}: trained with another version of encoder {settings.encoder!r}")
        readers = None
        if settings.readers is not None and encoder is not None:
            how = settings.readers
            path = (run if (run / READERS).is_file() else run.parent) / READERS  # a run's cloned planner shares them
            readers = FineTunedEncoders.load(
                path, encoder, folds=how.folds, tokens=how.tokens, frozen_layers=how.frozen_layers
            )
        device = "cuda" if torch.cuda.is_available() else "cpu"
        parts.members.to(device)
        parts.deliberation.to(device)
        joined = JoinedEncoder(text_encoder, parts.words)
        observer = Observer(joined, window=settings.window, max_strategies=settings.max_strategies)
        return cls(parts, observer=observer, readers=readers, name=run.resolve().name)

    def save(self, run: Path) -> None:
        """Writes weights and settings into a run folder; the readers are saved by training, once."""
        self.parts.save(run)

    def plan(self, history: Sequence[Message]) -> Plan:
        """Plans what the supporter does next.

        Supporter messages that end the history belong to the turn being planned: the plan holds what is still to
        come, and is empty if the turn should stop here.
        """
        prefix = tuple(int(strategy) for strategy in turn_prefix(history))
        return self.plans_of_predictions(self.beliefs([history]), prefix=prefix)[0]

    def plans(self, histories: Sequence[Sequence[Message]]) -> list[Plan]:
        """Plans the supporter's whole turn that follows each history (turn protocol)."""
        return self.plans_of_predictions(self.beliefs(histories))

    def sampled_plans(self, histories: Sequence[Sequence[Message]], *, rng: np.random.Generator) -> list[Plan]:
        """Draws a plan for each history from the planner's own distribution over plans.

        The likeliest plan is the best guess at one turn, but turn after turn it is nearly always a question; acting in
        conversations, and what PPO trains there, is drawing.

        Args:
            histories: As for :meth:`plan`: a drawn plan holds what is still to come. It is empty only where supporter
                messages end the history, never where the seeker has just spoken.
            rng: Gives one number per history, whatever the other histories are.
        """
        luck = rng.random(len(histories))
        beliefs = self.beliefs(histories)
        together: dict[tuple[int, ...], list[int]] = {}
        for row, history in enumerate(histories):
            prefix = tuple(map(int, turn_prefix(history)))[-self.observer.codec.max_strategies :]
            together.setdefault(prefix, []).append(row)
        plans: dict[int, Plan] = {}
        for prefix, rows in together.items():
            for start in range(0, len(rows), _BATCH):
                here = rows[start : start + _BATCH]
                plans |= zip(here, self._drawn(beliefs[here], luck[here], prefix), strict=True)
        return [plans[row] for row in range(len(histories))]

    def strategy_probabilities(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Strategies of the message that follows each history, shifted by the fitted offsets. Shape: (N, 8)."""
        return with_offsets(self.calibrated_probabilities(histories), np.array(self.settings.offsets))

    def calibrated_probabilities(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """Strategies of the message that follows each history, without offsets. Shape: (N, 8)."""
        slots = [self.observer.codec.prefix_slots(turn_prefix(history)) for history in histories]
        if not slots:
            return np.zeros((0, len(Strategy)))
        return self.decision_probabilities(self.beliefs(histories), np.stack(slots))

    def beliefs(self, histories: Sequence[Sequence[Message]]) -> np.ndarray:
        """What members, readers and judges believe of histories. Shape: (N, S), see :class:`BeliefLayout`."""
        return self.predictions_of_encoded(self.observer.encode_histories(histories), histories)

    def predictions_of_encoded(
        self, history: np.ndarray, messages: Sequence[Sequence[Message]], *, fold: np.ndarray | None = None
    ) -> np.ndarray:
        """What is believed of histories that are encoded already.

        Args:
            history: Shape: (N, H).
            messages: The histories themselves. Length: N.
            fold: Part of the training dialogues of each history: only who never saw it answers. Shape: (N,). ``None``:
                new dialogues, all answer.

        Returns:
            Shape: (N, S).
        """
        believed = self._layout.collect(self.parts.members, self.readers, history=history, messages=messages, fold=fold)
        judges = self.parts.judges
        return believed if judges is None else judges.judged(believed, messages, fold=fold)

    @torch.no_grad()
    def decision_probabilities(self, beliefs: np.ndarray, slots: np.ndarray) -> np.ndarray:
        """Unshifted probabilities of the next strategy where one is known to follow, over all reasoning.

        Args:
            beliefs: Shape: (N, S).
            slots: Plan so far. Shape: (N, K).

        Returns:
            Shape: (N, 8).
        """
        rows = self._layout.space.row_of_code[self.observer.codec.code(slots)]
        parts = []
        for start in range(0, len(beliefs), _BATCH):
            block = slice(start, start + _BATCH)
            mixed = self.parts.deliberation.next_decisions(self._tensor(beliefs[block]), self._tensor(rows[block]))
            parts.append((mixed[:, :STOP] / mixed[:, :STOP].sum(1, keepdim=True)).cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, STOP))

    @torch.no_grad()
    def plans_of_predictions(self, beliefs: np.ndarray, *, prefix: tuple[int, ...] = ()) -> list[Plan]:
        """Plans from beliefs.

        Args:
            beliefs: Shape: (N, S).
            prefix: Strategies that stand already, the same for all; the plans hold what comes after them.
        """
        plans: list[Plan] = []
        prefix = prefix[-self.observer.codec.max_strategies :]
        for start in range(0, len(beliefs), _BATCH):
            plans += self._plans(self.parts.deliberation.mixture(self._tensor(beliefs[start : start + _BATCH])), prefix)
        return plans

    @torch.no_grad()
    def plan_probabilities(self, beliefs: np.ndarray) -> np.ndarray:
        """Probability of every plan of the codec, over all reasoning. Shape: (N, S) -> (N, plans)."""
        parts = []
        for start in range(0, len(beliefs), _BATCH):
            mixture = self.parts.deliberation.mixture(self._tensor(beliefs[start : start + _BATCH]))
            parts.append(mixture.plan_probabilities(self._layout.space).cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, len(self.observer.codec.plans)))

    @torch.no_grad()
    def reasoning_accuracy(self, beliefs: np.ndarray, labels: np.ndarray) -> dict[str, float]:
        """How often each reasoning slot is right where its label is known, percent; empty without reasoning.

        Args:
            beliefs: Shape: (N, S).
            labels: Shape: (N, 5), -1 = unknown.

        Returns:
            ``accuracy_context`` and so on.
        """
        if self.settings.reasoning is None:
            return {}
        marginals = self.parts.deliberation.mixture(self._tensor(beliefs)).reasoning
        chosen = np.stack([marginal.argmax(1).cpu().numpy() for marginal in marginals], axis=1)
        known = np.maximum(1, (labels >= 0).sum(axis=0))
        right = ((chosen == labels) & (labels >= 0)).sum(axis=0)
        return {
            f"accuracy_{name}": 100 * float(share) for name, share in zip(REASONING_SLOTS, right / known, strict=True)
        }

    def with_offsets(self, offsets: np.ndarray) -> "StrategyPlanner":
        """The same planner with other offsets."""
        settings = replace(self.settings, offsets=tuple(float(offset) for offset in offsets))
        parts = replace(self.parts, settings=settings)
        return StrategyPlanner(parts, observer=self.observer, readers=self.readers, name=self.name)

    def with_weights(self, *, exact: float, several: float) -> "StrategyPlanner":
        """The same planner, choosing plans with other weights of exact matches (:mod:`planner.policy.decoding`).

        Its name says so: scores of different decodings must not pass for one another.
        """
        settings = replace(self.settings, decoding="expected-lr", exact_weight=exact, several_weight=several)
        parts = replace(self.parts, settings=settings)
        name = f"{self.name}, exact weight {exact:g}" + (f" + {several:g}" if several else "")
        return StrategyPlanner(parts, observer=self.observer, readers=self.readers, name=name)

    def _plans(self, mixture: PlanMixture, prefix: tuple[int, ...]) -> list[Plan]:
        probabilities = mixture.plan_probabilities(self._layout.space, standing=prefix)
        expected = self.settings.decoding == "expected-lr"
        choose = self._decoder.best_expected if expected else self._decoder.most_probable
        return self._explained(mixture, probabilities, choose(probabilities.cpu().numpy(), prefix=prefix), prefix)

    @torch.no_grad()
    def _drawn(self, beliefs: np.ndarray, luck: np.ndarray, prefix: tuple[int, ...]) -> list[Plan]:
        """Plans by inverse transform sampling; ``luck``: uniform in 0..1. Shapes: (B, S), (B,)."""
        mixture = self.parts.deliberation.mixture(self._tensor(beliefs))
        probabilities = mixture.plan_probabilities(self._layout.space, standing=prefix)
        bounds = probabilities.cpu().numpy().astype(np.float64).cumsum(axis=1)
        chosen = (bounds <= luck[:, None] * bounds[:, -1:]).sum(axis=1)  # the last bound is 1 but for rounding
        return self._explained(mixture, probabilities, chosen, prefix)

    def _explained(
        self, mixture: PlanMixture, probabilities: torch.Tensor, chosen: np.ndarray, prefix: tuple[int, ...]
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

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.parts.deliberation.device)
