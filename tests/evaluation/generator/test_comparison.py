from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from corpus.dialogue import Dialogue, Message, Role
from corpus.reasoning import Need, Reasoning
from corpus.strategy import Stage, Strategy
from evaluation.generator.benchmark import scored_messages
from evaluation.generator.comparison import Comparison, compare_evaluations
from evaluation.generator.models import MetricModels
from evaluation.generator.stored import read_evaluations
from language_models.perplexity import TargetLosses
from language_models.settings import DecodingConfig
from metrics.statistics.bootstrap import paired_differences
from metrics.statistics.jackknife import jackknife_difference
from metrics.text.perplexity import perplexity_tally
from metrics.text.scores import text_statistics
from tests.hash_encoder import HashEncoder


def compared(*runs: Path, reference: str | None = None) -> tuple[Comparison, ...]:
    return compare_evaluations(
        [one for run in runs for one in read_evaluations(run)], reference=reference, seed=0, samples=200
    )


class Parrot:
    """Says the gold text of every second message, and something else of the others; the second half costs more."""

    variant = "strategy"
    with_reasoning = False
    tokenizer_name = "words"
    decoding = "greedy"
    precision = "fp32"

    def __init__(self, texts: list[str], share: int) -> None:
        self.texts = texts
        self.share = share

    def realize_all(self, histories, plans, *, rng, reasoning=None):
        return [
            [(Strategy.QUESTION, text if index % self.share == 0 else f"no {index} idea at all")]
            for index, text in enumerate(self.texts)
        ]

    def negative_log_likelihood(self, histories, plans, responses, *, reasoning=None, progress=None):
        count = len(responses)
        nats = 4.0 + 0.1 * np.arange(count) / self.share
        return TargetLosses(nats, np.full(count, 4), np.zeros(count), np.zeros(count, dtype=int))


@pytest.fixture()
def many() -> tuple[Dialogue, ...]:
    """Twenty dialogues of three supporter messages, all different."""
    return tuple(
        Dialogue(
            number,
            tuple(
                message
                for place in range(3)
                for message in (
                    Message(Role.SEEKER, "hm"),
                    Message(Role.SUPPORTER, f"tell me of day {number} and night {place} please", Strategy.QUESTION),
                )
            ),
        )
        for number in range(1, 21)
    )


@pytest.fixture()
def store_parrot(store, many):
    def score_and_store(name: str, share: int, **options) -> Path:
        items = scored_messages(many)
        parrot = Parrot([item.message.text for item in items], share)
        return store(parrot, name, items=items, samples=50, **options)

    return score_and_store


class Finder:
    """Says what it finds, and gives no probabilities."""

    variant = "strategy"
    with_reasoning = False
    tokenizer_name = "none"
    decoding = "greedy"
    precision = "fp32"

    def realize_all(self, histories, plans, *, rng, reasoning=None):
        return [[(Strategy.QUESTION, "tell me of day and night please")] for _ in plans]


def test_a_generator_without_probabilities_is_compared_in_all_but_perplexity(many, store, store_parrot):
    found = store(Finder(), "found", items=scored_messages(many), samples=50)
    (one,) = read_evaluations(found)
    assert all(response.loss is None for response in one.responses)
    assert not any(metric.startswith("ppl") for metric in one.result.systems["found"])
    for runs in ((found, store_parrot("often", 2)), (store_parrot("often", 2), found)):
        (comparison,) = compared(*runs)
        (differences,) = comparison.differences.values()
        assert "rouge_l" in differences and not any(metric.startswith("ppl") for metric in differences)


def test_a_generator_without_a_language_model_compares_with_any_precision(many, store):
    items = scored_messages(many)
    parrot = Parrot([item.message.text for item in items], 2)
    parrot.precision = "bf16"
    half = store(parrot, "half", items=items, samples=50)
    (comparison,) = compared(half, store(Finder(), "found", items=items, samples=50))
    assert len(comparison.systems) == 2 and "precision" not in comparison.signature
    parrot.precision = "fp32"
    with pytest.raises(ValueError, match="differ in precision"):
        compared(half, store(parrot, "full", items=items, samples=50))


def test_differences_are_the_paired_tests_of_the_metrics(many, store_parrot):
    (comparison,) = compared(store_parrot("rare", 3), store_parrot("often", 2))
    assert list(comparison.systems) == ["rare, oracle", "often, oracle"]
    assert comparison.reference == "rare, oracle"  # no vanilla: the first row
    assert (comparison.unit, comparison.split, comparison.n) == ("message", "valid", 60)
    found = comparison.differences["often, oracle"]
    gold = [item.message.text for item in scored_messages(many)]
    units = np.repeat(np.arange(20), 3)
    texts = {
        share: [text if index % share == 0 else f"no {index} idea at all" for index, text in enumerate(gold)]
        for share in (2, 3)
    }
    statistics = {share: text_statistics(texts[share], gold, units) for share in texts}
    expected = paired_differences(statistics[2].tally, statistics[3].tally, rng=np.random.default_rng(0), samples=200)[
        "bleu_2"
    ]
    assert found["bleu_2"] == expected
    assert found["distinct_2"] == jackknife_difference(
        statistics[2].distinct["distinct_2"], statistics[3].distinct["distinct_2"]
    )
    losses = {share: 4.0 + 0.1 * np.arange(60) / share for share in (2, 3)}
    tallies = {share: perplexity_tally(losses[share], np.full(60, 4), units) for share in losses}
    expected = paired_differences(tallies[2], tallies[3], rng=np.random.default_rng(0), samples=200)["ppl"]
    assert found["ppl"].value == pytest.approx(expected.value) and found["ppl"].low == pytest.approx(expected.low)
    assert comparison.differs("often, oracle", "bleu_2") and comparison.differs("often, oracle", "ppl")
    assert not comparison.differs("often, oracle", "extrema") and not comparison.differs("rare, oracle", "bleu_2")


def test_perplexity_only_under_one_tokenizer(many, store_parrot):
    runs = [store_parrot("words", 2), store_parrot("bytes", 3, tokenizer="bytes")]
    (comparison,) = compared(*runs)
    assert comparison.other_tokenizers == ("bytes, oracle",)
    assert "bleu_2" in comparison.differences["bytes, oracle"]
    assert [metric for metric in comparison.differences["bytes, oracle"] if metric.startswith("ppl")] == ["ppl_word"]
    assert "tokenizer" not in comparison.signature


def test_the_longest_message_counts_in_tokens_of_its_tokenizer(store, generator):
    def stored(name: str, tokenizer: str, longest: int, **settings) -> Path:
        decoding = str(DecodingConfig(min_message_tokens=10, max_message_tokens=longest, **settings))
        return store(generator, name, tokenizer=tokenizer, decoding=decoding)

    blender, gpt = stored("blender", "bpe", 40), stored("gpt", "bytes", 45)
    (comparison,) = compared(blender, gpt)
    assert "|decoding:t0.7-k30-p0.9-r1.03-tokens10-messages5|" in comparison.signature
    (alone,) = compared(blender)
    assert "|decoding:t0.7-k30-p0.9-r1.03-tokens10to40-messages5|" in alone.signature
    # Of one tokenizer the lengths must agree, also where neither is the first of all; and the rest must always.
    with pytest.raises(ValueError, match=r"gpt/.* and .*longer/.* differ in decoding: .*10to45-.* and .*10to50-"):
        compared(blender, gpt, stored("longer", "bytes", 50))
    with pytest.raises(ValueError, match=r"differ in decoding: t0\.7-.*-tokens10-messages5 and t1-.*-tokens10-mess"):
        compared(blender, stored("hot", "bytes", 45, temperature=1.0))


def test_perplexity_only_of_equal_tokens(store, make_generator):
    class OneEndToken(type(make_generator())):
        """As All-in-One: a turn has a single end token."""

        def negative_log_likelihood(self, histories, plans, responses, **options):
            losses = super().negative_log_likelihood(histories, plans, responses, **options)
            return losses._replace(tokens=losses.tokens - np.array([len(texts) - 1 for texts in responses]))

    turns = {"unit": "turn", "source": "joint"}
    single = store(make_generator(), "single", **turns)
    runs = [
        single,
        store(OneEndToken("all-in-one"), "all", **turns),
        store(make_generator("one-by-one"), "one", **turns),
    ]
    (comparison,) = compared(*runs)
    assert comparison.other_counts == ("all, joint",) and comparison.other_tokenizers == ()
    assert "rouge_l" in comparison.differences["all, joint"]
    assert [metric for metric in comparison.differences["all, joint"] if metric.startswith("ppl")] == ["ppl_word"]
    assert {"ppl", "ppl_mean", "ppl_with_strategy"} <= set(comparison.differences["one, joint"])


class Thinker:
    """A planner with the same thought about every turn."""

    def __init__(self, planner) -> None:
        self.planner = planner
        self.name = planner.name

    def plans(self, histories):
        thought = Reasoning("job crisis", "fear", 4, Need.HEARD, next(iter(Stage)), (0.5,) * 5)
        return [replace(plan, reasoning=thought) for plan in self.planner.plans(histories)]


def test_without_vanilla_the_first_free_row_is_the_reference(store, make_generator, question_planner):
    generator = make_generator(with_reasoning=True)
    store(generator, "gen", unit="turn", source="oracle")
    store(generator, "gen", unit="turn", source="joint", planner=Thinker(question_planner), reasoning=True)
    run = store(generator, "gen", unit="turn", source="random")
    assert compared(run)[0].reference == "gen, oracle"
    store(generator, "gen", unit="turn", source="joint")
    store(generator, "gen", unit="turn", source="planner", planner=question_planner)
    (comparison,) = compared(run)
    assert comparison.reference == "gen, joint"
    assert {"emr", "lr"} <= set(comparison.differences["gen, plan majority"])
    bare = store(make_generator("vanilla"), "bare", unit="turn", fine_tuned=False)
    assert compared(bare, run)[0].reference == "gen, joint"


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("decoding", {"decoding": "top-k"}),
        ("split", {"split": "test"}),
        ("data", {"data": "other"}),
        ("bootstrap", {"samples": 60}),
    ],
)
def test_signatures_do_not_mix(store, generator, field, options):
    runs = [store(generator, "one"), store(generator, "two", **options)]
    with pytest.raises(ValueError, match=rf"not comparable: .*one.* and .*two.* differ in {field}: ") as caught:
        compared(*runs)
    assert "\n" not in str(caught.value)


def test_messages_and_turns_are_two_tables_and_vanilla_is_the_reference(store, generator, make_generator):
    run = store(generator, "gen", source="joint")
    store(generator, "gen", unit="turn", source="joint")
    vanilla = store(make_generator("vanilla"), "plain")
    messages, turns = compared(run, vanilla)
    assert (messages.unit, list(messages.systems), messages.reference) == ("message", ["gen, joint", "plain"], "plain")
    assert (turns.unit, list(turns.systems), turns.reference) == ("turn", ["gen, joint"], "gen, joint")
    assert turns.scores["gen, joint"]["emr"].value == 0.0
    assert "emr" not in messages.scores["gen, joint"]
    (chosen, _) = compared(run, vanilla, reference="gen")
    assert chosen.reference == "gen, joint"
    with pytest.raises(ValueError, match="no system 'best' to compare with, there are: gen, joint; plain"):
        compared(run, vanilla, reference="best")


def test_runs_of_one_name_are_told_apart(many, store_parrot):
    runs = [store_parrot(f"{seed}/gen", share) for seed, share in (("a", 2), ("b", 3))]
    (comparison,) = compared(*runs)
    assert list(comparison.systems) == [f"{run.as_posix()}, oracle" for run in runs]
    with pytest.raises(ValueError, match="two evaluations of gen, oracle"):
        compared(runs[0], runs[0])


def test_a_reference_of_more_rows_must_be_named(store, generator):
    store(generator, "gen")
    run = store(generator, "gen", source="joint")
    with pytest.raises(ValueError, match="'gen' names more than one system, say which: gen, oracle; gen, joint"):
        compared(run, reference="gen")
    assert compared(run, reference="gen, joint")[0].reference == "gen, joint"


def test_files_that_contradict_each_other_or_are_old(store, generator):
    (stored,) = read_evaluations(store(generator, "gen"))
    other = replace(stored.responses[0], texts=("something else",))
    with pytest.raises(ValueError, match=r"the responses give .*, the result says .*: evaluate again"):
        compare_evaluations([replace(stored, responses=(other, *stored.responses[1:]))], reference=None, seed=0)
    old = replace(stored.result, signature=stored.result.signature.replace("version:1", "version:0"))
    with pytest.raises(ValueError, match="measured with version 0, this program has 1: evaluate again"):
        compare_evaluations([replace(stored, result=old)], reference=None, seed=0)


def test_nothing_to_compare():
    with pytest.raises(ValueError, match="nothing to compare: 0 evaluations"):
        compare_evaluations([], reference=None, seed=0)


def test_models_that_some_evaluations_lack_are_not_compared(store, make_generator):
    with_encoder = MetricModels(encoder=HashEncoder(), encoder_name="hash")
    runs = [
        store(make_generator(), "plain"),
        store(make_generator(), "encoded", source="joint", models=with_encoder),
        store(make_generator(), "again", source="random", models=with_encoder),
    ]
    (comparison,) = compared(*runs, reference="plain, oracle")
    assert "encoder" not in comparison.signature and "data:tiny" in comparison.signature
    assert "similarity" in comparison.scores["encoded, joint"]
    assert "bleu_2" in comparison.differences["encoded, joint"]
    assert "similarity" not in comparison.differences["encoded, joint"]
    (comparison,) = compared(*runs[1:], reference="encoded, joint")
    assert "encoder:hash-ffffffff" in comparison.signature
    assert {"similarity", "retrieval_rank"} <= set(comparison.differences["again, random"])
    other = MetricModels(encoder=HashEncoder(), encoder_name="other")
    with pytest.raises(ValueError, match="differ in encoder: hash-ffffffff and other-ffffffff"):
        compared(*runs, store(make_generator(), "other", models=other))
