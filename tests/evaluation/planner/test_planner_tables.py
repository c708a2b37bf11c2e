"""What a terminal shows of planners, and that published figures never stand among measured ones."""

import re

import numpy as np
import pytest

from corpus.dialogue import message_view, turn_view
from corpus.strategy import Strategy
from evaluation.planner.messages import MessageBenchmark, benchmark_messages
from evaluation.planner.setup import BenchmarkSetup
from evaluation.planner.tables import confusion_table, further_tables, length_table, message_text, turn_text
from evaluation.planner.turns import TurnBenchmark, benchmark_turns
from evaluation.published import published, published_text
from evaluation.report.tables import to_text

Q = Strategy.QUESTION


@pytest.fixture()
def setup(make_planner) -> BenchmarkSetup:
    ladder = [make_planner("tfidf", lambda _: (Q,)), make_planner("gold", lambda plan: plan)]
    fast = [make_planner("fast", lambda plan: plan[:1]), make_planner("fast", lambda _: (Q, Q))]
    trained = (*fast, make_planner("best", lambda plan: plan))
    return BenchmarkSetup("valid", "tiny", planners=tuple(ladder), trained=trained, samples=30)


@pytest.fixture()
def messages(setup, dialogues) -> MessageBenchmark:
    return benchmark_messages(setup, message_view(dialogues), rng=np.random.default_rng(0))


@pytest.fixture()
def turns(setup, dialogues) -> TurnBenchmark:
    return benchmark_turns(setup, turn_view(dialogues), rng=np.random.default_rng(0))


def test_every_metric_of_the_result_is_in_a_table(messages, turns):
    """A metric that is new in metrics/strategy is seen without a change anywhere else."""
    for benchmark in (messages, turns):
        tables = [benchmark.result.table(), *further_tables(benchmark)[:2]]
        columns = sum(len(table.columns) - 1 for table in tables)
        measured = {metric for scores in benchmark.result.systems.values() for metric in scores}
        assert columns == len(measured)


def test_f1_of_every_strategy_with_intervals_and_spread(messages):
    table = further_tables(messages)[0]
    assert [column.label for column in table.columns][:3] == ["system", "Question", "Restatement"]
    assert [(row.cells[0].text, row.kind) for row in table.rows] == [
        ("tfidf", ""), ("gold", "gold"), ("fast (2 runs)", "own"), ("best", "own"),
    ]  # fmt: skip
    assert [cell.text for cell in table.rows[0].cells[1:4]] == ["57.1", "0.0", "0.0"]
    assert table.rows[2].cells[1].interval and table.rows[2].cells[1].spread.startswith("± ")


def test_confusion_in_shares_of_gold(messages):
    title, *lines = to_text(confusion_table(messages, "fast")).split("\n")
    assert title.startswith("Confusion of fast (2 runs)")
    assert lines[0].split() == ["gold", "messages", "Que", "Res", "Ref", "Sel", "Aff", "Sug", "Inf", "Oth"]
    assert lines[2].split() == ["Question", "2", "100", *["."] * 7]
    assert lines[3].split() == ["Restatement", "or", "Paraphrasing", "1", "50", "50", *["."] * 6]
    assert lines[5].split() == ["Self-disclosure", "0", *["."] * 8]  # no gold message, no division by zero


def test_lengths_of_gold_and_the_trained_planners(turns):
    lines = to_text(length_table(turns)).split("\n")
    assert [line.split("  ")[0] for line in lines[2:]] == ["gold", "fast (2 runs)", "best"]
    assert lines[2].split()[-4:] == ["75.0", "25.0", "0.0", "0.0"]
    assert lines[3].split()[-4:] == ["50.0", "50.0", "0.0", "0.0"]


def test_all_blocks_are_there(messages, turns):
    for text in (message_text(messages), turn_text(turns)):
        assert "F1 by strategy, %" in text and "F1 by stage of the conversation" in text
        assert "Differences to tfidf" in text and "PUBLISHED by others, NOT measured here" in text
        assert "split valid of the given data" in text
    assert message_text(messages).count("Confusion of ") == 2 and "ECE" in message_text(messages)
    assert "messages in a turn" in turn_text(turns) and "Confusion" not in turn_text(turns)


def test_differences_carry_a_star_where_zero_is_outside(messages):
    table = further_tables(messages)[2]
    assert [column.label for column in table.columns] == ["system", "macro-F1", "weighted-F1", "Bias B", "Entropy"]
    assert [row.cells[0].text for row in table.rows] == ["fast (2 runs)", "best"]
    best = table.rows[1].cells[1]
    assert best.mark == "*" and re.fullmatch(r"\[\+\d+\.\d\d, \+\d+\.\d\d\]", best.interval)


def test_without_trained_planners_there_is_no_closer_look(dialogues, gold_planner):
    setup = BenchmarkSetup("valid", "tiny", planners=(gold_planner,), samples=5)
    text = message_text(benchmark_messages(setup, message_view(dialogues), rng=np.random.default_rng(0)))
    assert "Confusion" not in text and "Differences" not in text and "PUBLISHED" in text


@pytest.mark.parametrize("protocol", ["message", "turn"])
def test_every_published_line_says_so(protocol: str):
    text = published_text(published(protocol), split="valid")
    for table in published(protocol):
        assert f"{table.source}: {table.setting}" in text
        for row in table.rows:
            (line,) = [line for line in text.split("\n") if line.startswith(f"{row.system} [{row.provenance.value}]")]
            assert all(f"{value:.2f}".rstrip("0") in line for value in row.metrics.values())


def test_no_measured_system_stands_among_published_ones(messages, turns):
    for text in (message_text(messages), turn_text(turns)):
        measured, others = text.split("PUBLISHED by others")
        assert "fast" not in others and "EmoDynamiX" not in measured and "One-by-One" not in measured
