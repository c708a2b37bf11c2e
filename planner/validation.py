"""Scores of a planner on decisions whose predictions are known: what selects checkpoints, and fits class offsets.

On training dialogues the predictions are out-of-fold, on validation dialogues they are those of all models.
"""

import numpy as np

from corpus.strategy import Strategy
from metrics.strategy.classification import confusion_f1, preference_bias
from metrics.strategy.edit_distance import levenshtein_ratio, levenshtein_ratio_table
from planner.decisions import Decisions
from planner.planner import StrategyPlanner
from planner.policy.class_offsets import fit_offsets

_SMALLEST = 1e-12  # probability below which a logarithm is cut


class PredictedSplit:
    """Messages and turns of some dialogues, with the predictions about them.

    Args:
        predictions: Of the decisions' histories. Shape: (U, S), float32.
    """

    def __init__(self, decisions: Decisions, predictions: np.ndarray) -> None:
        messages = slice(decisions.message_decisions)
        self.turn_predictions = predictions[decisions.openings]
        self.plans = decisions.plans
        self.reasoning = decisions.reasoning[decisions.openings]
        self._message_predictions = predictions[decisions.row[messages]]
        self._slots = decisions.slots[messages]
        self._gold = decisions.decision[messages]

    def fit_offsets(self, planner: StrategyPlanner) -> StrategyPlanner:
        """The planner with its class offsets fitted here."""
        return planner.with_offsets(fit_offsets(self._log_probabilities(planner), self._gold))

    def scores(self, planner: StrategyPlanner) -> dict[str, float]:
        """Turn protocol, policy, reasoning, and message protocol (:meth:`message_scores`); shares in percent.

        ``lr``, ``emr``, ``emr_multi`` and ``multi_rate`` are of the plans the planner makes with its decoding.
        ``drawn_lr`` and ``drawn_emr`` are expected of a sampled plan, which is what PPO is rewarded for; ``entropy`` is
        the mean entropy of the distribution over plans (nats), which PPO may not collapse.
        """
        made = planner.plans_of_predictions(self.turn_predictions)
        pairs = [(tuple(int(s) for s in plan.strategies), gold) for plan, gold in zip(made, self.plans, strict=True)]
        multi_strategy = [plan == gold for plan, gold in pairs if len(gold) > 1]
        return {
            "lr": 100 * float(np.mean([levenshtein_ratio(plan, gold) for plan, gold in pairs])),
            "emr": 100 * float(np.mean([plan == gold for plan, gold in pairs])),
            "emr_multi": 100 * float(np.mean(multi_strategy)) if multi_strategy else 0.0,
            "multi_rate": 100 * float(np.mean([len(plan) > 1 for plan, _ in pairs])),
            **self._sampled(planner),
            **planner.reasoning_accuracy(self.turn_predictions, self.reasoning),
            **self.message_scores(planner),
        }

    def message_scores(self, planner: StrategyPlanner) -> dict[str, float]:
        """Message protocol with the planner's offsets: ``macro_f1``, ``weighted_f1``, ``preference_bias``."""
        predicted = (self._log_probabilities(planner) + np.array(planner.settings.offsets)).argmax(axis=1)
        table = np.zeros((len(Strategy), len(Strategy)))
        np.add.at(table, (self._gold, predicted), 1)
        f1 = confusion_f1(table)
        return {
            "macro_f1": 100 * float(f1.mean()),
            "weighted_f1": 100 * float((f1 * table.sum(axis=1)).sum() / len(predicted)),
            "preference_bias": float(preference_bias(table)),
        }

    def _sampled(self, planner: StrategyPlanner) -> dict[str, float]:
        probabilities = planner.plan_probabilities(self.turn_predictions)  # (T, plans)
        plans, distinct = planner.observer.codec.plans, sorted(set(self.plans))
        number = {gold: index for index, gold in enumerate(distinct)}
        gold = [number[plan] for plan in self.plans]
        ratios = levenshtein_ratio_table(distinct, plans)[gold]  # (T, plans)
        exact = ratios == 1
        return {
            "drawn_lr": 100 * float((probabilities * ratios).sum(axis=1).mean()),
            "drawn_emr": 100 * float((probabilities * exact).sum(axis=1).mean()),
            "entropy": -float((probabilities * np.log(probabilities + _SMALLEST)).sum(axis=1).mean()),
        }

    def _log_probabilities(self, planner: StrategyPlanner) -> np.ndarray:
        return np.log(planner.decision_probabilities(self._message_predictions, self._slots) + _SMALLEST)
