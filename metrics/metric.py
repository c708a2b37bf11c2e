"""The record of a metric (name, label, formula), and the registry that finds every metric in its folder.

Every module of ``metrics/strategy``, ``metrics/text`` and ``metrics/response`` may hold ``METRICS``, a tuple of
:class:`Metric`. To add a metric is to add such a module: it is then scored with its interval wherever its protocol is
(message, turn, text), and tables show it under its label. Metrics of whole conversations are sums over conversations,
in ``metrics/strategy/dialogues.py`` alone.
"""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

import metrics.response
import metrics.strategy
import metrics.text
from metrics.statistics.bootstrap import Tally, dialogue_index, dialogue_totals
from metrics.statistics.jackknife import LeftOut

PROTOCOLS = ("message", "turn", "text", "dialogue")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Most are a formula over sums of statistics of single items, so that a corpus and its thousand resamples go through
    the same lines. An item is a pair: of plans, gold and predicted (a message is a plan of one strategy), or of texts
    as tokens, hypothesis and reference. A metric of texts that asks for more (histories, sentence vectors) computes its
    statistics in ``responses``. Metrics with none of these functions only have their name here: a function of their
    module computes them.

    Attributes:
        name: Key in JSON results.
        label: Column heading.
        meaning: One line with the unit.
        better: ``higher``, ``lower``, or empty where neither is better by itself (a length, a rate).
        decimals: Digits after the point.
        protocols: Where it is scored, of :data:`PROTOCOLS`.
        requires: What must be given beside the pairs, separated by blanks: ``vectors`` (the statistics are then those
            of word vectors), or attributes of :class:`metrics.response.response_data.ResponseData`.
        statistics: (gold, predicted) or (hypothesis, reference) of one item -> k numbers that are summed over items.
            Metrics with the same function share the sums.
        responses: Instead, of texts: a :class:`metrics.response.response_data.ResponseData` -> (N, k) such numbers.
        formula: Sums (R, k) over items and numbers of items (R,) -> the metric of each resample (R,); NaN: undefined.
        left_out: Instead, for what a bootstrap misleads about: hypotheses and (N,) the positions of their dialogues ->
            the metric, 0..100, with each dialogue left out.
    """

    name: str
    label: str
    meaning: str
    better: str = "higher"
    decimals: int = 2
    protocols: tuple[str, ...] = ()
    requires: str = ""
    statistics: Callable[[Any, Any], Sequence[float]] | None = None
    responses: Callable[[Any], np.ndarray] | None = None
    formula: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    left_out: Callable[[Sequence[Any], np.ndarray], LeftOut] | None = None

    def __post_init__(self) -> None:
        if self.better not in {"higher", "lower", ""}:
            raise ValueError(f"metric {self.name}: better is {self.better!r}, expected 'higher', 'lower' or ''")
        if not self.protocols or not set(self.protocols) <= set(PROTOCOLS):
            raise ValueError(f"metric {self.name}: protocols {self.protocols}, expected some of {', '.join(PROTOCOLS)}")
        if (self.statistics is None and self.responses is None) != (self.formula is None):
            raise ValueError(f"metric {self.name}: statistics and formula, expected both or neither")
        if self.responses is not None and not self.requires:
            raise ValueError(f"metric {self.name}: requires is empty, expected what its responses must have")


def mean(sums: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Formula of a mean over items."""
    return sums[:, 0] / items


def percent(sums: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Formula of a mean over items, in percent."""
    return 100.0 * sums[:, 0] / items


def all_metrics() -> dict[str, Metric]:
    """Every metric by its name, in the order of folders and modules.

    Raises:
        ValueError: Two metrics have one name.
    """
    found: dict[str, Metric] = {}
    for package in (metrics.strategy, metrics.text, metrics.response):
        for module in pkgutil.iter_modules(package.__path__):
            for metric in getattr(importlib.import_module(f"{package.__name__}.{module.name}"), "METRICS", ()):
                if metric.name in found:
                    raise ValueError(f"metric {metric.name}: two modules have one of this name")
                found[metric.name] = metric
    return found


def metrics_of(protocol: str) -> tuple[Metric, ...]:
    """The metrics of one of :data:`PROTOCOLS`."""
    return tuple(metric for metric in all_metrics().values() if protocol in metric.protocols)


def metric_tally(
    scored: Sequence[Metric], pairs: Sequence[tuple[Any, Any]], dialogue: Sequence[int] | np.ndarray
) -> Tally:
    """Each dialogue's sums of all that the metrics depend on.

    Args:
        scored: Metrics with statistics.
        pairs: N items.
        dialogue: (N,) the dialogue number of every item; what is resampled.

    Raises:
        ValueError: Nothing to score, or not one dialogue number for each item.
    """
    dialogues, position = dialogue_index(dialogue, items=len(pairs))
    functions = list(dict.fromkeys(metric.statistics for metric in scored if metric.statistics is not None))
    place: dict[tuple[Any, Any], int] = {}  # pairs repeat, those of plans a lot: each is computed once
    places = [place.setdefault(pair, len(place)) for pair in pairs]
    blocks = [
        np.array([function(*pair) for pair in place], np.float64).reshape(len(place), -1) for function in functions
    ]
    ends = accumulate((block.shape[1] for block in blocks), initial=1)
    columns = {function: slice(*span) for function, span in zip(functions, pairwise(ends), strict=True)}
    statistics = np.concatenate([np.ones((len(place), 1)), *blocks], axis=1)

    def formula(sums: np.ndarray) -> dict[str, np.ndarray]:
        items = sums[:, 0]
        return {
            metric.name: metric.formula(sums[:, columns[metric.statistics]], items)
            for metric in scored
            if metric.statistics is not None and metric.formula is not None
        }

    return Tally(dialogues, dialogue_totals(statistics[places], position), formula)
