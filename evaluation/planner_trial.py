"""A trial: how a planner in training fares in conversations with a few seekers, always the same ones from one seed."""

from collections.abc import Sequence

import numpy as np

from env.dialogue_rules import DialogueRules
from env.seeker import Seeker, SeekerProfile
from evaluation.dialogue_policies import PlannerPolicy
from evaluation.dialogue_rollout import roll_out
from metrics.bootstrap import tally_values
from metrics.dialogue_scores import dialogue_tally, strategy_use_tally
from planner.strategy_planner import StrategyPlanner

_KEPT = ("success_rate", "average_turns", "intensity_drop", "gave_up_rate", "plan_length")


class PlannerTrial:
    """Judges planners, one after the other.

    Args:
        profiles: Seekers.
        seeker: Answers for them.
        rules: When a conversation ends.
        trials: Conversations with each seeker.
        seed: Every planner meets the same randomness.
    """

    def __init__(
        self, profiles: Sequence[SeekerProfile], seeker: Seeker, *, rules: DialogueRules, trials: int, seed: int
    ) -> None:
        self._profiles = tuple(profiles) * trials
        self._seeker = seeker
        self._rules = rules
        self._seed = seed

    def __call__(self, planner: StrategyPlanner) -> dict[str, float]:
        """Plays and scores.

        Returns:
            ``success_rate``, ``average_turns``, ``intensity_drop``, ``gave_up_rate``, ``plan_length``, and of the drawn
            strategies ``entropy`` (bits) and ``preference_bias``; see :mod:`metrics.dialogue_scores`.
        """
        played = roll_out(
            self._profiles,
            PlannerPolicy(planner),
            seeker=self._seeker,
            responder=None,
            rules=self._rules,
            rng=np.random.default_rng(self._seed),
        )
        outcomes = [one.scored() for one in played]
        together = np.zeros(len(outcomes), np.int64)
        scores = tally_values(dialogue_tally(outcomes, together, max_turns=self._rules.max_turns))
        return {name: scores[name] for name in _KEPT} | tally_values(strategy_use_tally(outcomes, together))
