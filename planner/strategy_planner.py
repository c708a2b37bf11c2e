"""The trained planner: load a run folder, give it a history, get a plan."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from corpus.dialogue import Message, Turn, Utterance
from corpus.strategy import Strategy
from corpus.whole_file import replace_whole, write_whole
from encoding.embedding_cache import CachedEncoder
from encoding.observation import Embedder, Observer, plan_features, plan_features_size, plan_so_far
from encoding.plan_codec import STOP
from encoding.text_encoder import SentenceEncoder
from planner.class_offsets import with_offsets
from planner.config import Decoding, Mode
from planner.decoding import PlanDecoder
from planner.joined_embedder import JoinedEmbedder
from planner.network import DecisionNetwork, NetworkShape
from planner.plan import Plan
from planner.plan_distribution import PlanSpace, decision_table, plan_log_probabilities
from planner.tfidf_embedder import TfidfEmbedder

_SETTINGS = "planner.json"
_WEIGHTS = "planner.safetensors"
_LEXICON = "lexicon.json"
_BATCH = 256  # turns per forward pass: every decision after every prefix is computed, 73 rows per turn


@dataclass(frozen=True)
class PlannerSettings:
    """What a run folder says beside the weights.

    Attributes:
        mode: ``one-by-one`` or ``all-in-one``.
        decoding: How a plan is chosen.
        encoder: Name or path of the sentence encoder.
        encoder_fingerprint: Digest of the encoder the weights belong to.
        window: W of the observer.
        max_strategies: K, longest plan.
        shape: Sizes of the network.
        offsets: Additive offsets of the message protocol's decision, 8 numbers.
    """

    mode: Mode
    decoding: Decoding
    encoder: str
    encoder_fingerprint: str
    window: int
    max_strategies: int
    shape: NetworkShape
    offsets: tuple[float, ...] = (0.0,) * len(Strategy)


class StrategyPlanner:
    """Plans the supporter's next turn.

    Args:
        network: The trained network.
        observer: Encodes histories, as in training.
        words: The lexical half of the observer's embedder; saved with the planner.
        settings: How to decide.
        name: What tables call it; a run folder's name.
    """

    def __init__(
        self,
        network: DecisionNetwork,
        *,
        observer: Observer,
        words: TfidfEmbedder,
        settings: PlannerSettings,
        name: str = "planner",
    ) -> None:
        self.network = network.eval()
        self.observer = observer
        self.words = words
        self.settings = settings
        self.name = name
        self._space = PlanSpace(observer.codec)
        self._decoder = PlanDecoder(observer.codec)

    @property
    def mode(self) -> Mode:
        """``one-by-one`` or ``all-in-one``."""
        return self.settings.mode

    @classmethod
    def load(cls, run: Path | str, *, embedder: Embedder | None = None) -> "StrategyPlanner":
        """Loads a run folder; executes no pickled code.

        Args:
            run: Folder written by :meth:`save`.
            embedder: Turns texts into vectors; by default the run's own encoder behind the embedding cache.

        Raises:
            ValueError: No planner there, or the encoder is not the one it was trained with.
        """
        run = Path(run)
        if not (run / _SETTINGS).is_file() or not (run / _WEIGHTS).is_file():
            raise ValueError(f"{run}: no trained planner, expected {_SETTINGS} and {_WEIGHTS}")
        try:
            stored = json.loads((run / _SETTINGS).read_text(encoding="utf-8"))
            settings = PlannerSettings(
                **{**stored, "shape": NetworkShape(**stored["shape"]), "offsets": tuple(stored["offsets"])}
            )
            network = DecisionNetwork(settings.shape, dropout=0.0, input_dropout=0.0)
            network.load_state_dict(load_file(run / _WEIGHTS))
            words = TfidfEmbedder.load(run / _LEXICON)
        except (ValueError, KeyError, TypeError, RuntimeError, OSError, SafetensorError) as error:
            raise ValueError(f"{run}: damaged planner ({type(error).__name__}: {error})") from error
        embedder = embedder if embedder is not None else CachedEncoder(SentenceEncoder(settings.encoder))
        if embedder.fingerprint != settings.encoder_fingerprint:
            raise ValueError(f"{run}: trained with another version of encoder {settings.encoder!r}")
        network.to("cuda" if torch.cuda.is_available() else "cpu")
        joined = JoinedEmbedder(embedder, words)
        observer = Observer(joined, window=settings.window, max_strategies=settings.max_strategies)
        return cls(network, observer=observer, words=words, settings=settings, name=run.resolve().name)

    def save(self, run: Path) -> None:
        """Writes weights and settings into a run folder."""
        with replace_whole(run / _WEIGHTS) as path:
            save_file({name: tensor.contiguous() for name, tensor in self.network.state_dict().items()}, path)
        self.words.save(run / _LEXICON)
        write_whole(run / _SETTINGS, json.dumps(asdict(self.settings), indent=2) + "\n")

    def plan(self, history: Sequence[Message]) -> Plan:
        """Plans what the supporter does next.

        Supporter messages that end the history belong to the turn being planned: the plan holds what is still to
        come, and is empty if the turn should stop here.
        """
        prefix = tuple(int(strategy) for strategy in plan_so_far(history))
        return self._plans(self.observer.encode_histories([history]), prefix)[0]

    def plans(self, turns: Sequence[Turn]) -> list[Plan]:
        """Plans every turn from the history before it (turn protocol)."""
        return self.plans_of_encoded(self.observer.encode_histories([turn.history for turn in turns]))

    def plans_of_encoded(self, history: np.ndarray) -> list[Plan]:
        """Plans from encoded histories. Shape: (N, H)."""
        blocks = (history[start : start + _BATCH] for start in range(0, len(history), _BATCH))
        return [plan for block in blocks for plan in self._plans(block)]

    @torch.no_grad()
    def strategy_probabilities(self, utterances: Sequence[Utterance]) -> np.ndarray:
        """Strategies of messages given all messages before, shifted by the fitted offsets. Shape: (N, 8)."""
        if not utterances:
            return np.zeros((0, len(Strategy)))
        histories = [utterance.history for utterance in utterances]
        slots = np.stack([self.observer.codec.slots(plan_so_far(history)) for history in histories])
        probabilities = self.decision_probabilities(self.observer.encode_histories(histories), slots)
        return with_offsets(probabilities, np.array(self.settings.offsets))

    @torch.no_grad()
    def decision_probabilities(self, history: np.ndarray, slots: np.ndarray) -> np.ndarray:
        """Unshifted probabilities of the next strategy where one is known to follow.

        Args:
            history: Shape: (N, H).
            slots: Plan so far. Shape: (N, K).

        Returns:
            Shape: (N, 8).
        """
        parts = []
        for start in range(0, len(history), 4096):
            block = slice(start, start + 4096)
            encoded = self.network.encode_history(self._tensor(history[block]))
            allowed = torch.arange(STOP + 1, device=self.network.device).expand(len(slots[block]), -1) != STOP
            log_probabilities, _ = self.network.decide(encoded, self._tensor(plan_features(slots[block])), allowed)
            parts.append(log_probabilities[:, :STOP].exp().cpu().numpy())
        return np.concatenate(parts) if parts else np.zeros((0, STOP))

    def with_offsets(self, offsets: np.ndarray) -> "StrategyPlanner":
        """The same planner with other offsets."""
        settings = replace(self.settings, offsets=tuple(float(offset) for offset in offsets))
        return StrategyPlanner(
            self.network, observer=self.observer, words=self.words, settings=settings, name=self.name
        )

    @torch.no_grad()
    def _plans(self, history: np.ndarray, prefix: tuple[int, ...] = ()) -> list[Plan]:
        codec = self.observer.codec
        prefix = prefix[: codec.max_strategies]
        table, _ = decision_table(self.network, self._space, self._tensor(history))
        probabilities = plan_log_probabilities(table, self._space).exp().cpu().numpy()
        choose = self._decoder.best_expected if self.settings.decoding == "expected-lr" else self._decoder.most_probable
        chosen = choose(probabilities, prefix=prefix)
        steps, _ = self._space.plan_steps
        decisions = table[..., :STOP].exp().cpu().numpy()
        plans = []
        for row, number in enumerate(chosen):
            strategies = codec.plans[number][len(prefix) :]
            rows = steps[number, len(prefix) : len(prefix) + len(strategies)].numpy()
            of_strategies = decisions[row, rows]  # STOP left out: what to do, given that something is done
            plans.append(
                Plan(
                    strategies=tuple(Strategy(strategy) for strategy in strategies),
                    probabilities=of_strategies / of_strategies.sum(axis=1, keepdims=True),
                    mode=self.settings.mode,
                )
            )
        return plans

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.network.device)


def shape_for(observer: Observer, embedder: JoinedEmbedder, *, members: int, width: int) -> NetworkShape:
    """Sizes of a network that reads what the observer writes with this embedder."""
    return NetworkShape(
        history=observer.history_size,
        plan=plan_features_size(observer.codec.max_strategies),
        meaning=embedder.meaning.dimension,
        words=embedder.words.dimension,
        window=observer.window,
        members=members,
        width=width,
    )
