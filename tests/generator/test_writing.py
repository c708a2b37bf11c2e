"""Plans become texts in every variant, whatever the model wants; texts look as people write them."""

import unicodedata

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import generator.realizer
from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from generator.config import VARIANTS
from generator.inputs import tidy
from language_models.decoding.constraints import Vocabulary

BOTH = pytest.mark.parametrize("name", ["tiny-blenderbot", "tiny-dialogpt"])
MOST = 3  # messages of a free turn
PLANS = [(Strategy.QUESTION,), (Strategy.OTHERS, Strategy.OTHERS, Strategy.QUESTION), None, (Strategy.INFORMATION,) * 2]


@BOTH
@pytest.mark.parametrize("variant", ["strategy", "all-in-one", "one-by-one"])
def test_plans_are_realized_in_order(name, variant, make_realizer, histories):
    turns = make_realizer(name, variant).realize_all(histories, PLANS, rng=np.random.default_rng(1))
    for plan, turn in zip(PLANS, turns, strict=True):
        chosen = tuple(strategy for strategy, _ in turn)
        if plan is None:
            assert 1 <= len(chosen) <= (1 if variant == "strategy" else 3)
            assert all(isinstance(strategy, Strategy) for strategy in chosen)
        else:
            assert chosen == plan
        for _, text in turn:
            assert text == text.strip() != ""
            assert "__" not in text
            assert not any(strategy.label in text for strategy in Strategy)


@BOTH
def test_vanilla_writes_one_text_whatever_the_plan(name, make_realizer, histories):
    turns = make_realizer(name, "vanilla").realize_all(histories, PLANS, rng=np.random.default_rng(1))
    assert [len(turn) for turn in turns] == [1] * 4
    assert all(strategy is None and text for ((strategy, text),) in turns)


@BOTH
@pytest.mark.parametrize("variant", ["strategy", "one-by-one"])
def test_every_message_is_read_by_the_next(name, variant, make_realizer, histories, monkeypatch):
    realizer = make_realizer(name, variant)
    seen = []
    context = realizer.form.context
    monkeypatch.setattr(realizer.form, "context", lambda history, _: seen.append(tuple(history)) or context(history))
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
    """A model with strong and senseless preferredes: its distribution is peaked at tokens that chance chose."""

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
    for seed in range(4):
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
                assert 1 <= len(chosen) <= (1 if variant == "strategy" else MOST)
                assert all(isinstance(strategy, Strategy) for strategy in chosen)
            for _, text in turn:
                assert text == " ".join(text.split()) != ""
                assert not [sign for sign in text if unicodedata.category(sign) == "Cc"]
                assert not [word for word in special if word in text.lower()]


@BOTH
def test_a_free_one_by_one_turn_goes_on_until_the_model_stops_or_must(name, make_realizer, histories):
    realizer = make_realizer(name, "one-by-one")
    turns = realizer.realize_all(histories * 10, [None] * 40, rng=np.random.default_rng(0))
    assert {len(turn) for turn in turns} == {1, 2, MOST}
    head = realizer.backbone.model.get_output_embeddings()
    for preferred, number in ((realizer.form.continuation, MOST), (realizer.form.end, 1)):
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


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("i can ' t sleep . it ' s hard , you know ?", "I can't sleep. It's hard, you know?"),
        (" I can't sleep. It's hard, you know?", "I can't sleep. It's hard, you know?"),
        ("we ' ll see ( maybe ) !", "We'll see (maybe)!"),
        ("do  you\nthink   so", "Do you think so"),
        ("broken \ufffd\ufffd end", "Broken end"),
        ("bro\x12ken\x00 \x85end\x9f", "Broken end"),
        ("NASA works", "NASA works"),
        ("thank you : )", "Thank you :)"),
        ("that hurts : ( i know ; it does", "That hurts :( I know; it does"),
        ("two things : ( one ) sleep", "Two things: (one) sleep"),
        ("y ' all at 8 o ' clock , ma ' am", "Y'all at 8 o'clock, ma'am"),
        ("the students ' rooms", "The students ' rooms"),
        ("", ""),
    ],
)
def test_both_backbones_end_up_alike(raw, expected):
    assert tidy(raw) == expected
    assert tidy(expected) == expected


@settings(deadline=None)
@given(st.from_regex(r"[A-Za-z0-9]", fullmatch=True), st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_no_text_becomes_empty_or_keeps_what_is_no_text(first, rest):
    text = tidy(f" {first}{rest}")
    assert text == " ".join(text.split()) != ""
    assert tidy(text) == text
    assert not [sign for sign in text if unicodedata.category(sign) == "Cc" or sign == "\ufffd"]
