"""The reward terms against tables worked by hand; the weights; a term of one's own in turns and in dialogues."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from env.conversation import Conversation, ConversationStatus, SeekerReply
from env.dialogues import DialogueProcess
from env.environments import SupportEnv, SupportVectorEnv
from env.rewards import (
    DialogueRewardWeights,
    DialogueTurn,
    PlanTables,
    RewardWeights,
    TurnStep,
    balance_factors,
    equal_length,
    equal_plan,
    term,
)
from env.sb3 import BatchVecEnv
from env.turns import TurnProcess
from metrics.strategy.edit_distance import levenshtein_ratio, levenshtein_ratio_table
from tests.env.dialogue_tasks import PROFILES, dialogue_task
from tests.env.turn_tasks import CODECS, GOLDS, random_task

plans = st.lists(st.integers(0, 7), max_size=3).map(tuple)
golds = st.lists(st.integers(0, 7), min_size=1, max_size=7).map(tuple)
SETTINGS = settings(max_examples=100, deadline=None)


def paid(before: tuple[int, ...], after: tuple[int, ...], gold: tuple[int, ...], *, complete: bool) -> dict[str, float]:
    """Every term of one step at weight 1."""
    codec = CODECS[3]
    step = TurnStep(
        tables=PlanTables([gold], codec=codec),
        turn=np.array([0]),
        before=codec.code(codec.slots(before)[None]),
        after=codec.code(codec.slots(after)[None]),
        complete=np.array([complete]),
        right_reasoning=np.array([0]),
    )
    weighted = RewardWeights(similarity=1, stop=1, reasoning=1, exact=1).weighted(step)
    return {name: float(value[0]) for name, value in weighted.items()}


@pytest.mark.parametrize(
    ("plan", "gold", "similarity", "stop", "exact"),
    [
        ((3,), (3,), 1.0, 1, 1),
        ((4,), (3,), 0.0, 1, 0),  # it stops where the gold plan does, with another strategy
        ((), (3,), 0.0, 0, 0),
        ((0,), (0, 4), 1 / 2, 0, 0),  # one missing of two
        ((4,), (0, 4), 1 / 2, 0, 0),
        ((0, 4), (0, 4), 1.0, 1, 1),
        ((4, 0), (0, 4), 0.0, 1, 0),  # two replaced of two
        ((0, 0, 4), (0, 4), 2 / 3, 0, 0),  # one too many of three
        ((2, 2), (2, 2, 5), 2 / 3, 0, 0),
        ((0, 1, 2), (0, 1, 2, 3), 3 / 4, 1, 1),  # similarity counts the whole gold plan, the others cut it at three
        ((2, 3, 4), (1, 2, 3, 4, 5), 3 / 5, 1, 0),
        ((0, 4), (0, 4, 2, 2), 1 / 2, 0, 0),
    ],
)
def test_whole_plans_by_hand(plan: tuple, gold: tuple, similarity: float, stop: float, exact: float) -> None:
    expected = {"similarity": similarity, "stop": stop, "reasoning": 0.0, "exact": exact}
    assert paid((), plan, gold, complete=True) == pytest.approx(expected)
    assert paid((), plan, gold, complete=False) == pytest.approx(expected | {"stop": 0.0, "exact": 0.0})


def test_gain_by_hand() -> None:
    for before, after, gold, gain in (
        ((), (0,), (0, 4), 1 / 2),
        ((0,), (0, 4), (0, 4), 1 / 2),
        ((3,), (3, 3), (3,), -1 / 2),
        ((3,), (3,), (3,), 0.0),  # STOP adds no strategy
    ):
        assert paid(before, after, gold, complete=False)["similarity"] == pytest.approx(gain)


@SETTINGS
@given(plans, golds)
def test_gains_add_up_to_the_metric(plan: tuple[int, ...], gold: tuple[int, ...]) -> None:
    gains = [paid(plan[:end], plan[: end + 1], gold, complete=False)["similarity"] for end in range(len(plan))]
    assert sum(gains) == pytest.approx(levenshtein_ratio(plan, gold), abs=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_tables_equal_the_scores_for_every_plan(size: int) -> None:
    codec = CODECS[size]
    tables, codes = PlanTables(GOLDS, codec=codec), np.arange(codec.codes)
    for row, gold in enumerate(GOLDS):
        turns = np.full(len(codes), row)
        for score, cut, expected in (
            (levenshtein_ratio_table, False, [levenshtein_ratio(plan, gold) for plan in codec.plans]),
            (equal_length, True, [len(plan) == min(size, len(gold)) for plan in codec.plans]),
            (equal_plan, True, [plan == gold[:size] for plan in codec.plans]),
        ):
            of_plans = np.array(expected, float)[codec.plan_of_code]
            np.testing.assert_allclose(tables.look_up(score, turns, codes, cut=cut), of_plans, atol=1e-6)


def test_balance_by_hand() -> None:
    turns = ((0,), (0, 4), (0, 1), (0,), (7, 0))  # frequencies 4/5 and 1/5
    np.testing.assert_allclose(balance_factors(turns, balance=0.0), np.ones(5))
    # (mean / frequency): 1/4 and 1 up to a scale; their mean over the turns is 2/5.
    np.testing.assert_allclose(balance_factors(turns, balance=1.0), [5 / 8] * 4 + [5 / 2])
    # At the exponent 1/2: 1/2 and 1, of mean 3/5.
    np.testing.assert_allclose(balance_factors(turns, balance=0.5), [5 / 6] * 4 + [5 / 3])


@SETTINGS
@given(st.lists(golds, min_size=1, max_size=30), st.floats(0, 3))
def test_balance_keeps_the_mean_and_favours_the_rare(turns: list[tuple[int, ...]], balance: float) -> None:
    factors = balance_factors(turns, balance=balance)
    assert factors.mean() == pytest.approx(1.0)
    frequency = np.bincount([gold[0] for gold in turns], minlength=8)[[gold[0] for gold in turns]]
    assert (np.diff(factors[np.argsort(-frequency, kind="stable")]) >= -1e-12).all()


def test_terms_of_dialogues_by_hand() -> None:
    weights = DialogueRewardWeights(fall=2, feedback=0.5, turn_cost=0.25, ending=3)
    for before, stars, status, expected in (
        (3, 0, ConversationStatus.ONGOING, [0, 0, -0.25, 0]),
        (4, 1, ConversationStatus.GAVE_UP, [2, -0.5, -0.25, -3]),
        (2, 2, ConversationStatus.OUT_OF_TURNS, [-2, -0.25, -0.25, 0]),
        (3, 3, ConversationStatus.ONGOING, [0, 0, -0.25, 0]),
        (5, 5, ConversationStatus.SUCCESS, [4, 0.5, -0.25, 3]),
    ):
        conversation = replace(Conversation.start(PROFILES[0]), intensities=[5.0, before, 3.0])
        reply = SeekerReply(("I see.",), feedback=stars, intensity=3.0, gives_up=False, supporter=("a",))
        paid = weights.weighted(DialogueTurn(conversation, reply, status))
        assert paid == dict(zip(("fall", "feedback", "turn_cost", "ending"), expected, strict=True))


@pytest.mark.parametrize("kind", [RewardWeights, DialogueRewardWeights])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_wrong_weights_are_refused(kind: type, value: float) -> None:
    for field in fields(kind):
        with pytest.raises(ValueError, match=f"^{field.name}: got {value}, expected 0 or more$"):
            kind(**{field.name: value})


def test_a_reward_term_of_ones_own_in_turns() -> None:
    def same_start(golds: Sequence[tuple[int, ...]], plans: Sequence[tuple[int, ...]]) -> np.ndarray:
        return np.array([[plan[:1] == gold[:1] for plan in plans] for gold in golds])

    def right_start(step: TurnStep) -> np.ndarray:
        return step.when_complete(same_start)

    @dataclass(frozen=True)
    class Weights(RewardWeights):
        start: float = term(right_start, 0.5)

    environment = SupportEnv(TurnProcess(random_task(), mode="all-in-one", reward=Weights(stop=0.0)))
    for turn, plan, start in ((1, [0, 8, 8], 0.5), (1, [4, 8, 8], 0.0)):  # gold (0, 4)
        environment.reset(options={"turn": turn})
        _, reward, *_, info = environment.step(np.array(plan))
        assert (info["start"], reward) == (start, pytest.approx(0.5 + start))


def test_a_reward_term_of_ones_own_in_dialogues() -> None:
    def share_of_different(turn: DialogueTurn) -> float:
        """Share of different strategies among all that were planned."""
        planned = [strategy for plan in turn.conversation.plans for strategy in plan]
        return len(set(planned)) / len(planned)

    @dataclass(frozen=True)
    class Weights(DialogueRewardWeights):
        variety: float = term(share_of_different, 2.0)

    process = DialogueProcess(dialogue_task(phrases=1), mode="all-in-one", reward=Weights())
    environment = BatchVecEnv(SupportVectorEnv(process), seed=0)
    environment.reset()
    for plan in ([0, 0, 8], [0, 1, 8]):  # half of what was planned differs, twice
        environment.step(np.array([plan]))
    assert environment.state()["sums"]["variety"] == [1.0 + 1.0]  # and so it is in the learning curves
