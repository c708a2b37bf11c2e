"""train.py screening: the learned detectors of what people and models say."""

import dataclasses
from pathlib import Path
from typing import Annotated, ClassVar

import tyro

from cli.train.training import Training
from corpus.dialogue import Role
from corpus.load import load_corpus
from encoding.sentence_encoder import DEFAULT_ENCODER
from safety.lines import Side
from safety.training import ScreeningConfig


@dataclasses.dataclass(frozen=True)
class TrainScreening(Training):
    """Train the detectors of what people and models say, on the package's lines and a corpus as harmless messages."""

    NAME: ClassVar[str] = "screening"

    config: Annotated[ScreeningConfig, tyro.conf.arg(name="")] = dataclasses.field(default_factory=ScreeningConfig)
    encoder: str = DEFAULT_ENCODER
    """Sentence encoder that the detectors build on."""
    out: Path = Path("runs/screening")
    """Run folder; a copy of its person and supporter in pretrained/safety is what every chat uses."""

    def train(self) -> None:
        """Trains both sides and prints how they did on authors that were left out."""
        corpus = load_corpus(self.data)
        dialogues = corpus.split("train")

        from encoding.embedding_cache import EmbeddingCache, cache_folder
        from encoding.sentence_encoder import SentenceEncoder
        from safety.training import train_detector

        with self.run_folder(self.out, corpus, built_on={"encoder": self.encoder}) as run:
            if not run.finished:
                encoder = EmbeddingCache(SentenceEncoder(self.encoder), folder=cache_folder())
                figures: dict[str, dict[str, float]] = {}
                sides: list[tuple[Side, Role]] = [("person", Role.SEEKER), ("supporter", Role.SUPPORTER)]
                for side, role in sides:
                    texts = [message.text for one in dialogues for message in one.messages if message.role is role]
                    print(f"Training on lines of the {side} and {len(texts)} messages of the corpus", flush=True)
                    config = getattr(self.config, side)
                    detector, figures[side] = train_detector(
                        side, texts, encoder=encoder, encoder_name=self.encoder, config=config, seed=self.seed
                    )
                    detector.save(self.out / side)
                run.finish(figures)
            for name, measured in run.metrics().items():
                if isinstance(measured, dict):
                    print(f"{name}, authors left out: " + ", ".join(f"{k} {v:.1f}" for k, v in measured.items()))
            print(f"{self.out}: finished, {run.minutes:.1f} minutes")
