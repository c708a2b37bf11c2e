import re

import numpy as np
import pytest

from corpus.dialogue import message_view, turn_view
from corpus.strategy import Strategy
from evaluation.metric_names import CLASS_COLUMNS, METRIC_NAMES
from evaluation.planner.console import class_table, confusion_table, length_lines, message_text, turn_text
from evaluation.planner.messages import MessageBenchmark, benchmark_messages
from evaluation.planner.turns import TurnBenchmark, benchmark_turns
from evaluation.published import published, published_text

Q = Strategy.QUESTION


@pytest.fixture()
def planners(make_planner) -> dict[str, list]:
    ladder = [make_planner("tfidf", lambda _: (Q,)), make_planner("gold", lambda plan: plan)]
    fast = [make_planner("fast", lambda plan: plan[:1]), make_planner("fast", lambda _: (Q, Q))]
    return {"planners": ladder, "trained": [*fast, make_planner("best", lambda plan: plan)]}


@pytest.fixture()
def messages(planners, dialogues) -> MessageBenchmark:
    options = {"split": "valid", "data": "tiny", "rng": np.random.default_rng(0), "samples": 30}
    return benchmark_messages(utterances=message_view(dialogues), **planners, **options)


@pytest.fixture()
def turns(planners, dialogues) -> TurnBenchmark:
    options = {"split": "valid", "data": "tiny", "rng": np.random.default_rng(0), "samples": 30}
    return benchmark_turns(turns=turn_view(dialogues), **planners, **options)


def test_f1_of_every_system_with_intervals_and_spread_of_the_trained(messages):
    lines = class_table(messages.result, messages.trained).split("\n")
    assert lines[0].split() == ["system", *(METRIC_NAMES[metric].label for metric in CLASS_COLUMNS)]
    assert [line.split("  ")[0] for line in lines[2:]] == ["tfidf", "gold", "fast (2 runs)", "", "", "best", ""]
    assert lines[2].split()[1:4] == ["57.1", "0.0", "0.0"]
    assert re.fullmatch(r" +(\d+ to \d+ *){11}", lines[5]) and re.fullmatch(r" +(± \d+\.\d *){11}", lines[6])


def test_confusion_in_shares_of_gold(messages):
    lines = confusion_table(messages, "fast").split("\n")
    assert lines[0].split() == ["gold", "messages", "Que", "Res", "Ref", "Sel", "Aff", "Sug", "Inf", "Oth"]
    assert lines[2].split() == ["Question", "2", "100", *["."] * 7]
    assert lines[3].split() == ["Restatement", "or", "Paraphrasing", "1", "50", "50", *["."] * 6]
    assert lines[5].split() == ["Self-disclosure", "0", *["."] * 8]  # no gold message, no division by zero


def test_lengths_of_gold_and_the_trained_planners(turns):
    lines = length_lines(turns).split("\n")
    assert [line.split("  ")[0] for line in lines[2:]] == ["gold", "fast (2 runs)", "best"]
    assert lines[2].split()[-4:] == ["75.0", "25.0", "0.0", "0.0"]
    assert lines[3].split()[-4:] == ["50.0", "50.0", "0.0", "0.0"]


def test_all_blocks_are_there(messages, turns):
    for text in (message_text(messages), turn_text(turns)):
        assert "F1 by strategy and by stage" in text and "Calibration, progress, speed" in text
        assert "Differences to tfidf" in text and "PUBLISHED by others, NOT measured here" in text
        assert "split valid of the data given" in text
    assert message_text(messages).count("Confusion of ") == 2 and "ECE" in message_text(messages)
    assert "messages in a turn" in turn_text(turns) and "Confusion" not in turn_text(turns)


def test_differences_carry_a_star_where_zero_is_outside(messages):
    block = message_text(messages).split("Differences to tfidf")[1].split("\n\n")[0].split("\n")
    assert re.split(r"\s{2,}", block[1].strip()) == ["system", "macro-F1", "weighted-F1", "Bias B", "Entropy"]
    names = [line.split("  ")[0] for line in block[3:]]
    assert names == ["fast (2 runs)", "best"]
    assert re.search(r"\+\d+\.\d\d \[\+\d+\.\d\d, \+\d+\.\d\d\]\*", block[4])


def test_without_trained_planners_there_is_no_closer_look(dialogues, gold_planner):
    options = {"split": "valid", "data": "tiny", "rng": np.random.default_rng(0), "samples": 5}
    text = message_text(benchmark_messages([gold_planner], message_view(dialogues), **options))
    assert "Confusion" not in text and "Differences" not in text and "PUBLISHED" in text


@pytest.mark.parametrize("protocol", ["message", "turn"])
def test_every_published_line_says_so(protocol: str):
    text = published_text(published(protocol), split="valid")
    for table in published(protocol):
        assert f"{table.source}: {table.setting}" in text
        for row in table.rows:
            (line,) = [line for line in text.split("\n") if f"]  {row.system}  " in f"{line}  "]
            mark = row.provenance.value
            assert line.startswith(f"computed [{mark}]" if mark == "C" else f"published [{mark}]")
            assert all(f"{value:.2f}".rstrip("0") in line for value in row.metrics.values())


def test_no_measured_system_stands_among_published_ones(messages, turns):
    for text in (message_text(messages), turn_text(turns)):
        measured, others = text.split("PUBLISHED by others")
        assert "fast" not in others and "EmoDynamiX" not in measured and "One-by-One" not in measured
