"""A simulated seeker by the words of a command line: fitted to training dialogues, or played by a language model."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from corpus.dialogue import Dialogue
from encoding.embedding_cache import EmbeddingCache, cache_folder
from encoding.sentence_encoder import SentenceEncoder
from env.conversation import Seeker
from env.seekers.prompted.settings import ModelSettings, model_seeker, open_chat
from env.seekers.retrieval.seeker import RetrievalSeeker
from language_models.chat.record import CallRecord

SeekerKind = Literal["retrieval", "model"]


@dataclass(frozen=True)
class SeekerChoice:
    """Which seeker, and what it needs.

    Attributes:
        kind: ``retrieval``: real replies out of the training dialogues; ``model``: a language model.
        run: Run folder of a fitted retrieval seeker; ``None``: it is fitted when opened, without failed conversations.
        model: The language model.
        record: Folder where the language model's answers are kept.
    """

    kind: SeekerKind = "retrieval"
    run: Path | None = None
    model: ModelSettings = field(default_factory=ModelSettings)
    record: Path | None = None

    def __post_init__(self) -> None:
        if self.kind == "retrieval" and (self.record is not None or self.model.model):
            raise ValueError("seeker retrieval: --model and --record are for --seeker model")
        if self.kind == "model" and self.run is not None:
            raise ValueError("seeker model: --seeker-run is for --seeker retrieval")
        if self.kind == "model" and self.record is None:
            raise ValueError("seeker model: expected --record, the folder where its answers are kept")

    def open(self, train: Sequence[Dialogue], *, runs: int, seed: int) -> tuple[Seeker, ...]:
        """Opens the seeker of all runs, or one for each.

        Args:
            train: Training dialogues.
            runs: How many runs there are: a model with a record of its answers must know which run it is in.
            seed: Of the first run; the next ones count on.

        Raises:
            ValueError: A seeker that cannot be opened, or is of other data.
        """
        if self.record is None:
            text_encoder = EmbeddingCache(SentenceEncoder(), folder=cache_folder())
            if self.run is not None:
                return (RetrievalSeeker.load(self.run, train, text_encoder=text_encoder),)
            return (RetrievalSeeker.fit(train, text_encoder=text_encoder),)
        chat, kept = open_chat(self.model), CallRecord(self.record)
        return tuple(model_seeker(self.model, chat, kept, seed=seed + run) for run in range(runs))
