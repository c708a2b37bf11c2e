"""A generator that takes what a supporter of the training dialogues wrote after the most similar history.

It is a yardstick for written texts: its messages are fluent and human, and sometimes off topic. ``--backbone
retrieval`` builds its index. A history is represented by four parts, of which each has length 1 times the root of its
weight: the embedding of the seeker's last message, that of the supporter's last message, the mean of all messages, and
how far the conversation is. Parts and weights were chosen on ESConv's train, by how similar the found messages are to
those that were written (``docs/generator.md``). Among the messages of the planned strategy one is sampled by its
similarity, under the decoding settings of every generator; greedy decoding takes the nearest.

The run folder holds the training messages themselves: it belongs to whoever has the corpus.
"""

import dataclasses
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from corpus.dialogue import Dialogue, Message, Role, message_view
from corpus.files import replace_whole, write_whole
from corpus.reasoning import Reasoning
from corpus.splits import dialogues_digest
from corpus.strategy import Strategy
from encoding.embedding_cache import EmbeddingCache, cache_folder, memory_only
from encoding.sentence_encoder import SentenceEncoder
from encoding.text_encoder import TextEncoder
from generator.config import DECODING_PRESETS, GeneratorConfig
from generator.files import GeneratorSummary, read_summary, write_summary
from generator.inputs import Response
from generator.turn_writer import TurnWriter, check_plans, turn_messages
from language_models.settings import DecodingConfig, check_choice

_SEEKER, _SUPPORTER, _ALL, _PHASE = 1.0, 0.5, 1.0, 0.3  # weights of the parts of a history
_TOTAL = _SEEKER + _SUPPORTER + _ALL + _PHASE
_LAST = 24  # messages after which a conversation counts as far; ESConv's have 29 on average
_SCALE = 20.0  # logit of a cosine of 1: what sentence-transformers trains its contrastive models with
_ARRAYS, _MESSAGES = "index.safetensors", "messages.json"


@dataclass(frozen=True, eq=False)
class MessageIndex:
    """Supporter messages of training dialogues.

    Attributes:
        vectors: Of their histories. Shape: (N, W), float32, rows of length 1.
        strategies: Shape: (N,), int64.
        texts: Length: N.
    """

    vectors: np.ndarray
    strategies: np.ndarray
    texts: tuple[str, ...]

    def __post_init__(self) -> None:
        count = len(self.texts)
        if not count or self.vectors.ndim != 2 or len(self.vectors) != count or self.strategies.shape != (count,):
            raise ValueError(f"index: got {count} texts, {self.vectors.shape} vectors, {self.strategies.shape} labels")
        if not np.isfinite(self.vectors).all() or not np.isin(self.strategies, list(Strategy)).all():
            raise ValueError("index: vectors must be finite and strategies 0 to 7")

    @classmethod
    def of(cls, dialogues: Sequence[Dialogue], text_encoder: TextEncoder) -> "MessageIndex":
        """The index of all supporter messages but those that begin their dialogue, as these answer nothing.

        Raises:
            ValueError: There is none.
            CorpusError: A supporter message lacks its strategy.
        """
        items = [item for item in message_view(dialogues) if item.history]
        return cls(
            history_vectors([item.history for item in items], text_encoder),
            np.array([item.strategy for item in items], np.int64),
            tuple(item.message.text for item in items),
        )


def history_vectors(histories: Sequence[Sequence[Message]], text_encoder: TextEncoder) -> np.ndarray:
    """Histories as vectors whose products are their similarities.

    Returns:
        Rows of length 1 at most. Shape: (N, 3 D + 2), float32.
    """
    texts = list(dict.fromkeys(message.text for history in histories for message in history))
    embeddings = text_encoder.encode(texts)
    row = {text: number for number, text in enumerate(texts)}
    vectors = np.zeros((len(histories), 3 * text_encoder.dimension + 2), np.float32)
    for vector, history in zip(vectors, histories, strict=True):
        seeker, supporter, everything = vector[:-2].reshape(3, -1)  # views
        for message in history:
            everything += embeddings[row[message.text]]
            (seeker if message.role is Role.SEEKER else supporter)[:] = embeddings[row[message.text]]
        for part, weight in ((seeker, _SEEKER), (supporter, _SUPPORTER), (everything, _ALL)):
            part *= np.sqrt(weight / _TOTAL) / max(float(np.linalg.norm(part)), 1e-9)
        angle = min(len(history), _LAST) / _LAST * np.pi / 2
        vector[-2:] = np.sqrt(_PHASE / _TOTAL) * np.array([np.cos(angle), np.sin(angle)])
    return vectors


class RetrievalRealizer(TurnWriter):
    """Answers with messages of the index.

    Args:
        text_encoder: What the index was built with.
        decoding: Of it count temperature, top-k and top-p.
        screened: Whether :meth:`realize` keeps back what must not be said.
    """

    def __init__(
        self, index: MessageIndex, text_encoder: TextEncoder, *, decoding: DecodingConfig, screened: bool = True
    ) -> None:
        self.index = index
        self.text_encoder = text_encoder
        self.decoding = decoding
        self.screened = screened

    @classmethod
    def load(
        cls, run: str | Path, *, decoding: DecodingConfig | str | None = None, screened: bool = True
    ) -> "RetrievalRealizer":
        """Loads a finished run; ``decoding`` as in :meth:`generator.realizer.Realizer.load`.

        Raises:
            ValueError: No finished run there, a damaged file, or another encoder than the index was built with.
        """
        folder = Path(run)
        summary = read_summary(folder)
        text_encoder = EmbeddingCache(SentenceEncoder(), folder=cache_folder())
        try:
            arrays = load_file(folder / _ARRAYS)
            stored = json.loads((folder / _MESSAGES).read_text(encoding="utf-8"))
            vectors, strategies = arrays["vectors"].astype(np.float32), arrays["strategies"].astype(np.int64)
            index, encoder = MessageIndex(vectors, strategies, tuple(stored["texts"])), stored["encoder"]
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ValueError(f"{folder}: damaged retrieval index ({error}), build it again") from error
        if encoder != text_encoder.fingerprint:
            raise ValueError(
                f"{folder}: index of the encoder {encoder[:8]}, this program has {text_encoder.fingerprint[:8]}: "
                "build it again"
            )
        if isinstance(decoding, str):
            check_choice("decoding", decoding, tuple(DECODING_PRESETS))
            decoding = DECODING_PRESETS[decoding]
        return cls(index, text_encoder, decoding=decoding or summary.decoding, screened=screened)

    @property
    def variant(self) -> str:
        """It realizes a plan message by message."""
        return "strategy"

    @property
    def tokenizer_name(self) -> str:
        """It has no tokens."""
        return "none"

    def realize_all(
        self,
        histories: Sequence[Sequence[Message]],
        plans: Sequence[Sequence[Strategy] | None],
        *,
        rng: np.random.Generator,
        reasoning: Sequence[Reasoning | None] | None = None,
    ) -> list[list[Response]]:
        """As :meth:`TurnWriter.realize_all`; without a plan one message of any strategy.

        No text comes that the supporter has said before in the history, unless there is no other of its strategy.

        Raises:
            ValueError: As there; also a strategy that the training dialogues do not show.
        """
        check_plans(histories, plans)
        if any(reasoning or ()):
            raise ValueError("reasoning: the retrieval generator reads none")
        seed = int(rng.integers(2**32))
        turns: list[list[Response]] = [[] for _ in plans]
        due = list(range(len(plans)))
        while due:
            extended = [[*histories[one], *turn_messages(turns[one])] for one in due]
            with memory_only():  # what a person writes is no data
                queries = history_vectors(extended, self.text_encoder)
            for one, history, query in zip(due, extended, queries, strict=True):
                plan, number = plans[one], len(turns[one])
                strategy = None if plan is None else plan[number]
                uniform = float(np.random.default_rng([seed, one, number]).random())
                turns[one].append(self._found(query, strategy, history, uniform))
            due = [one for one in due if len(turns[one]) < len(plans[one] or (None,))]
        return turns

    def _found(
        self, query: np.ndarray, strategy: Strategy | None, history: Sequence[Message], uniform: float
    ) -> Response:
        """Samples a message by the inverse of its cumulative distribution, likeliest first."""
        index = self.index
        rows = np.arange(len(index.texts)) if strategy is None else np.flatnonzero(index.strategies == strategy)
        if not len(rows):
            assert strategy is not None
            raise ValueError(f"retrieval: the training dialogues show no message of the strategy {strategy.label}")
        said = {message.text for message in history if message.role is Role.SUPPORTER}
        fresh = np.array([row for row in rows.tolist() if index.texts[row] not in said], np.int64)
        rows = fresh if len(fresh) else rows
        logits = _SCALE * (index.vectors[rows] @ query).astype(np.float64) / self.decoding.temperature
        order = np.argsort(-logits, kind="stable")[: self.decoding.top_k or None]
        probabilities = np.exp(logits[order] - logits.max())
        # top-p counts shares of the whole, as in decoding tokens
        shares = probabilities / np.exp(logits - logits.max()).sum()
        kept = shares.cumsum() - shares < self.decoding.top_p
        cumulative = shares[kept].cumsum()
        place = int((cumulative <= uniform * cumulative[-1]).sum())
        row = int(rows[order[min(place, len(cumulative) - 1)]])
        return Strategy(int(index.strategies[row])), index.texts[row]


def build_index(
    config: GeneratorConfig, *, train: Sequence[Dialogue], out: Path, seed: int, corpus: str = ""
) -> GeneratorSummary:
    """Writes the run folder of a retrieval generator, ``generator.json`` last.

    Args:
        config: Resolved; of it only ``decoding`` decides anything.
        corpus: Name of the data.

    Raises:
        ValueError: No supporter message answers anything.
        CorpusError: A supporter message lacks its strategy.
    """
    started = time.perf_counter()
    text_encoder = EmbeddingCache(SentenceEncoder(), folder=cache_folder())
    index = MessageIndex.of(train, text_encoder)
    # Half precision halves the file; it moves similarities by less than 0.001.
    arrays: dict[str, Any] = {
        "vectors": index.vectors.astype(np.float16),
        "strategies": index.strategies.astype(np.uint8),
    }
    out.mkdir(parents=True, exist_ok=True)
    with replace_whole(out / _ARRAYS) as path:
        save_file(arrays, path)
    stored = {"encoder": text_encoder.fingerprint, "texts": index.texts}
    write_whole(out / _MESSAGES, json.dumps(stored, ensure_ascii=False) + "\n")
    summary = GeneratorSummary(
        variant=config.variant,
        lengths=config.lengths,
        decoding=DECODING_PRESETS[config.decoding],
        config=dataclasses.asdict(config),
        seed=seed,
        data={"train": dialogues_digest(train)},
        examples={"train": len(index.texts)},
        parameters=0,
        best_step=0,
        best_perplexity=None,
        seconds=round(time.perf_counter() - started, 1),
        corpus=corpus,
    )
    write_summary(out, summary)
    return summary
