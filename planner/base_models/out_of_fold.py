"""Messages and turns with the beliefs about them: fits offsets, scores candidates."""

import numpy as np

from corpus.strategy import Strategy
from metrics.strategy.classification import confusion_f1, preference_bias
from metrics.strategy.edit_distance import levenshtein_ratio, levenshtein_ratio_table
from planner.base_models.decisions import Decisions
from planner.planner import StrategyPlanner
from planner.policy.decoding import fit_offsets

_SMALLEST = 1e-12  # probability below which a logarithm is cut


class OutOfFoldSplit:
    """Messages and turns of some dialogues, with what members and readers believe about them.

    Args:
        decisions: Of the dialogues.
        beliefs: About the decisions' histories. Shape: (U, S), float32.
    """

    def __init__(self, decisions: Decisions, beliefs: np.ndarray) -> None:
        messages = slice(decisions.utterances)
        self.turn_beliefs = beliefs[decisions.openings]
        self.plans = decisions.plans
        self.reasoning = decisions.reasoning[decisions.openings]
        self._message_beliefs = beliefs[decisions.row[messages]]
        self._slots = decisions.slots[messages]
        self._gold = decisions.decision[messages]

    def fit_offsets(self, planner: StrategyPlanner) -> StrategyPlanner:
        """The planner with its class offsets fitted here."""
        return planner.with_offsets(fit_offsets(self._log_probabilities(planner), self._gold))

    def scores(self, planner: StrategyPlanner) -> dict[str, float]:
        """Turn protocol, policy, reasoning, and message protocol (:meth:`message_scores`); shares in percent.

        ``lr``, ``emr``, ``emr_multi`` and ``multi_rate`` are of the plans the planner makes with its decoding.
        ``drawn_lr``, ``drawn_emr`` are expected of a plan drawn from its distribution, which is what PPO is paid for;
        ``entropy`` is that distribution's mean entropy (nats): what PPO may not collapse.
        """
        made = planner.plans_of_predictions(self.turn_beliefs)
        pairs = [(tuple(int(s) for s in plan.strategies), gold) for plan, gold in zip(made, self.plans, strict=True)]
        several = [plan == gold for plan, gold in pairs if len(gold) > 1]
        return {
            "lr": 100 * float(np.mean([levenshtein_ratio(plan, gold) for plan, gold in pairs])),
            "emr": 100 * float(np.mean([plan == gold for plan, gold in pairs])),
            "emr_multi": 100 * float(np.mean(several)) if several else 0.0,
            "multi_rate": 100 * float(np.mean([len(plan) > 1 for plan, _ in pairs])),
            **self._drawn(planner),
            **planner.reasoning_accuracy(self.turn_beliefs, self.reasoning),
            **self.message_scores(planner),
        }

    def _drawn(self, planner: StrategyPlanner) -> dict[str, float]:
        probabilities = planner.plan_probabilities(self.turn_beliefs)  # (T, plans)
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

    def _log_probabilities(self, planner: StrategyPlanner) -> np.ndarray:
        return np.log(planner.decision_probabilities(self._message_beliefs, self._slots) + _SMALLEST)
