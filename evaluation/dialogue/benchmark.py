"""Plays policies against a seeker simulator, scores them, and finds fixed rules that the simulator rewards too much."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from corpus.strategy import Strategy
from env.rewards import DialogueRewardWeights
from evaluation.dialogue.policies import GOLD, FixedPolicy
from evaluation.dialogue.rollout import (
    DialogueWorld,
    PlayedConversation,
    WorldRecipe,
    open_world,
    play_share,
    rollout_shares,
)
from evaluation.dialogue.workers import WorkerPool
from evaluation.differences import Differences, differences_json, differences_to_reference
from evaluation.result import EvaluationResult, heading
from metrics.statistics.bootstrap import Tally, joined_tally, mean_tally, run_estimates
from metrics.statistics.estimate import Estimate
from metrics.strategy.dialogues import dialogue_signature, dialogue_tally, strategy_use_tally

COMPARED = ("success_rate", "average_turns", "intensity_drop", "feedback")
_BEATEN_IN = ("success_rate", "intensity_drop")  # what a fixed rule must not be better in
_BLOCK = 256  # conversations side by side; part of what decides the result, so no setting

Played = tuple[tuple[PlayedConversation, ...], ...]


@dataclass(frozen=True)
class DialogueBenchmark:
    """Policies in conversations.

    Attributes:
        result: Scores of every policy; success by problem, strategy flow and differences in its details.
        world: What was played in.
        played: Policy -> for each seed its conversation with every profile. Length of each: S, each of P.
        differences: Every other policy against the first trained planner, or against the gold replay without one.
        by_problem: Problem type, the most frequent first -> policy -> scores on its seekers alone.
        exploits: A sentence for each fixed rule that is ahead of the gold replay or of a trained planner.
        seconds: Time of the conversations themselves; no part of the result.
    """

    result: EvaluationResult
    world: DialogueWorld
    played: Mapping[str, Played]
    differences: Differences
    by_problem: Mapping[str, Mapping[str, Mapping[str, Estimate]]]
    exploits: tuple[str, ...]
    seconds: float

    @property
    def turns(self) -> int:
        """Supporter turns of all conversations."""
        return sum(len(one.conversation.plans) for runs in self.played.values() for run in runs for one in run)

    @property
    def fixed(self) -> tuple[str, ...]:
        """Names of the fixed rules."""
        return fixed_names(self.world)

    @property
    def compared(self) -> tuple[str, ...]:
        """The systems of figures and further tables: trained planners, the ladder, and the best of the fixed rules."""
        others = [name for name in self.played if name not in (*self.world.own, *self.fixed)]
        best = sorted(self.fixed, key=lambda name: -self.result.systems[name]["success_rate"].value)[:1]
        return (*self.world.own, *others, *best)

    def strategy_flow(self, system: str) -> np.ndarray:
        """How often each strategy is used in each supporter turn, mean over seeds. Shape: (max_turns, 8)."""
        counts = np.zeros((self.world.rules.max_turns, len(Strategy)))
        for conversations in self.played[system]:
            for one in conversations:
                for turn, plan in enumerate(one.conversation.plans):
                    np.add.at(counts[turn], [int(strategy) for strategy in plan], 1)
        return counts / len(self.played[system])

    def trajectory(self, system: str) -> list[Estimate]:
        """Mean intensity after 0, 1, ... turns. Length: max_turns + 1."""
        scores = self.result.systems[system]
        return [scores[f"intensity_after_{turn}"] for turn in range(self.world.rules.max_turns + 1)]

    def success_curve(self, system: str) -> list[Estimate]:
        """SR@1, SR@2, ... Length: max_turns."""
        scores = self.result.systems[system]
        return [scores[f"success_at_{turn}"] for turn in range(1, self.world.rules.max_turns + 1)]


def benchmark_dialogues(
    recipe: WorldRecipe,
    *,
    seeds: int,
    seed: int,
    split: str,
    data: str,
    workers: WorkerPool,
    samples: int = 1000,
) -> DialogueBenchmark:
    """Plays every policy with every profile under every seed, and scores it.

    Args:
        seeds: S, conversations of each policy with each profile.
        split: For the result: where the profiles come from.
        data: What identifies the data in the signature, e.g. name and shortened fingerprint.
        workers: Processes that play; the result does not depend on them.

    Raises:
        ValueError: Fewer than 1 seed, or a policy, the seeker or the responder breaks its contract.
    """
    if seeds < 1:
        raise ValueError(f"seeds: got {seeds}, expected at least 1")
    began = time.perf_counter()
    world = open_world(recipe)
    shares = rollout_shares(recipe, world, seed=seed, runs=seeds, block=_BLOCK)
    opened = time.perf_counter()
    done = iter(workers.map(play_share, shares))
    seconds = time.perf_counter() - opened
    blocks = len(shares) // (len(world.policies) * seeds)
    played: dict[str, Played] = {
        policy.name: tuple(
            tuple(conversation for _ in range(blocks) for conversation in next(done)) for _ in range(seeds)
        )
        for policy in world.policies
    }
    longest = world.rules.max_turns
    runs = {
        name: [conversation_tally(run, max_turns=longest) for run in of_policy] for name, of_policy in played.items()
    }
    systems = {
        name: run_estimates(tallies, rng=np.random.default_rng(seed), samples=samples) for name, tallies in runs.items()
    }
    means = {name: mean_tally(tallies) for name, tallies in runs.items()}
    reference = next(iter(world.own), GOLD)
    differences = differences_to_reference(
        means, [name for name in means if name != reference], reference=reference, metrics=COMPARED, seed=seed,
        samples=samples,
    )  # fmt: skip
    exploits = find_exploits(world, means, seed=seed, samples=samples)
    signature = dialogue_signature(
        max_turns=longest,
        samples=samples,
        seeker=_field(world.seeker(0).signature),
        responder=_field(world.responder_name),
        rules=f"relieved-{world.rules.relieved:g}-fall-{world.rules.least_fall:g}",
        data=data,
        split=split,
        seekers=len(world.profiles),
        seeds=seeds,
        seed=seed,
    )
    result = EvaluationResult(
        "dialogue", "dialogue", split, len(world.profiles), signature, round(time.perf_counter() - began, 2), systems
    )
    by_problem = {
        problem: {name: problem_estimates(tallies, rows, seed=seed, samples=samples) for name, tallies in runs.items()}
        for problem, rows in problems(world).items()
    }
    benchmark = DialogueBenchmark(result, world, played, differences, by_problem, exploits, seconds)
    return replace(benchmark, result=replace(result, details=_details(benchmark)))


def _field(text: str) -> str:
    """A text as a field of a signature, which is made of colons and bars."""
    return text.replace(":", "=").replace("|", "/")


def conversation_tally(conversations: Sequence[PlayedConversation], *, max_turns: int) -> Tally:
    """All that conversations, one with each seeker, are scored in; the unit of the bootstrap is the seeker."""
    scored = [one.scored() for one in conversations]
    seekers = np.arange(len(scored))
    return joined_tally([dialogue_tally(scored, seekers, max_turns=max_turns), strategy_use_tally(scored, seekers)])


def fixed_names(world: DialogueWorld) -> tuple[str, ...]:
    """Names of the policies that are fixed rules, in order."""
    return tuple(policy.name for policy in world.policies if isinstance(policy, FixedPolicy))


def find_exploits(world: DialogueWorld, means: Mapping[str, Tally], *, seed: int, samples: int) -> tuple[str, ...]:
    """Fixed rules with a higher success rate or intensity fall than the gold replay or a trained planner.

    Returns:
        A line for each, with the differences, their intervals, and ``*`` where an interval leaves zero out. A rule
        without the star is named too: a simulator that rewards one trick needs repair even where the sample is small.
    """
    fixed = fixed_names(world)
    lines = []
    for better in (*world.own, *([GOLD] if GOLD in means else [])):
        found = differences_to_reference(means, fixed, reference=better, metrics=_BEATEN_IN, seed=seed, samples=samples)
        for name, metrics in found.systems.items():
            ahead = [
                f"{heading(metric)} +{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]{'*' if one.low > 0 else ''}"
                for metric, one in metrics.items()
                if one.value > 0
            ]
            if ahead:
                lines.append(f"{name} is ahead of {better}: {', '.join(ahead)}")
    return tuple(lines)


def problems(world: DialogueWorld) -> dict[str, np.ndarray]:
    """Problem type, the most frequent first -> rows of the profiles that have it."""
    names = np.array([profile.problem.lower() or "not given" for profile in world.profiles])
    kinds, counts = np.unique(names, return_counts=True)
    return {str(kinds[place]): np.flatnonzero(names == kinds[place]) for place in np.argsort(-counts, kind="stable")}


def problem_estimates(tallies: Sequence[Tally], rows: np.ndarray, *, seed: int, samples: int) -> dict[str, Estimate]:
    """Scores of one system, one tally a run, on some of the seekers alone."""
    part = [replace(tally, dialogues=tally.dialogues[rows], totals=tally.totals[rows]) for tally in tallies]
    scores = run_estimates(part, rng=np.random.default_rng(seed), samples=samples)
    return {metric: scores[metric] for metric in COMPARED}


def _details(benchmark: DialogueBenchmark) -> dict[str, Any]:
    rewards = benchmark.world.rewards
    # ``rules`` holds the reward weights too, where there is one set of them: programs rely on these keys.
    weights = set(rewards.values()) or {DialogueRewardWeights()}
    return {
        "seeker": benchmark.world.seeker(0).name,
        "rules": asdict(benchmark.world.rules) | (asdict(next(iter(weights))) if len(weights) == 1 else {}),
        **({"rewards": {name: asdict(of_one) for name, of_one in rewards.items()}} if rewards else {}),
        "by_problem": {
            problem: {
                "seekers": len(rows),
                "systems": {
                    name: {metric: one.as_json() for metric, one in scores.items()}
                    for name, scores in benchmark.by_problem[problem].items()
                },
            }
            for problem, rows in problems(benchmark.world).items()
        },
        "strategy_flow": {name: benchmark.strategy_flow(name).tolist() for name in benchmark.played},
        f"differences_to_{benchmark.differences.reference}": differences_json(benchmark.differences),
        "exploits": list(benchmark.exploits),
    }
