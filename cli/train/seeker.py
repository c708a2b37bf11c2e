"""train.py seeker: a simulated help-seeker that answers with real replies of the training dialogues."""

import dataclasses
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import tyro

from cli.train.training import Training
from corpus.formats.detection import read_dialogues
from corpus.load import load_corpus
from corpus.splits import dialogues_digest
from env.seekers.retrieval.config import SeekerConfig, divide_failed


@dataclasses.dataclass(frozen=True)
class TrainSeeker(Training):
    """Fit a simulated help-seeker: its ratings, its hidden intensity, when it gives up; and measure the fit."""

    NAME: ClassVar[str] = "seeker"

    config: Annotated[SeekerConfig, tyro.conf.arg(name="")] = dataclasses.field(default_factory=SeekerConfig)
    failed: str | None = None
    """File of failed conversations (FailedESConv.json); without it, dialogues whose intensity hardly falls are used."""
    out: Path = Path("runs/seeker")
    """Run folder. A run that is finished is shown and not fitted again."""

    def train(self) -> None:
        """Fits, scores on valid, prints the figures."""
        corpus = load_corpus(self.data)
        train, valid = corpus.split("train"), corpus.split("valid")
        failed = read_dialogues(Path(self.failed)) if self.failed else ()

        from encoding.embedding_cache import EmbeddingCache, cache_folder
        from encoding.sentence_encoder import SentenceEncoder
        from env.seekers.retrieval.fit_quality import fit_quality, fit_quality_lines
        from env.seekers.retrieval.models import fit_seeker

        with self.run_folder(self.out, corpus, built_on={"failed": dialogues_digest(failed)}) as run:
            if not run.finished:
                rng = np.random.default_rng(self.seed)
                print(f"Fitting a seeker to {len(train)} dialogues", flush=True)
                text_encoder = EmbeddingCache(SentenceEncoder(), folder=cache_folder())
                fitted, held_out = divide_failed(failed, share=self.config.failed_share, rng=rng)
                models = fit_seeker(train, fitted, text_encoder=text_encoder, config=self.config)
                models.save(self.out)
                print(f"Measuring the fit on {len(valid)} dialogues of valid", flush=True)
                figures = fit_quality(models, train, valid, held_out, text_encoder=text_encoder, rng=rng)
                run.finish({"valid": {name: estimate.as_json() for name, estimate in figures.items()}})
            for line in fit_quality_lines(run.metrics()["valid"]):
                print(line)
            print(f"{self.out}: finished, {run.minutes:.1f} minutes")
