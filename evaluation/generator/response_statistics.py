"""From generated responses to scores: one way for an evaluation that just ran and for one that was kept.

Perplexity is of the gold texts and the same whatever was sampled: it is computed once. Everything else is computed for
every sampling run and shown as the mean over them, with its spread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluation.generator.responses import GeneratedResponse, Loss
from evaluation.generator.setting import GeneratorSetting
from metrics.statistics.bootstrap import Tally, estimates
from metrics.statistics.estimate import Estimate
from metrics.statistics.jackknife import LeftOut, run_mean
from metrics.statistics.run_mean import joined_tally, mean_tally
from metrics.strategy.plans import plan_tally
from metrics.text.perplexity import perplexity_tally
from metrics.text.scores import TextStatistics, text_estimates, text_statistics

# The strategies that were written against gold: columns of Zhu et al. 2026 (arXiv 2604.17972).
WRITTEN_PLAN = ("emr", "lr", "emr_multi", "multi_rate")
CHOSEN = (
    "joint",
    "planner",
)  # plan sources whose plans are a prediction; oracle has them from gold, random from chance
WITH_STRATEGY = "_with_strategy"  # ends the names of perplexities in which strategy tokens count too


@dataclass(frozen=True, eq=False)
class ResponseStatistics:
    """All that the metrics of one evaluation depend on.

    Attributes:
        perplexity: Of the gold responses.
        runs: Of the texts, and of the plans where those are scored, one a sampling run.
    """

    perplexity: Tally
    runs: tuple[TextStatistics, ...]

    def estimates(self, *, seed: int, samples: int) -> dict[str, Estimate]:
        """Every metric with its interval; all see the same resamples."""
        scores = estimates(self.perplexity, rng=np.random.default_rng(seed), samples=samples)
        return scores | text_estimates(self.runs, rng=np.random.default_rng(seed), samples=samples)

    @property
    def tally(self) -> Tally:
        """All that is bootstrapped, means over the runs."""
        return joined_tally([self.perplexity, mean_tally([run.tally for run in self.runs])])

    @property
    def distinct(self) -> dict[str, LeftOut]:
        """All that is jackknifed, means over the runs."""
        return {metric: run_mean([run.distinct[metric] for run in self.runs]) for metric in self.runs[0].distinct}


def response_statistics(responses: Sequence[GeneratedResponse], *, setting: GeneratorSetting) -> ResponseStatistics:
    """Statistics of all responses of an evaluation.

    Args:
        responses: All sampling runs', each run with the same items in the same order.
        setting: How they were written.

    Raises:
        ValueError: No responses, or the runs are not of the same items.
    """
    by_run: dict[int, list[GeneratedResponse]] = {}
    for one in responses:
        by_run.setdefault(one.run, []).append(one)
    if sorted(by_run) != list(range(setting.seeds)):
        raise ValueError(f"got responses of {len(by_run)} sampling runs, expected {setting.seeds}, numbered from 0")
    first = by_run[0]
    gold = [(one.unit, one.response, one.gold_strategies) for one in first]
    for number, run in by_run.items():
        if [(one.unit, one.response, one.gold_strategies) for one in run] != gold:
            raise ValueError(f"sampling run {number} is not of the same items as run 0")
    return ResponseStatistics(_perplexity(first), tuple(_texts(by_run[number], setting) for number in sorted(by_run)))


def _perplexity(responses: Sequence[GeneratedResponse]) -> Tally:
    units = _units(responses)
    kinds: Mapping[str, list[Loss | None]] = {
        "": [one.loss for one in responses],
        WITH_STRATEGY: [one.loss_with_strategy for one in responses],
    }
    tallies = []
    for suffix, losses in kinds.items():
        known = [loss for loss in losses if loss is not None]
        if known and len(known) != len(losses):
            raise ValueError(f"{len(losses) - len(known)} of {len(losses)} responses lack their loss{suffix}")
        if known:
            nats, tokens = [loss.nats for loss in known], [loss.tokens for loss in known]
            tallies.append(perplexity_tally(nats, tokens, units, suffix=suffix))
    return joined_tally(tallies)


def _texts(responses: Sequence[GeneratedResponse], setting: GeneratorSetting) -> TextStatistics:
    names = list(responses[0].scores)
    if any(list(one.scores) != names for one in responses):
        raise ValueError("the responses do not all have the same scores")
    statistics = text_statistics(
        [one.generation for one in responses],
        [one.response for one in responses],
        _units(responses),
        response_scores={name: [one.scores[name] for one in responses] for name in names},
    )
    if setting.unit != "turn" or setting.plan not in CHOSEN:
        return statistics
    gold = [tuple(int(strategy) for strategy in one.gold_strategies) for one in responses]
    written = [tuple(int(strategy) for strategy in one.strategies if strategy is not None) for one in responses]
    plans = plan_tally(gold, written, _units(responses))

    def formula(sums: np.ndarray) -> dict[str, np.ndarray]:
        scores = plans.formula(sums)
        return {metric: scores[metric] for metric in WRITTEN_PLAN}

    return replace(statistics, tally=joined_tally([statistics.tally, replace(plans, formula=formula)]))


def _units(responses: Sequence[GeneratedResponse]) -> np.ndarray:
    return np.array([one.unit for one in responses], dtype=np.int64)
