import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpus.dialogue import message_view
from corpus.strategy import Strategy
from evaluation.generated import write_generated
from evaluation.generator_benchmark import benchmark_generator, comparable, scored_messages, scored_turns

Q, RE, AF, SU = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


def run(generator, items, source="oracle", **options):
    return benchmark_generator(
        generator, items, name="tiny-run", source=source, split="valid", data="tiny", tokenizer="words",
        decoding="greedy", rng=np.random.default_rng(0), samples=20, **options,
    )  # fmt: skip


def test_first_messages_are_not_scored(dialogues):
    assert [utterance.index for utterance in scored_messages(dialogues)] == [2, 3, 1, 3]
    assert [turn.start for turn in scored_turns(dialogues)] == [2, 1, 3]
    openings = sum(dialogue.messages[0].strategy is not None for dialogue in dialogues)
    assert len(scored_messages(dialogues)) == len(message_view(dialogues)) - openings


def test_oracle_messages(dialogues, generator):
    benchmark = run(generator, scored_messages(dialogues))
    result = benchmark.result
    assert (result.command, result.protocol, result.n, list(result.systems)) == ("generator", "text", 4, ["tiny-run"])
    scores = result.systems["tiny-run"]
    assert scores["ppl"].value == scores["ppl_mean"].value == pytest.approx(math.exp(2))  # two nats a token
    assert {"bleu_1", "bleu_4", "rouge_l", "distinct_2", "unigram_f1", "length"} < set(scores)
    assert "extrema" not in scores
    assert [one.generation for one in benchmark.responses[:2]] == [
        "a restatement or paraphrasing reply",
        "a affirmation and reassurance reply",
    ]
    first = benchmark.responses[0]
    assert (first.strategies, first.gold_strategies) == ((RE,), (RE,))
    assert first.response == "So the shop does badly."
    assert [message.text for message in first.history] == ["Hello, what brings you here?", "My shop is failing."]


def test_turns_are_joined(dialogues, generator):
    benchmark = run(generator, scored_turns(dialogues))
    first = benchmark.responses[0]
    assert first.response == "So the shop does badly. You did all you could."
    assert first.generation == "a restatement or paraphrasing reply a affirmation and reassurance reply"
    assert "items:turns-not-first" in benchmark.result.signature


def test_perfect_generator_scores_full(dialogues, generator, monkeypatch):
    items = scored_messages(dialogues)
    monkeypatch.setattr(
        generator, "realize_all", lambda histories, plans, rng: [[(None, item.message.text)] for item in items]
    )
    scores = run(generator, items).result.systems["tiny-run"]
    assert scores["bleu_4"].value == pytest.approx(100.0)
    assert scores["rouge_l"].value == pytest.approx(100.0)


@pytest.mark.parametrize("source", ["joint", "random", "planner"])
def test_perplexity_is_under_the_gold_plan_whatever_the_source(dialogues, generator, question_planner, source):
    planner = question_planner if source == "planner" else None
    benchmark = run(generator, scored_messages(dialogues), source, planner=planner)
    assert generator.scored_plans == [(RE,), (AF,), (Q,), (SU,)]
    assert f"plan:{source}" in benchmark.result.signature
    if source == "planner":
        assert {one.strategies for one in benchmark.responses} == {(Q,)}
    if source == "joint":
        assert {one.strategies for one in benchmark.responses} == {(Strategy.OTHERS,)}


def test_many_items_keep_their_order(dialogues, generator):
    items = scored_messages(dialogues) * 100  # more than one step of the progress bar
    benchmark = run(generator, items)
    assert [one.response for one in benchmark.responses] == [item.message.text for item in items]
    assert [one.strategies for one in benchmark.responses] == [(item.strategy,) for item in items]


def test_only_the_plan_source_may_differ(dialogues, generator):
    items = scored_messages(dialogues)
    oracle, joint = run(generator, items), run(generator, items, "joint")
    shared = comparable([oracle, joint])
    assert "plan:" not in shared and "decoding:greedy" in shared and "tokenizer:words" in shared
    with pytest.raises(ValueError, match="not comparable, different signatures"):
        comparable([oracle, run(generator, scored_turns(dialogues))])
    other = replace(joint, result=replace(joint.result, signature=joint.result.signature.replace("greedy", "top-k")))
    with pytest.raises(ValueError, match="not comparable"):
        comparable([oracle, other])


def test_nothing_to_score(generator):
    with pytest.raises(ValueError, match="nothing to evaluate: 0 responses"):
        run(generator, [])


def test_responses_as_json_lines(dialogues, generator, tmp_path: Path):
    path = tmp_path / "generated.jsonl"
    write_generated(path, run(generator, scored_messages(dialogues)).responses)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 4
    assert lines[2] == {
        "dialogue": 1,
        "history": [{"role": "seeker", "text": "I cannot sleep.", "strategy": None}],
        "strategies": ["Question"],
        "generation": "a question reply",
        "gold_strategies": ["Question"],
        "response": "How long has it been?",
    }
