"""History, strategies and reasoning as token ids."""

import unicodedata

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.dialogue import Dialogue, Message, Role, Survey, turn_view
from corpus.errors import CorpusError
from corpus.reasoning import Need, Reasoning, ReasoningLabels
from corpus.strategy import Stage, Strategy
from generator.config import VARIANTS, LengthConfig
from generator.inputs import reasoning_words, tidy, with_prefix
from generator.strategy_tokens import add_strategy_tokens, continue_id, strategy_ids, strategy_token
from language_models.families.family import Example
from language_models.layout import text_ids

SEEKER, SUPPORTER = Role.SEEKER, Role.SUPPORTER
HISTORY = (
    Message(SEEKER, "I feel sad."),
    Message(SUPPORTER, "You could walk.", Strategy.SUGGESTIONS),
    Message(SUPPORTER, "Why sad?", Strategy.QUESTION),
    Message(SEEKER, "No sleep."),
)
END = 2


def ids(backbone, text):
    return text_ids(backbone.tokenizer, text)


def token(backbone, strategy):
    return backbone.tokenizer.convert_tokens_to_ids(strategy_token(strategy))


def test_context_token_by_token(make_tiny, make_form):
    backbone = make_tiny()
    suggestion, question = token(backbone, Strategy.SUGGESTIONS), token(backbone, Strategy.QUESTION)
    plain = [ids(backbone, m.text) for m in HISTORY]
    with_strategies = [*plain[0], END, suggestion, *plain[1], END, question, *plain[2], END, *plain[3]]
    without = [*plain[0], END, *plain[1], END, *plain[2], END, *plain[3]]
    for variant, expected in (("strategy", with_strategies), ("all-in-one", with_strategies), ("vanilla", without)):
        assert make_form(backbone, variant).context(HISTORY) == expected


def test_context_is_cut_on_the_left_and_may_be_empty(make_tiny, make_form):
    backbone = make_tiny()
    whole = make_form(backbone, "strategy", history=500).context(HISTORY)
    for length in range(1, len(whole) + 2):
        assert make_form(backbone, "strategy", history=length).context(HISTORY) == whole[-length:]
    assert make_form(backbone, "strategy").context([]) == []


def test_history_may_be_limited_in_messages(make_tiny, make_form):
    form = make_form(make_tiny(), "vanilla")
    last = form.context(HISTORY[-2:])
    form.lengths = LengthConfig(form.history_tokens, 2, form.response_tokens)
    assert form.context(HISTORY) == last


def test_a_supporter_message_without_strategy_carries_no_mark(make_tiny, make_form):
    backbone = make_tiny()
    assert make_form(backbone, "strategy").context([Message(SUPPORTER, "Hi")]) == ids(backbone, "Hi")


def test_targets_token_by_token(make_tiny, make_form):
    backbone = make_tiny()
    question, other = token(backbone, Strategy.QUESTION), token(backbone, Strategy.OTHERS)
    why, tea = ids(backbone, "Why sad?"), ids(backbone, "Some tea.")
    pairs = [(Strategy.QUESTION, "Why sad?"), (Strategy.OTHERS, "Some tea.")]
    assert make_form(backbone, "vanilla").target([(None, "Why sad?")]) == [*why, END]
    assert make_form(backbone, "strategy").target(pairs[:1]) == [question, *why, END]
    assert make_form(backbone, "all-in-one").target(pairs) == [question, *why, other, *tea, END]
    # A message that is cut has no end token; the strategy token does not count.
    assert make_form(backbone, "strategy", response=2).target(pairs[:1]) == [question, *why[:2]]
    assert make_form(backbone, "strategy", response=len(why) + 1).target(pairs[:1])[-1] == END


def test_targets_refuse_what_does_not_fit(make_tiny, make_form):
    backbone = make_tiny()
    with pytest.raises(ValueError, match="one response"):
        make_form(backbone, "strategy").target([(Strategy.QUESTION, "a"), (Strategy.QUESTION, "b")])
    with pytest.raises(ValueError, match="needs a strategy"):
        make_form(backbone, "strategy").target([(None, "a")])
    with pytest.raises(ValueError, match="variant"):
        make_form(backbone, "both")
    with pytest.raises(ValueError, match=r"lacks the strategy tokens \[Question\], "):
        make_form(make_tiny(strategies=False), "strategy")


def test_examples_are_messages_or_turns(make_tiny, make_form):
    backbone = make_tiny()
    dialogue = Dialogue(1, HISTORY[1:])  # the supporter opens with two messages
    one, two = make_form(backbone, "strategy").examples([dialogue])
    assert one.context == []
    assert two.context == [token(backbone, Strategy.SUGGESTIONS), *ids(backbone, "You could walk.")]
    (whole,) = make_form(backbone, "all-in-one").examples([dialogue])
    assert whole.context == []
    assert whole.target == [*one.target[:-1], *two.target]
    unlabelled = Dialogue(2, (Message(SUPPORTER, "Hi"),))
    with pytest.raises(CorpusError, match="dialogue 2"):
        make_form(backbone, "strategy").examples([unlabelled])
    assert len(make_form(backbone, "vanilla").examples([unlabelled])) == 1


LABELS = ReasoningLabels("job crisis", "sadness", 4, Need.HEARD, Stage.EXPLORATION)
WORDS = "problem: job crisis, feels sadness 4 of 5, needs to be heard, exploration"


@pytest.fixture
def one_by_one(make_tiny):
    return make_tiny(stop_decision=True)


def test_one_by_one_targets_end_in_the_stop_decision(one_by_one, make_form):
    continuation = one_by_one.tokenizer.convert_tokens_to_ids("[continue]")
    assert continuation == len(one_by_one.tokenizer) - 1
    form, question = make_form(one_by_one, "one-by-one"), token(one_by_one, Strategy.QUESTION)
    why, pair = ids(one_by_one, "Why sad?"), [(Strategy.QUESTION, "Why sad?")]
    assert form.target(pair) == [question, *why, END]
    assert form.target(pair, follows=True) == [question, *why, continuation]
    short = make_form(one_by_one, "one-by-one", response=2)
    assert short.target(pair, follows=True) == [question, *why[:2]]  # a cut says nothing about what follows
    with pytest.raises(ValueError, match="one response"):
        form.target(pair * 2)
    assert make_form(one_by_one, "strategy").target(pair, follows=True) == [question, *why, END]


def test_one_by_one_examples_token_by_token(one_by_one, make_form):
    dialogue = Dialogue(1, HISTORY)
    first, second = make_form(one_by_one, "one-by-one").examples([dialogue])
    continuation = one_by_one.tokenizer.convert_tokens_to_ids("[continue]")
    suggestion, question = (token(one_by_one, s) for s in (Strategy.SUGGESTIONS, Strategy.QUESTION))
    sad, walk, why = (ids(one_by_one, m.text) for m in HISTORY[:3])
    assert first == Example(sad, [suggestion, *walk, continuation])
    assert second == Example([*sad, END, suggestion, *walk], [question, *why, END])


def test_a_tokenizer_without_the_continue_token_is_refused(make_tiny, make_form):
    with pytest.raises(ValueError, match=r"lacks the token \[continue\] of variant one-by-one"):
        make_form(make_tiny(), "one-by-one")


@pytest.mark.parametrize("variant", ["vanilla", "strategy", "one-by-one", "all-in-one"])
def test_reasoning_comes_before_the_history_and_is_never_cut(variant, one_by_one, make_form):
    whole = make_form(one_by_one, variant, history=500).context(HISTORY)
    prefix = [*ids(one_by_one, WORDS), END]
    for length in (len(prefix) + 1, len(prefix) + 7, len(prefix) + len(whole), 500):
        form = make_form(one_by_one, variant, history=length, with_reasoning=True)
        assert form.context(HISTORY, LABELS) == prefix + whole[-(length - len(prefix)) :]
        assert form.context((), LABELS) == prefix
        assert form.context(HISTORY) == whole[-length:]  # without reasoning nothing changes
        assert form.context(HISTORY, ReasoningLabels(*[None] * 5)) == whole[-length:]
    form = make_form(one_by_one, variant, history=len(prefix), with_reasoning=True)
    with pytest.raises(ValueError, match=f"history_tokens: got {len(prefix)}, .*leaves nothing"):
        form.context(HISTORY, LABELS)


def test_the_prefix_has_no_special_token_but_its_end(one_by_one, make_form):
    form = make_form(one_by_one, "one-by-one", history=500, with_reasoning=True)
    odd = LABELS._replace(context="[continue] __end__ [Question]")
    prefix = form.context((), odd)
    assert set(prefix) & set(one_by_one.tokenizer.all_special_ids) == {END}
    assert prefix.count(END) == 1


@pytest.mark.parametrize("variant", ["strategy", "one-by-one", "all-in-one"])
def test_a_share_of_the_turns_is_learned_after_the_corpus_labels(variant, one_by_one, make_form):
    survey = Survey(initial_intensity=4)
    dialogues = [Dialogue(n, HISTORY, problem="job crisis", emotion="sadness", survey=survey) for n in range(1, 11)]
    form = make_form(one_by_one, variant, history=500, with_reasoning=True)
    # Suggestions answer the need to act; action and exploration are tied, the turn's own first stage wins.
    prefix = [*ids(one_by_one, "problem: job crisis, feels sadness 4 of 5, needs to act, action"), END]
    plain = form.examples(dialogues)

    def chosen(share, seed):
        examples = form.examples(dialogues, reasoning_share=share, rng=np.random.default_rng(seed))
        prefixed = [one.context[: len(prefix)] == prefix for one in examples]
        for with_it, one, without in zip(prefixed, examples, plain, strict=True):
            assert one == (Example(prefix + without.context, without.target) if with_it else without)
        return prefixed

    half = chosen(0.5, 1)
    assert sum(half) == len(plain) // 2
    assert half == chosen(0.5, 1) != chosen(0.5, 2)
    assert all(chosen(1.0, 1))
    assert not any(chosen(0.0, 1))
    with pytest.raises(ValueError, match="random generator"):
        form.examples(dialogues, reasoning_share=0.5)
    with pytest.raises(ValueError, match="trained without any"):
        make_form(one_by_one, variant).examples(dialogues, reasoning_share=0.5, rng=np.random.default_rng(0))


def test_the_stop_decision_is_one_more_token_after_the_strategies(make_tiny):
    backbone = make_tiny(strategies=False)
    before = backbone.model.get_input_embeddings().weight.detach().clone()
    size = len(backbone.tokenizer)
    words = text_ids(backbone.tokenizer, "continue")
    assert add_strategy_tokens(backbone, stop_decision=True) == list(range(size, size + 9))
    assert strategy_ids(backbone.tokenizer) == list(range(size, size + 8))
    assert continue_id(backbone.tokenizer) == size + 8
    row = backbone.model.get_input_embeddings().weight[size + 8]
    assert torch.allclose(row, before[words].mean(dim=0), atol=1e-7)


def test_tokens_are_labels_in_brackets():
    assert strategy_token(Strategy.RESTATEMENT) == "[Restatement or Paraphrasing]"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (LABELS, WORDS),
        (
            Reasoning(*LABELS, (0.9, 0.5, 0.3, 0.6, 0.7)),
            WORDS,
        ),  # a conclusion reads like the labels it was learned from
        (ReasoningLabels("job crisis", None, None, None, None), "problem: job crisis"),
        (ReasoningLabels(None, "sadness", None, Need.ACT, None), "feels sadness, needs to act"),
        (ReasoningLabels(None, None, 2, None, Stage.COMFORTING), "feels 2 of 5, comforting"),
        (ReasoningLabels(None, None, None, None, None), ""),
    ],
)
def test_reasoning_in_words_leaves_out_what_is_unknown(labels, words):
    assert reasoning_words(labels) == words


@pytest.mark.parametrize(("share", "number"), [(0.0, 0), (0.5, 10), (0.33, 7), (1.0, 20)])
def test_the_share_is_exact_and_the_choice_is_the_generators(share, number):
    one, two, other = (with_prefix(20, share, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.sum() == other.sum() == number
    assert (one == two).all()
    assert (one != other).any() == (0 < number < 20)


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


TALK = Dialogue(1, (*HISTORY, Message(SUPPORTER, "Some tea helps.", Strategy.INFORMATION), Message(SEEKER, "Thanks.")))


@pytest.fixture(params=VARIANTS)
def chat_form(request, make_tiny, make_form):
    """Inputs of a chat model in every variant."""
    backbone = make_tiny(
        "tiny-smollm2", strategies=request.param != "vanilla", stop_decision=request.param == "one-by-one"
    )
    return make_form(backbone, request.param, history=2000, with_reasoning=True)


def test_in_a_conversation_every_answer_follows_the_context_it_is_written_after(chat_form):
    """What training reads and learns is, answer by answer, what scoring and decoding read."""
    (whole,) = chat_form.conversation(TALK)
    tokens = [*whole.context, *whole.target]
    learned = [False] * len(whole.context) + list(whole.learned)
    turns = turn_view([TALK])
    expected = [
        one
        for turn in turns
        for one in chat_form.turn_examples(turn.history, [(m.strategy, m.text) for m in turn.messages])
    ]
    assert len(expected) == (2 if chat_form.variant == "all-in-one" else 3)
    for one in expected:
        end = len(one.context)
        assert tokens[:end] == one.context
        assert tokens[end : end + len(one.target)] == one.target
        assert all(learned[end : end + len(one.target)])
    assert sum(learned) == sum(len(one.target) for one in expected)


def test_a_conversation_that_is_too_long_becomes_more_examples_that_learn_every_answer_once(chat_form):
    (whole,) = chat_form.conversation(TALK)
    answers = [token for token, learned in zip(whole.target, whole.learned, strict=True) if learned]
    chat_form.history_tokens = len(whole.target) // 2
    parts = chat_form.conversation(TALK)
    assert len(parts) > 1
    found = [token for one in parts for token, learned in zip(one.target, one.learned, strict=True) if learned]
    assert found == answers


def test_reasoning_stands_right_before_the_answer_of_a_chat(chat_form):
    context = chat_form.context(HISTORY, LABELS)
    note = chat_form.layout.note(list(chat_form.layout.text_ids(reasoning_words(LABELS))))
    start = chat_form.layout.start
    assert context == [*chat_form.context(HISTORY)[: -len(start)], *note, *start]
    (plain,), (noted,) = chat_form.conversation(TALK), chat_form.conversation(TALK, [LABELS, None])
    assert len(noted.target) == len(plain.target) + len(note)
