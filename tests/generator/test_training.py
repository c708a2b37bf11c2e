"""Trainings end with the weights they must, are resumed after a kill, and leave a complete run folder."""

import dataclasses
import json
import pickle
import shutil

import numpy as np
import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

import language_models.trainer
from corpus.dialogue import Dialogue, Message, Role
from corpus.strategy import Strategy
from generator.config import GeneratorConfig, LengthConfig
from generator.model_card import model_card
from generator.realizer import Realizer
from generator.training import train_generator
from language_models.perplexity import perplexity, target_losses
from language_models.settings import AdapterConfig, OptimisationConfig, TinyModelConfig
from language_models.training_record import Checkpoints

CONFIG = GeneratorConfig(
    backbone="tiny-blenderbot",
    lengths=LengthConfig(history_tokens=96, response_tokens=40),
    optimisation=OptimisationConfig(batch_size=4, epochs=3.0, learning_rate=5e-3, warmup_steps=3, precision="fp32"),
    tiny=TinyModelConfig(width=16, layers=1, heads=2, vocabulary=320),
)


def changed(config, **changes):
    """The same configuration with other values; a dict changes values of the section it is named after."""
    for name, value in changes.items():
        if isinstance(value, dict):
            value = dataclasses.replace(getattr(config, name), **value)
        config = dataclasses.replace(config, **{name: value})
    return config


def train(out, dialogues, config=CONFIG, seed=5):
    return train_generator(config, train=dialogues[:8], valid=dialogues[8:], out=out, seed=seed)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, dialogues):
    out = tmp_path_factory.mktemp("finished")
    return out, train(out, dialogues)


def weights(out):
    (path,) = (out / "model").glob("*model.safetensors")
    return load_file(path)


def test_a_finished_run_holds_safetensors_and_no_pickle(finished):
    out, _ = finished
    names = {path.name for path in out.rglob("*") if path.is_file()}
    assert {"generator.json", "training_curve.json", "model.safetensors", "tokenizer.json", "config.json"} <= names
    assert not [name for name in names if name.endswith((".pt", ".pth", ".bin", ".pkl"))]
    assert not (out / "checkpoints").exists()
    assert list((out / "tensorboard").iterdir())


def test_loading_executes_no_pickle(finished, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("unpickled something")

    monkeypatch.setattr(pickle, "load", refuse)
    monkeypatch.setattr(pickle, "loads", refuse)
    monkeypatch.setattr(pickle, "Unpickler", refuse)
    monkeypatch.setattr(torch, "load", refuse)
    realizer = Realizer.load(finished[0], screened=False)
    ((strategy, text),) = realizer.realize((), [Strategy.QUESTION])
    assert strategy is Strategy.QUESTION
    assert text


def test_from_pretrained_alone_loads_the_result(finished):
    folder = finished[0] / "model"
    model, tokenizer = AutoModelForSeq2SeqLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.get_input_embeddings().weight.shape[0] == len(tokenizer)
    assert tokenizer.convert_tokens_to_ids("[Question]") == len(tokenizer) - 8


@pytest.mark.parametrize("kind", [AutoModelForSeq2SeqLM, AutoModelForCausalLM])
def test_from_pretrained_alone_writes_what_our_decoder_writes(kind, finished, tmp_path, dialogues):
    out = finished[0]
    if kind is AutoModelForCausalLM:
        out = tmp_path
        train(out, dialogues, changed(CONFIG, backbone="tiny-dialogpt", optimisation={"epochs": 1.0}))
    model, tokenizer = kind.from_pretrained(out / "model"), AutoTokenizer.from_pretrained(out / "model")
    realizer = Realizer.load(out)
    mine, theirs = realizer.backbone.model.state_dict(), model.state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert tokenizer.get_vocab() == realizer.backbone.tokenizer.get_vocab()
    assert tokenizer.padding_side == "right"
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 0)


def test_the_model_card_says_what_the_hub_and_people_need(finished):
    card = ModelCard.load(finished[0] / "model" / "README.md")
    assert card.data.license == "cc-by-nc-4.0"
    assert card.data.datasets == ["thu-coai/esconv"]
    assert card.data.get("base_model") is None  # trained from scratch
    assert card.data.eval_results[0].metric_value == round(finished[1].summary.best_perplexity, 2)
    for part in ("Intended use and limits", "no therapist", "CC BY-NC 4.0", "seed 5"):
        assert part in card.text, part
    assert "| optimisation.learning_rate | 0.005 |" in card.text
    assert "| lengths.response_tokens | 40 |" in card.text  # resolved


@pytest.mark.parametrize(
    ("backbone", "corpus", "base", "licence"),
    [
        ("dialogpt", "esconv", "microsoft/DialoGPT-small", "cc-by-nc-4.0"),
        ("somebody/her-model", "", "somebody/her-model", "cc-by-nc-4.0"),
        ("/somewhere/on/a/machine", "esconv", None, "cc-by-nc-4.0"),
        ("tiny-blenderbot", "sample", None, "mit"),
    ],
)
def test_model_cards_name_the_base_model_but_no_path(backbone, corpus, base, licence, finished):
    summary = finished[1].summary
    card = model_card(dataclasses.replace(summary, corpus=corpus, config=summary.config | {"backbone": backbone}))
    data = ModelCard(card).data
    assert (data.get("base_model"), data.license) == (base, licence)
    assert "somewhere/on" not in card


def test_the_checkpoint_of_the_lowest_validation_perplexity_is_chosen(finished, dialogues):
    out, training = finished
    measured = [point for point in training.curve if point.valid_perplexity is not None]
    assert len(measured) == 3
    best = min(measured, key=lambda point: point.valid_perplexity)
    assert (training.summary.best_perplexity, training.summary.best_step) == (best.valid_perplexity, best.step)
    realizer = Realizer.load(out)
    examples = realizer.form.examples(dialogues[8:])
    sums, tokens, *_ = target_losses(realizer.backbone, examples, apart=realizer.form.strategy_ids)
    assert perplexity(sums, tokens) == pytest.approx(best.valid_perplexity, rel=1e-5)


def test_a_worse_last_checkpoint_is_not_chosen(tmp_path, dialogues, monkeypatch):
    values = iter([9.0, 4.0, 6.0])
    monkeypatch.setattr(language_models.trainer, "perplexity", lambda *_: next(values))
    training = train(tmp_path, dialogues)
    steps = [point.step for point in training.curve if point.valid_perplexity is not None]
    assert (training.summary.best_perplexity, training.summary.best_step) == (4.0, steps[1])


class KilledError(Exception):
    pass


@pytest.mark.parametrize("backbone", ["tiny-blenderbot", "tiny-dialogpt", "tiny-smollm2", "adapter"])
def test_a_killed_run_ends_with_the_weights_of_an_uninterrupted_one(
    backbone, tmp_path, dialogues, monkeypatch, make_tiny
):
    # Checkpoints every 4 steps fall in the middle of an epoch; two batches of different lengths make a step.
    steps_of = {"evaluation_steps": 4, "batch_size": 1, "accumulation_steps": 2, "epochs": 2.0}
    config = changed(CONFIG, backbone=backbone, optimisation=steps_of)
    if backbone == "adapter":
        base = make_tiny("tiny-smollm2", strategies=False)
        base.model.save_pretrained(tmp_path / "base")
        base.tokenizer.save_pretrained(tmp_path / "base")
        config = changed(config, backbone=str(tmp_path / "base"), adapter=AdapterConfig(rank=2))
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    real = language_models.trainer.ResponseTrainer.training_step
    steps = 0

    def counted(self, *args, **kwargs):
        nonlocal steps
        steps += 1
        return real(self, *args, **kwargs)

    monkeypatch.setattr(language_models.trainer.ResponseTrainer, "training_step", counted)
    expected = train(whole, dialogues, config)
    total, steps = steps, 0

    def dies(self, *args, **kwargs):
        nonlocal steps
        steps += 1
        if steps == 12:  # in the sixth optimizer step, two after the first checkpoint
            raise KilledError
        return real(self, *args, **kwargs)

    monkeypatch.setattr(language_models.trainer.ResponseTrainer, "training_step", dies)
    with pytest.raises(KilledError):
        train(cut, dialogues, config)
    assert not (cut / "generator.json").exists()
    checkpoint = Checkpoints(cut / "checkpoints").last()
    assert checkpoint is not None
    assert checkpoint.name == "checkpoint-4"
    shutil.copytree(checkpoint, checkpoint.with_name("checkpoint-5"))  # a kill while this one was written
    checkpoint.with_name("checkpoint-5").joinpath("trainer_state.json").write_text("{")
    resumed = train(cut, dialogues, config)
    assert steps - 12 == total - 2 * 4  # it did resume, not begin anew
    assert resumed.summary.best_perplexity == expected.summary.best_perplexity
    assert [p for p in resumed.curve if p.valid_perplexity] == [p for p in expected.curve if p.valid_perplexity]
    one, two = weights(whole), weights(cut)
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_another_seed_gives_other_weights(finished, tmp_path, dialogues):
    train(tmp_path, dialogues, seed=6)
    expected, other = weights(finished[0]), weights(tmp_path)
    assert not all(torch.equal(expected[name], other[name]) for name in expected)


def test_a_finished_run_is_read_not_repeated(finished, dialogues, monkeypatch):
    out, training = finished
    monkeypatch.setattr(language_models.trainer.ResponseTrainer, "train", lambda *_, **__: pytest.fail("trained again"))
    assert train(out, dialogues) == training


def test_the_summary_is_complete(finished):
    fields = json.loads((finished[0] / "generator.json").read_text())
    assert fields["config"] == dataclasses.asdict(CONFIG.resolved())
    assert (fields["max_history_tokens"], fields["max_response_tokens"]) == (96, 40)
    assert fields["decoding"]["max_message_tokens"] == 40
    assert fields["examples"]["train"] == sum(fields["examples"].values()) * 2 // 3


@pytest.mark.parametrize("backbone", ["tiny-blenderbot", "tiny-dialogpt", "tiny-smollm2"])
def test_gradient_checkpointing_changes_no_loss(backbone, tmp_path, dialogues):
    config = changed(CONFIG, backbone=backbone, optimisation={"epochs": 1.0})  # dropout's random states come back
    other = changed(config, optimisation={"gradient_checkpointing": True})
    one, two = train(tmp_path / "stored", dialogues, config), train(tmp_path / "twice", dialogues, other)
    for here, there in zip(one.curve, two.curve, strict=True):
        assert (here.step, here.epoch) == (there.step, there.epoch)
        assert here.valid_perplexity == pytest.approx(there.valid_perplexity, rel=1e-5)
    mine, theirs = weights(tmp_path / "stored"), weights(tmp_path / "twice")
    for name in mine:
        torch.testing.assert_close(mine[name], theirs[name], rtol=1e-4, atol=1e-5)


def test_bf16_stays_near_fp32_and_saves_full_precision(tmp_path, dialogues):
    config = changed(CONFIG, tiny={"dropout": 0.0})
    one = train(tmp_path / "fp32", dialogues, config)
    mixed = changed(config, optimisation={"precision": "bf16", "gradient_checkpointing": True})
    two = train(tmp_path / "bf16", dialogues, mixed)
    assert two.summary.best_perplexity == pytest.approx(one.summary.best_perplexity, rel=0.05)
    assert two.summary.best_perplexity != one.summary.best_perplexity
    assert {tensor.dtype for tensor in weights(tmp_path / "bf16").values()} == {torch.float32}


@pytest.mark.parametrize("variant", ["vanilla", "all-in-one"])
def test_training_learns_in_the_other_variants(variant, tmp_path, dialogues):
    curve = train(tmp_path, dialogues, changed(CONFIG, variant=variant, optimisation={"epochs": 8.0})).curve
    measured = [point.valid_perplexity for point in curve if point.valid_perplexity is not None]
    assert measured[-1] < measured[0] / 3


STOPPING = GeneratorConfig(
    backbone="tiny-blenderbot",
    variant="one-by-one",
    reasoning_share=0.5,
    lengths=LengthConfig(history_tokens=100),
    optimisation=OptimisationConfig(
        batch_size=16, epochs=25.0, evaluation_steps=100, learning_rate=5e-3, warmup_steps=10, precision="fp32"
    ),
    tiny=TinyModelConfig(width=64, layers=1, heads=4, dropout=0.0, vocabulary=300),
)
THINGS = ("rain", "sun", "work", "sleep", "tea", "music")


def dialogue_of(number: int, *, messages: int) -> Dialogue:
    """A seeker who says how many answers they want, and gets them."""
    thing = THINGS[number // 2 % len(THINGS)]
    seeker = Message(Role.SEEKER, f"{'Both' if messages == 2 else 'Just'} about {thing}")
    answers = [
        Message(Role.SUPPORTER, "Yes.", Strategy.AFFIRMATION),
        Message(Role.SUPPORTER, "Why?", Strategy.QUESTION),
    ]
    return Dialogue(number, (seeker, *answers[:messages]), problem="job crisis", emotion="sadness")


@pytest.fixture(scope="module")
def stopping(tmp_path_factory) -> Realizer:
    out = tmp_path_factory.mktemp("stop")
    dialogues = [dialogue_of(number, messages=1 + number % 2) for number in range(1, 97)]
    train_generator(STOPPING, train=dialogues[:80], valid=dialogues[80:], out=out, seed=0)
    return Realizer.load(out, screened=False)


def test_the_stop_decision_is_learned_from_the_history(stopping):
    wanted = [1 + number % 2 for number in range(20)]
    histories = [dialogue_of(200 + index, messages=number).messages[:1] for index, number in enumerate(wanted)]
    turns = stopping.realize_all(histories, [None] * 20, rng=np.random.default_rng(0))
    assert [len(turn) for turn in turns] == wanted
    assert turns[1] == [(Strategy.AFFIRMATION, "Yes."), (Strategy.QUESTION, "Why?")]


def test_a_plan_overrules_the_stop_decision(stopping):
    history = dialogue_of(1, messages=1).messages[:1]
    plan = [Strategy.AFFIRMATION, Strategy.QUESTION, Strategy.AFFIRMATION]
    assert [strategy for strategy, _ in stopping.realize(history, plan)] == plan
    both = dialogue_of(1, messages=2).messages[:1]
    assert stopping.realize(both, plan[:1]) == [(Strategy.AFFIRMATION, "Yes.")]


def test_the_right_stop_is_likely_and_the_wrong_one_is_not(stopping):
    just, both = (dialogue_of(1, messages=number).messages[:1] for number in (1, 2))
    one, two = (["Yes."], [Strategy.AFFIRMATION]), (["Yes.", "Why?"], [Strategy.AFFIRMATION, Strategy.QUESTION])
    for text, plan in (one, two):
        sums = stopping.negative_log_likelihood([just, both], [plan] * 2, [text] * 2).nats
        right, wrong = sums if len(text) == 1 else sums[::-1]
        assert right < wrong - 1
