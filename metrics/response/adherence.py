"""Strategy adherence: the share of texts in which a tagger recognises the planned strategy.

The tagger (``encoding/tagger.py``) sees the text alone and errs often, so the share stands beside that of the corpus's
own texts under their annotated strategies, and ``adherence_ratio`` is the first as a share of the second. Above 1,
texts show their strategy more plainly than people's do. The signature names the tagger by its digest. A classifier that
judges whether a generated text has the wanted attribute is the usual automatic measure of control (Hu et al., ICML
2017, "Toward controlled generation of text"; Dathathri et al., ICLR 2020).
"""

from collections.abc import Sequence

import numpy as np

from metrics.metric import Metric
from metrics.response.repetition import share
from metrics.response.response_data import ResponseData, Strategies
from metrics.statistics.estimate import ratio


def adherence(data: ResponseData) -> np.ndarray:
    """Texts of each response that are tagged as planned, and its texts. Shape: (N, 2)."""
    return _tagged(data, data.texts, data.strategies)


def gold_adherence(data: ResponseData) -> np.ndarray:
    """The same of the corpus's texts under their annotated strategies. Shape: (N, 2)."""
    return _tagged(data, data.gold_texts, data.gold_strategies)


def both(data: ResponseData) -> np.ndarray:
    """Both side by side. Shape: (N, 4)."""
    return np.concatenate([adherence(data), gold_adherence(data)], axis=1)


def _tagged(data: ResponseData, texts: Sequence[Sequence[str]] | None, strategies: Strategies | None) -> np.ndarray:
    if data.tagger is None or texts is None or strategies is None:
        raise ValueError("adherence needs texts, their strategies and a tagger")
    tags = np.asarray(data.tagger([text for part in texts for text in part]))
    right = tags == np.array([strategy for part in strategies for strategy in part], np.int64)
    lengths = np.array([len(part) for part in texts], np.int64)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    return np.stack([np.bincount(owner, right, minlength=len(lengths)), lengths], axis=1).astype(np.float64)


def _ratio(sums: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Formula of the ratio; undefined (NaN) where no text of the corpus is tagged as annotated."""
    own, gold = (ratio(sums[:, at], sums[:, at + 1], empty=0.0) for at in (0, 2))
    return ratio(own, gold, empty=np.nan)


METRICS = (
    Metric(
        "adherence",
        "Adherence",
        "texts whose tagged strategy is the planned one, %",
        protocols=("text",),
        requires="tagger strategies",
        responses=adherence,
        formula=share,
    ),
    Metric(
        "adherence_gold",
        "Adh. gold",
        "the corpus's texts whose tagged strategy is the annotated one, %",
        better="",
        protocols=("text",),
        requires="tagger gold_texts gold_strategies",
        responses=gold_adherence,
        formula=share,
    ),
    Metric(
        "adherence_ratio",
        "Adh./gold",
        "adherence as a share of the corpus's own",
        protocols=("text",),
        requires="tagger strategies gold_texts gold_strategies",
        responses=both,
        formula=_ratio,
    ),
)
