"""train.py tagger: recognises the strategy of a supporter's message, for measuring and for choosing texts."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import tyro

from cli.train.training import Training
from corpus.dialogue import message_view
from corpus.load import load_corpus
from encoding.tagger import TaggerConfig

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from corpus.dialogue import Dialogue
    from encoding.tagger import StrategyTagger
    from evaluation.report.tables import Table

SHOWN = ("accuracy", "macro_f1", "weighted_f1")
SAMPLES = 1000  # resamples of the dialogues behind every interval


@dataclasses.dataclass(frozen=True)
class TrainTagger(Training):
    """Fit two strategy taggers, one that scores texts and one that chooses among samples; and measure both."""

    NAME: ClassVar[str] = "tagger"

    config: Annotated[TaggerConfig, tyro.conf.arg(name="")] = dataclasses.field(default_factory=TaggerConfig)
    out: Path = Path("runs/tagger")
    """Run folder. A run that is finished is shown and not fitted again."""

    def train(self) -> None:
        """Fits, scores on valid, prints accuracy and confusion."""
        corpus = load_corpus(self.data)
        train, valid = corpus.split("train"), corpus.split("valid")

        from encoding.embedding_cache import EmbeddingCache, cache_folder
        from encoding.sentence_encoder import SentenceEncoder
        from encoding.tagger import StrategyTaggers
        from evaluation.report.tables import to_text

        with self.run_folder(self.out, corpus) as run:
            if not run.finished:
                rng = np.random.default_rng(self.seed)
                print(f"Fitting two taggers to {len(train)} dialogues", flush=True)
                text_encoder = EmbeddingCache(SentenceEncoder(), folder=cache_folder())
                taggers = StrategyTaggers.fit(train, text_encoder=text_encoder, config=self.config, rng=rng)
                taggers.save(self.out)
                print(f"Measuring them on {len(valid)} dialogues of valid", flush=True)
                run.finish(
                    {
                        "valid": {
                            name: tagger_quality(tagger, valid, seed=self.seed)
                            for name, tagger in (("scoring", taggers.scoring), ("choosing", taggers.choosing))
                        }
                    }
                )
            for table in quality_tables(run.metrics()["valid"]):
                print(f"\n{to_text(table)}")
            print(f"{self.out}: finished, {run.minutes:.1f} minutes")


def tagger_quality(tagger: "StrategyTagger", dialogues: "Sequence[Dialogue]", *, seed: int) -> dict[str, Any]:
    """Scores of the message protocol with their intervals over dialogues, and the confusion matrix, gold in rows."""
    from evaluation.items import dialogue_units
    from metrics.statistics.bootstrap import estimates
    from metrics.strategy.scores import message_signature, message_tally

    items = message_view(dialogues)
    gold = np.array([item.strategy for item in items], np.int64)
    histories = [item.history for item in items] if tagger.with_history else None
    tags = tagger.tag([item.message.text for item in items], histories)
    confusion = np.zeros((8, 8), np.int64)
    np.add.at(confusion, (gold, tags), 1)
    scores = estimates(
        message_tally(gold, tags, dialogue_units(items)), rng=np.random.default_rng(seed), samples=SAMPLES
    )
    return {
        "n": len(items),
        "signature": message_signature(samples=SAMPLES, tagger=tagger.digest[:16]),
        **{metric: estimate.as_json() for metric, estimate in scores.items()},
        "confusion": confusion.tolist(),
    }


def quality_tables(valid: "Mapping[str, Any]") -> "list[Table]":
    """A table of the scores of both taggers, and the confusion of the scoring one."""
    from corpus.strategy import Strategy
    from evaluation.report.tables import Column, Row, Table
    from evaluation.result import measured_table
    from metrics.statistics.estimate import Estimate

    systems = {name: {metric: Estimate.from_json(scores[metric]) for metric in SHOWN} for name, scores in valid.items()}
    names = [strategy.short_label for strategy in Strategy]
    rows = [Row.of(name, *map(str, counts)) for name, counts in zip(names, valid["scoring"]["confusion"], strict=True)]
    confusion = Table(
        (Column("annotated", "left"), *map(Column, names)),
        tuple(rows),
        "The scoring tagger's tags of annotated messages",
    )
    return [measured_table(systems, columns=SHOWN, title=f"{valid['scoring']['n']} messages of valid"), confusion]
