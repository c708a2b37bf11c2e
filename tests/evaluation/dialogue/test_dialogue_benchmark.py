"""Conversations played to their ends and scored; the same whoever plays; tricks are found."""

import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from corpus.strategy import Strategy
from env.conversation import Conversation, ConversationStatus, DialogueRules
from env.rewards import DialogueRewardWeights
from evaluation.dialogue.benchmark import DialogueBenchmark, benchmark_dialogues
from evaluation.dialogue.policies import GOLD, SHUFFLED, FixedPolicy
from evaluation.dialogue.rollout import DialogueWorld, roll_out
from evaluation.dialogue.workers import WorkerPool
from tests.env.dialogue_tasks import PROFILES, VarietySeeker
from tests.evaluation.dialogue.dialogue_worlds import VarietyWorld

FEW = VarietyWorld(constants=False)


def benchmark(recipe: VarietyWorld = FEW, *, workers: str = "1", seeds: int = 2, seed: int = 3) -> DialogueBenchmark:
    return benchmark_dialogues(
        recipe, seeds=seeds, seed=seed, split="valid", data="invented", workers=WorkerPool.parse(workers), samples=50
    )


def test_roll_out_by_hand() -> None:
    played = roll_out(
        PROFILES, FixedPolicy(Strategy.QUESTION, Strategy.OTHERS), seeker=VarietySeeker(), responder=None,
        rules=DialogueRules(max_turns=3), rng=np.random.default_rng(0),
    )  # fmt: skip
    # 5, 4, 3 and 2 fall by 0.75 a turn: to 2.75 in three turns, 1.75 in three, 1.5 in two, 1.25 in one
    assert [one.outcome for one in played] == [ConversationStatus.OUT_OF_TURNS] + [ConversationStatus.SUCCESS] * 3
    assert [one.conversation.intensities for one in played] == [
        [5, 4.25, 3.5, 2.75],
        [4, 3.25, 2.5, 1.75],
        [3, 2.25, 1.5],
        [2, 1.25],
    ]
    assert played[2].conversation.plans == [(Strategy.QUESTION,), (Strategy.OTHERS,)]
    scored = played[2].scored()
    assert (scored.success, scored.gave_up, scored.plans, scored.feedbacks) == (True, False, ((0,), (7,)), (5, 5))


class Nothing(FixedPolicy):
    """Plans nothing."""

    def plans(self, conversations: Any, *, rng: np.random.Generator) -> list[tuple[Strategy, ...]]:
        return [()] * len(conversations)


def test_a_policy_without_a_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 4 plans that are not empty, got 4, 4 of them empty"):
        roll_out(
            PROFILES, Nothing(Strategy.OTHERS), seeker=VarietySeeker(), responder=None, rules=DialogueRules(),
            rng=np.random.default_rng(0),
        )  # fmt: skip


def test_scores_are_those_of_the_conversations() -> None:
    found = benchmark(VarietyWorld())
    assert len(found.result.systems) == 4 + 36
    for name, runs in found.played.items():
        success = [[one.outcome is ConversationStatus.SUCCESS for one in run] for run in runs]
        scores = found.result.systems[name]
        assert scores["success_rate"].value == pytest.approx(100 * np.mean(success))
        assert scores["success_rate"].runs == 2
        drops = [one.conversation.intensities[0] - one.conversation.intensities[-1] for run in runs for one in run]
        assert scores["intensity_drop"].value == pytest.approx(np.mean(drops))
        assert found.success_curve(name)[-1] == scores["success_rate"]
        assert found.trajectory(name)[0].value == np.mean([one.intensity for one in found.world.profiles])
    # A constant bores this seeker: it gives up at the third turn, unless it was helped in the first.
    assert found.result.systems["always Question"]["gave_up_rate"].value == 80


def test_result() -> None:
    result = benchmark().result
    assert (result.command, result.protocol, result.split, result.n) == ("dialogue", "dialogue", "valid", 5)
    assert result.signature == (
        "protocol:dialogue|turns:6|at:failures-count-maximum|trajectory:last-carried-forward|"
        "bias:bradley-terry-20-against-esconv-shares|entropy:bits|bootstrap:seeker-50|seeker:variety-1|responder:none|"
        "rules:relieved-2-fall-0.5|data:invented|split:valid|seekers:5|seeds:2|seed:3|version:1"
    )
    assert result.details["by_problem"]["work"]["seekers"] == 2
    assert list(result.details["by_problem"]) == ["family", "work"]
    flow = np.array(result.details["strategy_flow"][GOLD])
    # Turn 1 of gold: Question, Question -> Restatement, Self-disclosure, Suggestions, Question
    assert flow[0].tolist() == [3, 1, 0, 1, 0, 1, 0, 0]
    assert result.details[f"differences_to_{GOLD}"].keys() == {SHUFFLED, "random", "markov"}


def test_planners_that_were_rewarded_differently_each_have_their_weights() -> None:
    class Rewarded(VarietyWorld):
        def open(self) -> DialogueWorld:
            weights = {"a": DialogueRewardWeights(), "b": DialogueRewardWeights(fall=2.0)}
            return replace(super().open(), rewards=weights)

    details = benchmark(Rewarded(constants=False)).result.details
    assert details["rules"] == {"max_turns": 6, "relieved": 2.0, "least_fall": 0.5}
    assert {name: weights["fall"] for name, weights in details["rewards"].items()} == {"a": 1.0, "b": 2.0}


def played(found: DialogueBenchmark) -> dict[str, list[Conversation]]:
    return {name: [one.conversation for run in runs for one in run] for name, runs in found.played.items()}


def test_seed_decides_everything() -> None:
    assert played(benchmark()) == played(benchmark())
    assert played(benchmark()) != played(benchmark(seed=4))


def test_two_processes_find_the_same_as_one() -> None:
    alone, together = benchmark(), benchmark(workers="2")
    assert played(together) == played(alone)
    assert replace(together.result, seconds=0) == replace(alone.result, seconds=0)


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="optional: ray is not installed")
def test_two_ray_workers_find_the_same_as_one() -> None:
    import ray

    try:
        together = benchmark(workers="ray:2")
    finally:
        ray.shutdown()
    assert played(together) == played(benchmark())
    assert replace(together.result, seconds=0) == replace(benchmark().result, seconds=0)


def test_without_ray_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(ValueError, match="workers: Ray is not installed, expected: pip install ray"):
        benchmark(workers="ray")


@pytest.mark.parametrize("text", ["0", "-1", "many", "ray://", "ray:x", "ray:0", ""])
def test_wrong_workers_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="workers: got"):
        WorkerPool.parse(text)


@pytest.mark.parametrize(
    ("text", "workers"),
    [("3", WorkerPool(3)), ("ray:2", WorkerPool(2, ray="")), ("ray://head:1", WorkerPool(1, ray="ray://head:1"))],
)
def test_workers_are_read(text: str, workers: WorkerPool) -> None:
    assert WorkerPool.parse(text) == workers


def test_a_trick_is_found() -> None:
    # Alternating is all that this seeker asks for; the gold replay repeats a strategy in one dialogue.
    exploits = benchmark(VarietyWorld()).exploits
    assert any(line.startswith("Question / Others is ahead of gold replay: SR +") for line in exploits)
    assert not any(line.startswith("always") for line in exploits)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="seeds: got 0, expected at least 1"):
        benchmark(seeds=0)
    world = FEW.open()
    with pytest.raises(ValueError, match="two policies are called 'gold replay'"):
        replace(world, policies=(world.policies[0], world.policies[0]))
    with pytest.raises(ValueError, match="no policy 'mine' among gold replay"):
        replace(world, own=("mine",))
    two = replace(world, seekers=(VarietySeeker(1), VarietySeeker(2)))
    assert [two.seeker(run).phrases for run in range(2)] == [1, 2]
    with pytest.raises(ValueError, match="run 3: there are seekers for 2 runs"):
        two.seeker(2)
    with pytest.raises(ValueError, match="nothing to play: 0 profiles, 4 policies"):
        replace(world, profiles=())
