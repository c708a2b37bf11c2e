"""Speed of planners by a clock that the test moves, and without a trace in the embedding cache."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role, turn_view
from corpus.strategy import Strategy
from encoding.embedding_cache import EmbeddingCache
from encoding.observation import Observer
from evaluation.planner.speed import mean_speed, measure_reply_speed, measure_speed
from metrics.statistics.estimate import Estimate
from planner.baselines.linear import LinearPlanner
from planner.plan import Plan
from tests.hash_encoder import HashEncoder


class Clock:
    """Time that passes only when work is done."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_rate_and_latency_of_known_work():
    clock = Clock()
    batches: list[int] = []

    def decide(items: Sequence[int]) -> None:
        batches.append(len(items))
        clock.now += 0.004 + 0.001 * len(items)

    scores = measure_speed(decide, list(range(100)), rng=np.random.default_rng(0), singles=10, clock=clock)
    assert scores["decisions_per_second"].value == pytest.approx(100 / 0.104)
    for metric in ("latency_ms_p50", "latency_ms_p95"):
        estimate = scores[metric]
        assert (estimate.low, estimate.value, estimate.high) == pytest.approx((5.0, 5.0, 5.0))
    assert batches[:2] == [64, 64]  # warm, then how many fit into a pass
    assert batches[2:8] == [100] * 6 and batches[8:] == [1] * 11  # a warm-up before each kind


def test_percentiles_of_uneven_calls():
    clock = Clock()

    def decide(items: Sequence[int]) -> None:
        clock.now += sum(items) / 1000  # an item takes as many milliseconds as its number

    scores = measure_speed(decide, list(range(1, 42)), rng=np.random.default_rng(0), singles=41, clock=clock)
    assert scores["latency_ms_p50"].value == pytest.approx(21.0)
    assert scores["latency_ms_p95"].value == pytest.approx(39.0)
    for estimate in scores.values():
        assert estimate.low <= estimate.value <= estimate.high
    assert scores["latency_ms_p50"].low < 21 < scores["latency_ms_p50"].high


def test_one_item_and_a_clock_that_stands_still():
    scores = measure_speed(len, ["only"], rng=np.random.default_rng(0), clock=lambda: 0.0)
    assert all(np.isfinite(estimate.value) for estimate in scores.values())


def test_speed_of_several_runs_is_their_mean_between_the_outermost_ends():
    runs = [{"latency_ms_p50": Estimate(2.0, 1.0, 3.0)}, {"latency_ms_p50": Estimate(4.0, 2.5, 6.0)}]
    mean = mean_speed(runs)["latency_ms_p50"]
    assert (mean.value, mean.low, mean.high, mean.runs) == (3.0, 1.0, 6.0, 2)
    assert mean.spread == pytest.approx(2**0.5)
    assert mean_speed(runs[:1]) == runs[0]


def test_a_new_message_is_new_every_time_and_stands_where_the_old_one_stood():
    dialogue = Dialogue(
        1,
        (
            Message(Role.SEEKER, "Hello."),
            Message(Role.SUPPORTER, "Hi, how are you?", Strategy.QUESTION),
            Message(Role.SEEKER, "Not well."),
            Message(Role.SUPPORTER, "I am sorry.", Strategy.REFLECTION),
        ),
    )
    clock, met = Clock(), []

    class Slow:
        name = "slow"

        def plans(self, histories: Sequence[Sequence[Message]]) -> list[Plan]:
            met.extend(histories)
            clock.now += 0.007
            return []

    histories = [turn.history for turn in turn_view([dialogue])]
    scores = measure_reply_speed(Slow(), histories, rng=np.random.default_rng(0), clock=clock)
    assert scores["latency_new_ms_p50"].value == pytest.approx(7.0)
    assert len(met) == 3, "one warm-up and both histories"
    texts = [history[-1].text for history in met]
    assert len(set(texts)) == 3 and all(text.startswith(("Hello. ", "Not well. ")) for text in texts)
    assert {history[:-1] for history in met[1:]} == {history[:-1] for history in histories}


def test_latency_leaves_no_rows_in_the_embedding_cache(tmp_path: Path, dialogues: tuple[Dialogue, ...]):
    encoder = EmbeddingCache(HashEncoder(), folder=tmp_path)
    observer = Observer(encoder, window=2, max_strategies=1)
    planner = LinearPlanner(dialogues, name="small", observer=observer)
    histories = [turn.history for turn in turn_view(dialogues)]
    planner.plans(histories)

    def rows() -> int:
        with closing(sqlite3.connect(encoder.path)) as connection:
            return connection.execute("SELECT COUNT(*) FROM vectors").fetchone()[0]

    before, computed = rows(), encoder.computed
    assert before > 0
    assert measure_reply_speed(planner, histories, rng=np.random.default_rng(0))
    assert encoder.computed > computed, "new messages were embedded"
    assert rows() == before


def test_no_new_message_where_the_supporter_opens():
    dialogue = Dialogue(1, (Message(Role.SUPPORTER, "Hi.", Strategy.OTHERS), Message(Role.SEEKER, "Hello.")))
    assert (
        measure_reply_speed(None, [turn.history for turn in turn_view([dialogue])], rng=np.random.default_rng(0)) == {}
    )


def test_a_slow_planner_gets_batches_that_fit_into_a_pass():
    clock, batches = Clock(), []

    def decide(items: Sequence[int]) -> None:
        batches.append(len(items))
        clock.now += 0.01 * len(items)  # 100 a second: 200 fit into two seconds

    measure_speed(decide, list(range(5000)), rng=np.random.default_rng(0), singles=1, clock=clock)
    assert batches[2:8] == [200] * 6
