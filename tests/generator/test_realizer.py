"""What a realizer writes and how likely it finds given texts; finished runs and plain backbones."""

import dataclasses
import doctest
import json
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch

import generator.turn_writer
from corpus.dialogue import Message, Role
from corpus.reasoning import Need, Reasoning
from corpus.strategy import Stage, Strategy
from generator.config import DECODING_PRESETS, VARIANTS, GeneratorConfig, LengthConfig
from generator.files import GeneratorSummary, write_run
from generator.inputs import InputFormat
from generator.realizer import Realizer
from generator.strategy_tokens import add_strategy_tokens
from language_models.backbone import load_backbone
from language_models.decoding.constraints import Vocabulary
from language_models.families.family import Example
from language_models.layout import text_ids
from language_models.perplexity import target_losses, token_losses
from language_models.settings import DecodingConfig
from safety.replies import FIXED_TEXTS
from tests.safety.word_detectors import word_care

BOTH = pytest.mark.parametrize("name", ["tiny-blenderbot", "tiny-dialogpt", "tiny-smollm2"])
CONFIG = DecodingConfig(temperature=1.0, top_k=0, top_p=1.0, max_message_tokens=6, max_messages=3)
REASONING = Reasoning("job crisis", "anxiety", 4, Need.HEARD, Stage.EXPLORATION, (0.5,) * 5)
PLANS = [(Strategy.QUESTION,), (Strategy.OTHERS, Strategy.OTHERS, Strategy.QUESTION), None, (Strategy.INFORMATION,) * 2]


@BOTH
@pytest.mark.parametrize("variant", ["strategy", "one-by-one"])
def test_every_message_is_read_by_the_next(name, variant, make_realizer, histories, monkeypatch):
    realizer = make_realizer(name, variant)
    seen = []
    context = realizer.form.context
    monkeypatch.setattr(
        realizer.form, "context", lambda history, *_, **__: seen.append(tuple(history)) or context(history)
    )
    (first, second) = realizer.realize(histories[0], [Strategy.QUESTION, Strategy.OTHERS])
    assert seen[0] == histories[0]
    assert seen[1] == (*histories[0], Message(Role.SUPPORTER, first[1], Strategy.QUESTION))
    assert second[0] is Strategy.OTHERS


@BOTH
def test_same_seed_same_texts_and_batches_do_not_matter(name, make_realizer, histories):
    def turns(seed, size):
        realizer = make_realizer(name, "strategy", batch_size=size)
        return realizer.realize_all(histories, PLANS, rng=np.random.default_rng(seed))

    assert turns(1, 64) == turns(1, 64) == turns(1, 2)
    assert turns(1, 64) != turns(2, 64)
    realizer = make_realizer(name, "strategy")
    assert realizer.realize(histories[0]) == realizer.realize(histories[0])


@pytest.fixture
def spoilt(make_realizer):
    """A model with strong and senseless preferences: its distribution is peaked at tokens that chance chose."""

    def build(name, variant, seed):
        realizer = make_realizer(name, variant)
        rows = realizer.backbone.model.get_output_embeddings().weight
        with torch.no_grad():
            rows.add_(torch.randn(rows.shape, generator=torch.Generator().manual_seed(seed)))
        return realizer

    return build


@BOTH
@pytest.mark.parametrize("variant", VARIANTS)
def test_whatever_the_model_wants_plans_hold_and_texts_are_text(name, variant, spoilt, histories):
    plans = [plan for plan in PLANS for _ in range(8)]
    for seed in range(2):
        realizer = spoilt(name, variant, seed)
        special = [word.lower() for word in realizer.backbone.tokenizer.all_special_tokens]
        turns = realizer.realize_all([h for h in histories for _ in range(8)], plans, rng=np.random.default_rng(seed))
        for plan, turn in zip(plans, turns, strict=True):
            chosen = [strategy for strategy, _ in turn]
            if variant == "vanilla":
                assert chosen == [None]
            elif plan is not None:
                assert chosen == list(plan)
            else:
                assert 1 <= len(chosen) <= (1 if variant == "strategy" else CONFIG.max_messages)
                assert all(isinstance(strategy, Strategy) for strategy in chosen)
            for _, text in turn:
                assert text == " ".join(text.split()) != ""
                assert not [sign for sign in text if unicodedata.category(sign) == "Cc"]
                assert not [word for word in special if word in text.lower()]
                assert "__" not in text


@BOTH
def test_a_free_one_by_one_turn_goes_on_until_the_model_stops_or_must(name, make_realizer, histories):
    realizer = make_realizer(name, "one-by-one")
    turns = realizer.realize_all(histories * 10, [None] * 40, rng=np.random.default_rng(0))
    assert {len(turn) for turn in turns} == {1, 2, CONFIG.max_messages}
    head = realizer.backbone.model.get_output_embeddings()
    for preferred, number in ((realizer.form.continuation, CONFIG.max_messages), (realizer.form.end, 1)):
        bias = torch.zeros(head.weight.shape[0]).index_fill(0, torch.tensor([preferred]), 50.0)
        hook = head.register_forward_hook(lambda _, __, logits, bias=bias: logits + bias)
        turns = realizer.realize_all(histories, [None] * 4, rng=np.random.default_rng(0))
        hook.remove()
        assert [len(turn) for turn in turns] == [number] * 4


def test_the_vocabulary_is_looked_through_once(make_realizer, histories, monkeypatch):
    built = []
    monkeypatch.setattr(
        generator.realizer, "Vocabulary", lambda *args, **options: built.append(1) or Vocabulary(*args, **options)
    )
    realizer = make_realizer("tiny-blenderbot", "strategy")
    for _ in range(3):
        realizer.realize_all(histories, PLANS, rng=np.random.default_rng(0))
    assert len(built) == 1


@BOTH
@pytest.mark.parametrize("variant", VARIANTS)
def test_likelihood_of_a_turn_follows_the_way_it_is_written(name, variant, make_realizer, histories):
    realizer = make_realizer(name, variant)
    plan, texts = (Strategy.QUESTION, Strategy.OTHERS), ("Why sad?", "Some tea.")
    losses = realizer.negative_log_likelihood([histories[0], histories[1]], [plan] * 2, [texts] * 2)
    sums, tokens = losses.nats, losses.tokens
    assert (sums > 0).all()
    ends = 1 if variant == "all-in-one" else 2
    form = realizer.form
    words = sum(len(form.layout.text_ids(text)) for text in texts)
    assert tokens.tolist() == [words + ends] * 2
    assert losses.apart_tokens.tolist() == [0 if variant == "vanilla" else 2] * 2
    assert ((losses.apart_nats > 0) == (losses.apart_tokens > 0)).all()
    if variant in ("vanilla", "strategy"):
        parts = [
            realizer.negative_log_likelihood([histories[0]], [plan[:1]], [texts[:1]]),
            realizer.negative_log_likelihood(
                [(*histories[0], Message(Role.SUPPORTER, texts[0], plan[0]))], [plan[1:]], [texts[1:]]
            ),
        ]
        assert sums[0] == pytest.approx(sum(float(part[0][0]) for part in parts), rel=1e-4)


def test_wrong_calls_are_refused(make_realizer, histories, tmp_path):
    realizer = make_realizer("tiny-blenderbot", "strategy")
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="empty plan"):
        realizer.realize_all(histories, [(), None, None, None], rng=rng)
    with pytest.raises(ValueError, match="4 histories and 1 plans"):
        realizer.realize_all(histories, [None], rng=rng)
    with pytest.raises(ValueError, match="2 strategies and 1 texts"):
        realizer.negative_log_likelihood([()], [(Strategy.OTHERS,) * 2], [("a",)])
    with pytest.raises(ValueError, match="no finished generator run"):
        Realizer.load(tmp_path)


def test_the_stop_decision_counts_in_one_by_one(make_realizer, histories):
    realizer = make_realizer("tiny-blenderbot", "one-by-one")
    plan, texts = (Strategy.QUESTION, Strategy.OTHERS), ("Why sad?", "Some tea.")
    head = realizer.backbone.model.get_output_embeddings()
    costs = []
    for closing in (realizer.form.end, realizer.form.continuation):
        hook = head.register_forward_hook(
            lambda _, __, logits, one=closing: logits.index_fill(-1, torch.tensor([one]), -1000.0)
        )
        sums = realizer.negative_log_likelihood([histories[0]], [plan], [texts]).nats
        hook.remove()
        costs.append(round(sums[0] / 1000))
    assert costs == [1, 1]  # one continue token after the first message, one end token after the second


@BOTH
@pytest.mark.parametrize("variant", VARIANTS)
def test_reasoning_is_read_before_every_history(name, variant, make_realizer, histories, monkeypatch):
    realizer = make_realizer(name, variant, with_reasoning=True)
    assert realizer.with_reasoning
    plan, texts = (Strategy.QUESTION, Strategy.OTHERS), ("Why sad?", "Some tea.")
    seen = []
    context = realizer.form.context
    monkeypatch.setattr(
        realizer.form, "context", lambda history, thought, **_: seen.append(thought) or context(history, thought)
    )
    realizer.realize_all(histories[:2], [plan, plan[:1]], rng=np.random.default_rng(0), reasoning=[REASONING, None])
    expected = [REASONING, None, REASONING] if variant in ("strategy", "one-by-one") else [REASONING, None]
    assert seen == expected
    seen.clear()
    given = [REASONING, None]
    sums = realizer.negative_log_likelihood(histories[:2], [plan] * 2, [texts] * 2, reasoning=given).nats
    assert seen == ([REASONING, None] if variant == "all-in-one" else [REASONING] * 2 + [None] * 2)
    examples = realizer.form.turn_examples(histories[0], list(zip(plan, texts, strict=True)), REASONING)
    direct = target_losses(realizer.backbone, examples, apart=realizer.form.strategy_ids).nats
    assert sums[0] == pytest.approx(direct.sum(), rel=1e-6)
    assert realizer.realize(histories[0], plan, reasoning=REASONING)
    assert realizer.realize(histories[0], plan[:0], reasoning=REASONING) == []


def test_reasoning_is_refused_where_none_was_learned(make_realizer, histories):
    realizer = make_realizer("tiny-blenderbot", "one-by-one")
    assert not realizer.with_reasoning
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="trained without any"):
        realizer.realize_all(histories[:1], [None], rng=rng, reasoning=[REASONING])
    with pytest.raises(ValueError, match="trained without any"):
        realizer.negative_log_likelihood(histories[:1], [PLANS[0]], [["a"]], reasoning=[REASONING])
    assert realizer.realize_all(histories[:1], [None], rng=rng, reasoning=[None])
    with pytest.raises(ValueError, match="4 histories and 1 times reasoning"):
        realizer.realize_all(histories, PLANS, rng=rng, reasoning=[None])


def test_the_tokenizers_name_is_that_of_the_segmentation(make_tiny, make_form):
    names = set()
    for variant in VARIANTS:
        backbone = make_tiny(strategies=variant != "vanilla", stop_decision=variant == "one-by-one")
        names.add(Realizer(backbone, make_form(backbone, variant), decoding=CONFIG).tokenizer_name)
    assert len(names) == 1
    backbone.tokenizer.add_tokens(["sunshine"])
    assert Realizer(backbone, make_form(backbone, variant), decoding=CONFIG).tokenizer_name not in names


@pytest.mark.parametrize(("name", "lengths"), [("tiny-blenderbot", (160, 40)), ("tiny-dialogpt", (180, 45))])
def test_the_backbone_without_fine_tuning(name, lengths, make_tiny, histories, tmp_path):
    backbone = make_tiny(name, strategies=False)
    backbone.model.save_pretrained(tmp_path)
    backbone.tokenizer.save_pretrained(tmp_path)
    realizer = Realizer.pretrained(tmp_path)
    assert (realizer.variant, realizer.with_reasoning) == ("vanilla", False)
    assert (realizer.form.history_tokens, realizer.form.response_tokens) == lengths
    assert realizer.decoding == dataclasses.replace(DECODING_PRESETS["esconv2021"], max_message_tokens=lengths[1])
    assert [
        [strategy for strategy, _ in turn]
        for turn in realizer.realize_all(histories, [None] * 4, rng=np.random.default_rng(0))
    ] == [[None]] * 4
    with pytest.raises(ValueError, match="no pretrained weights, train it first"):
        Realizer.pretrained(name)


def test_the_backbone_without_fine_tuning_takes_lengths_and_sampling_of_a_run(make_tiny, tmp_path):
    backbone = make_tiny("tiny-dialogpt", strategies=False)
    run = tmp_path / "run"
    write_run(run, backbone, _summary(config=dataclasses.asdict(GeneratorConfig().resolved())), card="", curve=[])
    realizer = Realizer.pretrained(run / "model", like=run)
    assert (realizer.form.history_tokens, realizer.form.response_tokens) == (60, 20)
    assert (realizer.form.lengths.history_messages, realizer.form.variant) == (4, "vanilla")
    assert realizer.decoding == CONFIG


def test_the_example_of_the_module_runs(monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    assert doctest.testmod(generator.realizer).failed == 0


def test_greedy_decoding_is_a_setting_by_name(monkeypatch):
    run = Path(__file__).parents[1] / "data" / "golden" / "generator"
    greedy = Realizer.load(run, decoding="greedy", screened=False)
    assert greedy.decoding == dataclasses.replace(Realizer.load(run).decoding, top_k=1)
    turns = [greedy.realize((), [Strategy.QUESTION], rng=np.random.default_rng(seed)) for seed in range(3)]
    assert turns[0] == turns[1] == turns[2]
    with pytest.raises(ValueError, match="decoding: got 'beam', expected one of esconv2021"):
        Realizer.load(run, decoding="beam")


def _summary(*, config):
    return GeneratorSummary(
        variant="strategy",
        lengths=LengthConfig(60, 4, 20),
        decoding=CONFIG,
        config=config,
        seed=0,
        data={"train": "0", "valid": "0"},
        examples={"train": 1, "valid": 1},
        parameters=1,
        best_step=1,
        best_perplexity=1.0,
        seconds=1.0,
    )


def test_runs_of_the_time_before_reasoning_still_load(make_tiny, make_form, tmp_path):
    backbone = make_tiny()
    config = dataclasses.asdict(GeneratorConfig().resolved())
    del config["reasoning_share"]
    summary = _summary(config=config)
    write_run(tmp_path, backbone, summary, card="", curve=[])
    realizer = Realizer.load(tmp_path, screened=False)
    assert (realizer.variant, realizer.with_reasoning) == ("strategy", False)
    assert realizer.realize((), [Strategy.QUESTION])
    fields = json.loads((tmp_path / "generator.json").read_text())
    fields["config"]["reasoning_share"] = 0.5
    (tmp_path / "generator.json").write_text(json.dumps(fields))
    assert Realizer.load(tmp_path).with_reasoning


SLEEPLESS = (Message(Role.SEEKER, "I can't sleep. It's been hard, you know?"),)


@pytest.mark.real_data
@pytest.mark.parametrize("folder", ["blenderbot_small-90M", "DialoGPT-small"])
def test_the_real_configurations_train_a_step_and_decode(folder, shared, tmp_path):
    """With the real tokenizer, width and positions; of one layer, so that a step takes a second."""
    source = tmp_path / folder
    source.mkdir()
    for path in (shared / "models" / folder).iterdir():
        shutil.copyfile(path, source / path.name)
    with pytest.raises(ValueError, match="no weights"):
        load_backbone(source)
    config = json.loads((source / "config.json").read_text())
    layers = {name for name in config if name in {"n_layer", "encoder_layers", "decoder_layers"}}
    (source / "config.json").write_text(json.dumps(config | dict.fromkeys(layers, 1)))
    torch.manual_seed(0)
    backbone = load_backbone(source, random_weights=True)
    ids = add_strategy_tokens(backbone)
    assert ids == list(range(len(backbone.tokenizer) - 8, len(backbone.tokenizer)))
    assert not set(text_ids(backbone.tokenizer, "so __end__ <|endoftext|> [Others]")) & {
        *ids,
        backbone.tokenizer.eos_token_id,
    }
    form = InputFormat(backbone, variant="strategy", lengths=LengthConfig(160, None, 40))
    context, target = form.context(SLEEPLESS), form.target([(Strategy.QUESTION, "What keeps you awake?")])
    read = backbone.tokenizer.decode(context, skip_special_tokens=True).lower().replace(" ", "")
    assert read == SLEEPLESS[0].text.lower().replace(" ", "")
    assert target[0] == ids[0]
    assert target[-1] == backbone.tokenizer.eos_token_id
    batch = backbone.collate([Example(context, target)] * 2)
    optimizer = torch.optim.SGD(backbone.model.parameters(), lr=0.1)
    with torch.autocast("cpu", torch.bfloat16):
        losses, _ = token_losses(backbone.family, backbone.model, batch)
    losses.mean().backward()
    row = backbone.model.get_input_embeddings().weight[ids[0]]
    before = row.detach().clone()
    optimizer.step()
    optimizer.zero_grad()
    assert torch.isfinite(row).all()
    assert not torch.equal(row, before)
    realizer = Realizer(backbone, form, decoding=DecodingConfig(max_message_tokens=3), screened=False)
    ((first, text), (second, other)) = realizer.realize(SLEEPLESS, [Strategy.QUESTION, Strategy.OTHERS])
    assert (first, second) == (Strategy.QUESTION, Strategy.OTHERS)
    assert text
    assert other
    ((chosen, _),) = realizer.realize((), None)
    assert isinstance(chosen, Strategy)


def test_what_must_not_be_said_is_kept_back_unless_told_otherwise(make_realizer, histories, monkeypatch):
    monkeypatch.setattr(generator.turn_writer, "default_care", word_care)
    realizer = make_realizer("tiny-dialogpt", "strategy", screened=True)
    calls = []

    def write(*_, **__):
        calls.append(1)
        return [[(Strategy.QUESTION, "unsafe")]]

    monkeypatch.setattr(realizer, "realize_all", write)
    ((strategy, text),) = realizer.realize(histories[0], [Strategy.QUESTION])
    assert (strategy, text) == (Strategy.QUESTION, FIXED_TEXTS[Strategy.QUESTION])
    assert len(calls) == 5
    realizer.screened = False
    assert realizer.realize(histories[0], [Strategy.QUESTION]) == [(Strategy.QUESTION, "unsafe")]
