import dataclasses
import json
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from corpus.dialogue import message_view
from corpus.reasoning import Need, Reasoning
from corpus.strategy import Stage, Strategy
from evaluation.generator import benchmark as generator_benchmark
from evaluation.generator.benchmark import drawn, scored_messages, scored_turns, shared_signature
from evaluation.generator.models import MetricModels
from evaluation.generator.responses import write_generated
from language_models.perplexity import TargetLosses

Q, RE, AF, SU = Strategy.QUESTION, Strategy.RESTATEMENT, Strategy.AFFIRMATION, Strategy.SUGGESTIONS


@pytest.fixture()
def run(score):
    return partial(score, samples=20)


def test_first_messages_are_not_scored(dialogues):
    assert [item.index for item in scored_messages(dialogues)] == [2, 3, 1, 3]
    assert [turn.start for turn in scored_turns(dialogues)] == [2, 1, 3]
    openings = sum(dialogue.messages[0].strategy is not None for dialogue in dialogues)
    assert len(scored_messages(dialogues)) == len(message_view(dialogues)) - openings


def test_oracle_messages(dialogues, generator, run):
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


def test_turns_are_joined(dialogues, generator, run):
    benchmark = run(generator, scored_turns(dialogues))
    first = benchmark.responses[0]
    assert first.response == "So the shop does badly. You did all you could."
    assert first.generation == "a restatement or paraphrasing reply a affirmation and reassurance reply"
    assert "items:turns-not-first" in benchmark.result.signature


def test_perfect_generator_scores_full(dialogues, generator, monkeypatch, run):
    items = scored_messages(dialogues)
    monkeypatch.setattr(
        generator,
        "realize_all",
        lambda histories, plans, rng, reasoning: [[(None, item.message.text)] for item in items],
    )
    scores = run(generator, items).result.systems["tiny-run"]
    assert scores["bleu_4"].value == pytest.approx(100.0)
    assert scores["rouge_l"].value == pytest.approx(100.0)


@pytest.mark.parametrize("source", ["joint", "random", "planner"])
def test_perplexity_is_under_the_gold_plan_whatever_the_source(dialogues, generator, question_planner, source, run):
    planner = question_planner if source == "planner" else None
    benchmark = run(generator, scored_messages(dialogues), source, planner=planner)
    assert generator.scored_plans == [(RE,), (AF,), (Q,), (SU,)]
    assert f"plan:{source}" in benchmark.result.signature
    if source == "planner":
        assert {one.strategies for one in benchmark.responses} == {(Q,)}
    if source == "joint":
        assert {one.strategies for one in benchmark.responses} == {(Strategy.OTHERS,)}


def test_many_items_keep_their_order(dialogues, generator, run):
    items = scored_messages(dialogues) * 100  # more than one step of the progress bar
    benchmark = run(generator, items)
    assert generator.scorings == 1  # all items at once: batches of about one length
    assert [one.response for one in benchmark.responses] == [item.message.text for item in items]
    assert [one.strategies for one in benchmark.responses] == [(item.strategy,) for item in items]


def test_only_the_plan_source_may_differ(dialogues, generator, run):
    items = scored_messages(dialogues)
    oracle, joint = run(generator, items), run(generator, items, "joint")
    shared = shared_signature([oracle, joint])
    assert "plan:" not in shared and "decoding:greedy" in shared and "tokenizer:words" in shared
    with pytest.raises(ValueError, match="not comparable, different signatures"):
        shared_signature([oracle, run(generator, scored_turns(dialogues))])
    other = replace(joint, result=replace(joint.result, signature=joint.result.signature.replace("greedy", "top-k")))
    with pytest.raises(ValueError, match="not comparable"):
        shared_signature([oracle, other])


@pytest.mark.parametrize(("variant", "steps"), [("strategy", 3 + 4), ("all-in-one", 3 + 3)])
def test_progress_ends_at_its_total(dialogues, make_generator, variant, steps, monkeypatch, run):
    bars = []
    real = generator_benchmark.tqdm

    def shown(**options):
        bars.append(real(**{**options, "disable": False}))
        return bars[-1]

    monkeypatch.setattr(generator_benchmark, "tqdm", shown)
    run(make_generator(variant), scored_turns(dialogues))  # three turns of four messages
    assert [(bar.n, bar.total) for bar in bars] == [(steps, steps)]


def test_the_signature_names_the_precision_only_where_it_is_not_full(dialogues, generator, run):
    items = scored_messages(dialogues)
    full = run(generator, items)
    generator.precision = "bf16"
    half = run(generator, items)
    assert "precision" not in full.result.signature
    assert "|decoding:greedy|precision:bf16|" in half.result.signature
    with pytest.raises(ValueError, match="not comparable"):
        shared_signature([full, half])


def test_nothing_to_score(generator, run):
    with pytest.raises(ValueError, match="nothing to evaluate: 0 responses"):
        run(generator, [])


def test_responses_as_json_lines(dialogues, generator, tmp_path: Path, run):
    path = tmp_path / "generated.jsonl"
    write_generated(path, run(generator, scored_messages(dialogues)).responses)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 4
    assert lines[2] == {
        "dialogue": 1,
        "run": 0,
        "unit": 1,
        "history": [{"role": "seeker", "text": "I cannot sleep.", "strategy": None}],
        "strategies": ["Question"],
        "texts": ["a question reply"],
        "generation": "a question reply",
        "gold_strategies": ["Question"],
        "response": "How long has it been?",
        "loss": {"nats": 10.0, "tokens": 5},
        "loss_with_strategy": {"nats": 18.0, "tokens": 6},
        "scores": {"repetition_history": [0.0, 0.0]},
    }


def test_perplexity_with_and_without_strategy_tokens(dialogues, generator, make_generator, run):
    scores = run(generator, scored_messages(dialogues)).result.systems["tiny-run"]
    # Five tokens of two nats; with the strategy token's eight nats 18 nats over six tokens.
    assert scores["ppl"].value == pytest.approx(math.exp(2))
    assert scores["ppl_with_strategy"].value == scores["ppl_mean_with_strategy"].value == pytest.approx(math.exp(3))
    plain = run(make_generator("vanilla"), scored_messages(dialogues), "none").result.systems["tiny-run"]
    assert "ppl" in plain and "ppl_with_strategy" not in plain


def test_the_plan_that_was_written_is_scored_on_turns_where_it_was_chosen(dialogues, generator, question_planner, run):
    turns = scored_turns(dialogues)  # gold: (RE, AF), (Q,), (SU,)
    planned = run(generator, turns, "planner", planner=question_planner).result.systems["tiny-run"]
    # Question three times: right once of three; LR (0 + 1 + 0) / 3.
    assert [planned[metric].value for metric in ("emr", "lr", "emr_multi", "multi_rate")] == pytest.approx(
        [100 / 3, 100 / 3, 0, 0]
    )
    assert run(generator, turns, "joint").result.systems["tiny-run"]["emr"].value == 0.0  # it always writes Others
    assert "emr" not in run(generator, turns).result.systems["tiny-run"]
    assert "emr" not in run(generator, scored_messages(dialogues), "joint").result.systems["tiny-run"]


class Diceroller:
    """Writes one to fifty words, by chance."""

    variant = "strategy"
    with_reasoning = False
    tokenizer_name = "words"
    decoding = "greedy"
    precision = "fp32"

    def __init__(self):
        self.likelihoods = 0

    def realize_all(self, histories, plans, *, rng, reasoning=None):
        return [[(Q, " ".join(["word"] * int(rng.integers(1, 51))))] for _ in histories]

    def negative_log_likelihood(self, histories, plans, responses, *, reasoning=None, progress=None):
        self.likelihoods += 1
        return TargetLosses(*(np.ones(len(responses), dtype=kind) for kind in (float, int) * 2))


def test_more_seeds_are_a_mean_with_spread_and_perplexity_is_computed_once(dialogues, run):
    generator = Diceroller()
    benchmark = run(generator, scored_messages(dialogues), seeds=3)
    assert generator.likelihoods == 1
    by_run = [[len(one.generation.split()) for one in benchmark.responses if one.run == k] for k in range(3)]
    means = np.mean(by_run, axis=1)
    length = benchmark.result.systems["tiny-run"]["length"]
    assert (length.value, length.spread, length.runs) == (
        pytest.approx(means.mean()), pytest.approx(means.std(ddof=1)), 3,
    )  # fmt: skip
    assert len({tuple(lengths) for lengths in by_run}) > 1
    assert benchmark.result.systems["tiny-run"]["ppl"].runs == 1
    assert "seeds:3" in benchmark.result.signature
    alone = run(Diceroller(), scored_messages(dialogues))
    assert [len(one.generation.split()) for one in alone.responses] == by_run[0]  # more seeds change nothing before
    assert shared_signature([alone, benchmark])


def test_reasoning_is_given_and_needs_who_has_seen_some(dialogues, make_generator, question_planner, run):
    items = scored_messages(dialogues)
    with pytest.raises(ValueError, match="generator tiny-run was trained without reasoning"):
        run(make_generator(), items, planner=question_planner, reasoning=True)
    taught = make_generator(with_reasoning=True)
    with pytest.raises(ValueError, match="planner majority does not reason"):
        run(taught, items, planner=question_planner, reasoning=True)
    thought = Reasoning("job crisis", "fear", 4, Need.HEARD, next(iter(Stage)), (0.5,) * 5)
    plans = question_planner.plans
    question_planner.plans = lambda histories: [replace(plan, reasoning=thought) for plan in plans(histories)]
    benchmark = run(taught, items, planner=question_planner, reasoning=True)
    assert taught.reasoning == [thought] * 4
    assert "plan:oracle|planner:majority|reasoning:planner" in benchmark.result.signature
    assert benchmark.system.label == "tiny-run, oracle + reasoning of majority"


def test_learned_scores_are_stored_for_every_response(dialogues, generator, run):
    def scorer(hypotheses, references):
        return np.arange(len(hypotheses), dtype=float)

    scorer.name = "counting"
    benchmark = run(generator, scored_messages(dialogues), models=MetricModels(bertscore=scorer))
    assert benchmark.result.systems["tiny-run"]["bertscore"].value == 1.5
    assert [one.scores["bertscore"] for one in benchmark.responses] == [0.0, 1.0, 2.0, 3.0]
    assert "bertscore:counting" in benchmark.result.signature


def test_a_number_of_items_is_always_the_same_ones_in_their_order():
    few = drawn(50, 7).tolist()
    assert few == drawn(50, 7).tolist() == sorted(set(few))
    assert len(few) == 7
    assert drawn(50, None).tolist() == list(range(50))
    for count in (0, 51):
        with pytest.raises(ValueError, match=rf"^items: got {count}, expected 1 to 50"):
            drawn(50, count)


def test_the_history_and_the_number_of_items_are_part_of_an_evaluations_identity(generator, dialogues, run):
    items = scored_messages(dialogues)
    system = dataclasses.replace(run(generator, items).system, items=3, history=4)
    assert system.folder("valid") == "valid-message-oracle-history4-items3"
    assert system.label == "tiny-run, oracle, 4 messages"
