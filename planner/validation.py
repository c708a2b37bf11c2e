"""Validation data, encoded once: it fits the decision rule and chooses between candidates."""

from collections.abc import Sequence

import numpy as np

from corpus.dialogue import Dialogue, message_view
from corpus.strategy import Strategy
from env.turn_task import TurnTask
from metrics.confusion import confusion_f1, preference_bias
from metrics.edit_distance import levenshtein_ratio
from planner.class_offsets import fit_offsets
from planner.decisions import Decisions
from planner.strategy_planner import StrategyPlanner

_FOLDS = 10
_SMALLEST = 1e-12  # probability below which a logarithm is cut


class ValidationSet:
    """Validation decisions and turns.

    Args:
        dialogues: The validation dialogues.
        decisions: Their decisions.
        turns: Their turns.
    """

    def __init__(self, dialogues: Sequence[Dialogue], decisions: Decisions, turns: TurnTask) -> None:
        count = decisions.utterances
        order = {id(dialogue): number for number, dialogue in enumerate(dialogues)}
        self._turns = turns
        self._history = decisions.history[decisions.row[:count]]
        self._slots = decisions.slots[:count]
        self._gold = decisions.decision[:count]
        self._dialogue = np.array([order[id(utterance.dialogue)] for utterance in message_view(list(dialogues))])

    def fit_offsets(self, planner: StrategyPlanner) -> StrategyPlanner:
        """The planner with its offsets fitted here."""
        return planner.with_offsets(fit_offsets(self._log_probabilities(planner), self._gold))

    def scores(self, planner: StrategyPlanner) -> dict[str, float]:
        """Turn protocol: ``lr``, ``emr``, ``multi_rate``; and :meth:`message_scores`. Percentages but for the bias."""
        plans = [tuple(int(s) for s in plan.strategies) for plan in planner.plans_of_encoded(self._turns.history)]
        pairs = list(zip(plans, self._turns.golds, strict=True))
        return {
            "lr": 100 * float(np.mean([levenshtein_ratio(plan, gold) for plan, gold in pairs])),
            "emr": 100 * float(np.mean([plan == gold for plan, gold in pairs])),
            "multi_rate": 100 * float(np.mean([len(plan) > 1 for plan in plans])),
            **self.message_scores(planner),
        }

    def message_scores(self, planner: StrategyPlanner) -> dict[str, float]:
        """Message protocol with the planner's offsets: ``macro_f1``, ``weighted_f1``, ``preference_bias``."""
        shifted = self._log_probabilities(planner) + np.array(planner.settings.offsets)
        return self._f1(shifted.argmax(axis=1))

    def cross_fitted(self, planner: StrategyPlanner, *, rng: np.random.Generator) -> dict[str, float]:
        """:meth:`message_scores` with the offsets of each tenth of the dialogues fitted on the other nine.

        What the offsets are worth on dialogues that did not choose them.
        """
        log_probabilities = self._log_probabilities(planner)
        fold_of_dialogue = rng.permutation(self._dialogue.max() + 1) % _FOLDS
        fold = fold_of_dialogue[self._dialogue]
        predicted = np.zeros(len(fold), np.int64)
        for held_out in np.unique(fold):
            here = fold == held_out
            others = slice(None) if here.all() else ~here
            offsets = fit_offsets(log_probabilities[others], self._gold[others])
            predicted[here] = (log_probabilities[here] + offsets).argmax(axis=1)
        return self._f1(predicted)

    def _log_probabilities(self, planner: StrategyPlanner) -> np.ndarray:
        return np.log(planner.decision_probabilities(self._history, self._slots) + _SMALLEST)

    def _f1(self, predicted: np.ndarray) -> dict[str, float]:
        table = np.zeros((len(Strategy), len(Strategy)))
        np.add.at(table, (self._gold, predicted), 1)
        f1 = confusion_f1(table)
        return {
            "macro_f1": 100 * float(f1.mean()),
            "weighted_f1": 100 * float((f1 * table.sum(axis=1)).sum() / len(predicted)),
            "preference_bias": float(preference_bias(table)),
        }
