"""What training in conversations makes of a planner: scores while it trains, and before against after.

While it trains, a planner is scored with a few seekers that are always the same (:class:`PlannerTrial`). Afterwards the
planners before and after talk to new seekers and predict real messages, with paired differences.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from corpus.dialogue import Dialogue, message_view
from env.conversation import DialogueRules, Seeker, SeekerProfile, seeker_profiles
from evaluation.dialogue.benchmark import benchmark_dialogues, conversation_tally
from evaluation.dialogue.policies import PlannerPolicy
from evaluation.dialogue.rollout import DialogueWorld, roll_out
from evaluation.dialogue.workers import WorkerPool
from evaluation.differences import difference_cell, differences_json, differences_to_reference
from evaluation.planner.messages import benchmark_messages
from evaluation.planner.setup import BenchmarkSetup
from evaluation.report.tables import Column, Row, Table, to_text
from evaluation.result import EvaluationResult, estimate_cell, metric_columns
from metrics.statistics.bootstrap import mean_tally, tally_values
from metrics.statistics.estimate import Difference, Estimate
from metrics.strategy.dialogues import dialogue_tally, strategy_use_tally
from planner.planner import StrategyPlanner

BEFORE, AFTER = "before", "after"
_IN_CONVERSATIONS = ("success_rate", "average_turns", "intensity_drop", "gave_up_rate", "plan_length")
_OF_STRATEGIES = ("preference_bias", "entropy")
_ON_MESSAGES = ("macro_f1", "weighted_f1", *_OF_STRATEGIES)
_SHOWN = (*_IN_CONVERSATIONS, *_OF_STRATEGIES)
_LABELS = {"plan_length": "Strategies a turn"}
_SAMPLES = 1000


class PlannerTrial:
    """Scores planners in conversations with the same seekers, one planner after the other.

    Args:
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
            ``success_rate``, ``average_turns``, ``intensity_drop``, ``gave_up_rate``, ``plan_length``, and of the
            sampled strategies ``entropy`` (bits) and ``preference_bias``; see :mod:`metrics.strategy.dialogues`.
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
        return {name: scores[name] for name in _IN_CONVERSATIONS} | tally_values(strategy_use_tally(outcomes, together))


def compare_before_after(
    before: StrategyPlanner,
    after: StrategyPlanner,
    dialogues: Sequence[Dialogue],
    *,
    seeker: Seeker,
    rules: DialogueRules,
    seeds: int,
    seed: int,
    split: str,
    data: str,
) -> dict[str, Any]:
    """Lets both planners talk to the seekers of the dialogues and predict the dialogues' own messages.

    Args:
        dialogues: Of a split that neither the training nor its checkpoint selection used.
        seeds: Conversations of each planner with each seeker.
        data: What identifies the data in the signatures.

    Returns:
        Ready for JSON: ``conversations`` and ``messages``, each with ``signature``, ``n``, ``systems`` (before, after)
        and ``differences`` (after minus before; ``value``, ``low``, ``high``, ``p``).
    """
    planners = [_named(before, BEFORE), _named(after, AFTER)]
    profiles = tuple(seeker_profiles(dialogues))
    world = DialogueWorld(
        profiles, (seeker,), tuple(PlannerPolicy(planner) for planner in planners), own=(BEFORE, AFTER), rules=rules
    )
    played = benchmark_dialogues(
        world, seeds=seeds, seed=seed, split=split, data=data, workers=WorkerPool(), samples=_SAMPLES
    )
    turns = range(1, rules.max_turns + 1)
    tallies = {
        name: mean_tally([conversation_tally(run, max_turns=rules.max_turns) for run in runs])
        for name, runs in played.played.items()
    }
    talked = differences_to_reference(
        tallies, [AFTER], reference=BEFORE, metrics=(*_SHOWN, *(f"success_at_{turn}" for turn in turns)), seed=seed,
        samples=_SAMPLES,
    )  # fmt: skip
    setup = BenchmarkSetup(split, data, trained=tuple(planners), reference=BEFORE, samples=_SAMPLES)
    messages = benchmark_messages(setup, message_view(dialogues), rng=np.random.default_rng(seed))
    return {
        "conversations": _as_json(played.result) | {"differences": differences_json(talked)[AFTER]},
        "messages": _as_json(messages.result) | {"differences": differences_json(messages.differences)[AFTER]},
    }


def training_text(training: Mapping[str, Any]) -> str:
    """Speed of a training, where its time went, and which checkpoint was selected."""
    shares, selected, start = training["time_shares"], training["kept"], training["start"]
    speed = (
        f"PPO: {training['steps']:,} steps, {training['steps_per_second']:,.0f} a second with validation and saving; "
        f"the rest: policy {shares['policy']:.0f} %, environment {shares['environment']:.0f} % (encoding of "
        f"histories: {shares['encoding']:.0f} %); KL divergence from the start {training['divergence']:.3f} nats a step"
    )
    choice = f"selected: the checkpoint after {training['kept_step']:,} steps"
    if not training["kept_step"]:
        choice = "selected: the start, no checkpoint within the limits was better"
    scores = ", ".join(f"{name} {start[name]:.2f} -> {value:.2f}" for name, value in selected.items())
    return f"{speed}\n{choice} (held-out seekers, F1 on training turns: {scores})\n"


def before_after_text(compared: Mapping[str, Any]) -> str:
    """Tables of what :func:`compare_before_after` gave: before, after, difference."""
    talked, said = compared["conversations"], compared["messages"]
    curve = [metric for metric in talked["differences"] if metric.startswith("success_at_")]
    title = f"Conversations with {talked['n']} seekers of {talked['split']}; * where 0 is not in the interval"
    tables = [
        _table(talked, [*_SHOWN, *curve], title=title),
        _table(said, _ON_MESSAGES, title=f"{said['n']} real messages of {said['split']}"),
    ]
    return "\n".join(map(to_text, tables))


def _table(compared: Mapping[str, Any], metrics: Sequence[str], *, title: str) -> Table:
    rows = []
    for metric, column in zip(metrics, metric_columns(metrics), strict=True):
        scores = [Estimate.from_json(compared["systems"][name][metric]) for name in (BEFORE, AFTER)]
        difference = Difference.from_json(compared["differences"][metric])
        label = _LABELS.get(metric) or column.label.replace("success at ", "SR@")
        rows.append(Row.of(label, *(estimate_cell(metric, one) for one in scores), difference_cell(metric, difference)))
    columns = (Column("metric", "left"), Column(BEFORE), Column(AFTER), Column("difference"))
    return Table(columns, tuple(rows), title, (compared["signature"],))


def _as_json(result: EvaluationResult) -> dict[str, Any]:
    written = result.to_json()
    return {key: written[key] for key in ("split", "n", "signature", "seconds", "systems")}


def _named(planner: StrategyPlanner, name: str) -> StrategyPlanner:
    return planner.with_parts(planner.parts, name=name)
