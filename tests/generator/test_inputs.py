import pytest
import torch

from corpus.dialogue import Dialogue, Message, Role
from corpus.errors import CorpusError
from corpus.strategy import Strategy
from generator.batching import IGNORED, Collator, LengthGroupedSampler
from generator.inputs import Example
from generator.strategy_tokens import strategy_token, text_ids

SEEKER, SUPPORTER = Role.SEEKER, Role.SUPPORTER
HISTORY = (
    Message(SEEKER, "I feel sad."),
    Message(SUPPORTER, "You could walk.", Strategy.SUGGESTIONS),
    Message(SUPPORTER, "Why sad?", Strategy.QUESTION),
    Message(SEEKER, "No sleep."),
)
START, END = 1, 2


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
    form.max_history_messages = 2
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
    with pytest.raises(ValueError, match="lacks the strategy tokens"):
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


def test_encoder_decoder_batch():
    batch = Collator(encoder_decoder=True, start=1, padding=0)([Example([7, 8, 9], [5, 2]), Example([], [6, 5, 2])])
    assert batch["input_ids"].tolist() == [[7, 8, 9], [1, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["decoder_input_ids"].tolist() == [[1, 5, 0], [1, 6, 5]]
    assert batch["labels"].tolist() == [[5, 2, IGNORED], [6, 5, 2]]


def test_decoder_only_batch():
    batch = Collator(encoder_decoder=False, start=1, padding=0)([Example([7, 8], [5, 2]), Example([], [6, 5, 2])])
    assert batch["input_ids"].tolist() == [[7, 8, 1, 5, 2], [0, 1, 6, 5, 2]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 1], [0, 1, 1, 1, 1]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4], [0, 0, 1, 2, 3]]
    x = IGNORED
    assert batch["labels"].tolist() == [[x, x, x, 5, 2], [x, x, 6, 5, 2]]


def test_sampler_is_a_permutation_by_length_that_depends_on_seed_and_epoch_alone():
    lengths = torch.randint(1, 50, (203,), generator=torch.Generator().manual_seed(0)).tolist()
    sampler = LengthGroupedSampler(lengths, batch_size=4, seed=3)
    first = list(sampler)
    assert sorted(first) == list(range(203))
    assert list(sampler) == first
    batches = [[lengths[index] for index in first[k : k + 4]] for k in range(0, 200, 4)]
    spread = [max(batch) - min(batch) for batch in batches]
    assert sum(spread) / len(spread) < 3  # unsorted: about 30
    sampler.set_epoch(1)
    assert list(sampler) != first
    assert list(LengthGroupedSampler(lengths, batch_size=4, seed=4)) != first
