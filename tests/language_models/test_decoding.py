"""What is written for a request: sampled from the right distribution, in any batch alike, plans in order."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from transformers import GenerationConfig

from language_models.decoding.constraints import TurnConstraints, Vocabulary
from language_models.decoding.decoder import ReadConversation, Request, decode, penalize_repetition, sample_tokens
from language_models.settings import DecodingConfig

BOTH = pytest.mark.parametrize("name", ["tiny-blenderbot", "tiny-dialogpt", "tiny-smollm2"])
FREE = DecodingConfig(temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0, max_message_tokens=6)
END = 2


def markers_of(backbone):
    return list(range(len(backbone.tokenizer) - 8, len(backbone.tokenizer)))


def vocabulary_of(backbone):
    return Vocabulary(backbone, markers_of(backbone))


def write(backbone, requests, *, config=FREE, most=1, batch_size=64):
    """One turn for every request; of at most so many messages where it has no plan."""
    vocabulary = vocabulary_of(backbone)
    return decode(backbone, requests, vocabulary=vocabulary, free_messages=most, config=config, batch_size=batch_size)


def test_sampling_by_hand():
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log().repeat(6, 1)
    numbers = torch.tensor([0.0, 0.49, 0.51, 0.79, 0.81, 0.999999], dtype=torch.float64)
    # top-k 2: 0.625, 0.375. top-p 0.75: the first two reach it. Temperature 0.5: squares, 0.68, 0.25, 0.06, 0.01.
    for changes, expected in (
        ({}, [0, 0, 1, 1, 2, 3]),
        ({"top_k": 2}, [0, 0, 0, 1, 1, 1]),
        ({"top_p": 0.75}, [0, 0, 0, 1, 1, 1]),
        ({"temperature": 0.5}, [0, 0, 0, 1, 1, 3]),
    ):
        assert sample_tokens(logits, numbers, dataclasses.replace(FREE, **changes)).tolist() == expected
    forbidden = logits.clone()
    forbidden[:, 0] = float("-inf")
    assert 0 not in sample_tokens(forbidden, numbers, FREE).tolist()


def test_repetition_penalty_by_hand():
    logits = torch.tensor([[2.0, -2.0, 2.0, -2.0]])
    seen = torch.tensor([[True, True, False, False]])
    assert penalize_repetition(logits, seen, 2.0).tolist() == [[1.0, -4.0, 2.0, -2.0]]


@BOTH
def test_greedy_equals_transformers_generate(name, make_tiny, contexts):
    backbone = make_tiny(name, markers=False)
    config = DecodingConfig(top_k=1, repetition_penalty=1.0, min_message_tokens=0, max_message_tokens=8)
    contexts = [context for context in contexts if context and max(context) < len(backbone.tokenizer)]
    vocabulary = Vocabulary(backbone, [])
    requests = [Request(one, None, (0,), (END,)) for one in contexts]
    ours = decode(backbone, requests, vocabulary=vocabulary, free_messages=1, config=config)
    for context, tokens in zip(contexts, ours, strict=True):
        prompt = torch.tensor([context])
        theirs = backbone.model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            generation_config=GenerationConfig(
                do_sample=False,
                max_new_tokens=8,
                pad_token_id=0,
                eos_token_id=END,
                decoder_start_token_id=1,
                suppress_tokens=vocabulary.banned.nonzero().flatten().tolist(),
                begin_suppress_tokens=vocabulary.not_opening.nonzero().flatten().tolist(),
            ),
        )[0].tolist()
        theirs = theirs[1 if backbone.family.encoder_decoder else prompt.shape[1] :]
        assert tokens == [*(theirs[: theirs.index(END)] if END in theirs else theirs), END]


@BOTH
def test_free_text_has_one_marker_first_and_no_special_token(name, make_tiny, contexts):
    backbone = make_tiny(name)
    markers = markers_of(backbone)
    requests = [Request(context, None, (7, index), (END,)) for index, context in enumerate(contexts * 5)]
    for tokens in write(backbone, requests):
        assert tokens[0] in markers
        assert tokens[-1] == END
        assert not set(tokens[1:-1]) & set(backbone.tokenizer.all_special_ids)
        assert FREE.min_message_tokens <= len(tokens) - 2 <= FREE.max_message_tokens


@BOTH
@pytest.mark.parametrize("config", [FREE, DecodingConfig()], ids=["plain", "cut"])
def test_the_marker_is_sampled_from_the_models_own_distribution(name, config, make_tiny, contexts):
    backbone = make_tiny(name)
    markers = markers_of(backbone)
    with torch.no_grad():  # spread the markers, else eight nearly equal shares would prove little
        rows = backbone.model.get_output_embeddings().weight
        rows[markers] = rows[markers] + torch.randn(8, 16, generator=torch.Generator().manual_seed(2)) * 0.2
    with torch.inference_mode():
        logits = backbone.begin([contexts[4]]).logits[0, markers].double()
    shares = (logits / config.temperature).softmax(-1)
    likeliest = shares.sort(descending=True)
    within = likeliest.indices[likeliest.values.cumsum(0) - likeliest.values < config.top_p]
    expected = torch.zeros(8, dtype=torch.float64)
    expected[within] = shares[within] / shares[within].sum()
    count = 3000
    short = dataclasses.replace(config, min_message_tokens=1, max_message_tokens=1)
    requests = [Request(contexts[4], None, (0, index), (END,)) for index in range(count)]
    written = write(backbone, requests, config=short, batch_size=1000)
    found = np.bincount([tokens[0] - markers[0] for tokens in written], minlength=8) / count
    assert np.abs(found - expected.numpy()).max() < 4 * np.sqrt(0.25 / count)
    assert 0.2 < expected.max() < 0.95  # the case is a real one


@BOTH
def test_a_plan_is_within_in_order_within_one_pass(name, make_tiny, contexts):
    backbone = make_tiny(name)
    markers = markers_of(backbone)
    rng = np.random.default_rng(0)
    plans = [tuple(int(s) for s in rng.choice(markers, size=rng.integers(1, 5))) for _ in contexts]
    requests = [Request(c, plan, (1, i), (END,)) for i, (c, plan) in enumerate(zip(contexts, plans, strict=True))]
    for plan, tokens in zip(plans, write(backbone, requests, most=3), strict=True):
        assert tuple(token for token in tokens if token in markers) == plan
        starts = [index for index, token in enumerate(tokens) if token in markers] + [len(tokens) - 1]
        lengths = [after - before - 1 for before, after in pairwise(starts)]
        assert starts[0] == 0
        assert all(FREE.min_message_tokens <= length <= FREE.max_message_tokens for length in lengths)


@BOTH
def test_a_free_turn_ends_after_the_most_messages(name, make_tiny, contexts):
    backbone = make_tiny(name)
    markers = markers_of(backbone)
    requests = [Request(context, None, (3, index), (END,)) for index, context in enumerate(contexts)]
    numbers = {sum(token in markers for token in tokens) for tokens in write(backbone, requests, most=3)}
    assert numbers <= {1, 2, 3}
    assert len(numbers) > 1


@BOTH
def test_the_model_decides_when_a_planned_message_ends(name, make_tiny, contexts):
    """All probability of an end or of any marker counts for what the plan puts next."""
    backbone = make_tiny(name)
    markers = markers_of(backbone)
    plans = [(markers[3], markers[5]), None]
    longest = [FREE.max_message_tokens] * 2
    constraints = TurnConstraints(
        vocabulary_of(backbone), plans, [(END,)] * 2, free_messages=1, longest=longest, config=FREE
    )
    logits = torch.randn(2, len(backbone.tokenizer), generator=torch.Generator().manual_seed(3))
    first = constraints.restrict(logits).softmax(-1)
    assert first[0, markers[3]] == 1
    assert torch.allclose(first[1, markers], logits[1, markers].softmax(-1))
    constraints.advance(torch.tensor([markers[3], markers[0]]))
    for _ in range(FREE.min_message_tokens):
        assert not constraints.restrict(logits).softmax(-1)[:, [END, *markers]].any()
        constraints.advance(torch.tensor([50, 50]))
    later = constraints.restrict(logits)
    boundary = logits[:, [END, *markers]].logsumexp(-1)
    assert later[0, markers[5]] == pytest.approx(float(boundary[0]))
    assert later[1, END] == pytest.approx(float(boundary[1]))
    assert torch.isinf(later[0, END])
    assert torch.isinf(later[1, markers]).all()
    text = list(range(3, markers[0]))
    assert torch.equal(later[:, text], logits[:, text])


@BOTH
def test_same_seed_same_text_in_any_batch(name, make_tiny, contexts):
    backbone = make_tiny(name)
    requests = [Request(context, None, (7, index), (END,)) for index, context in enumerate(contexts)]

    whole = write(backbone, requests, most=2)
    assert write(backbone, requests, most=2) == whole
    assert write(backbone, requests, most=2, batch_size=5) == whole
    assert write(backbone, requests[3:9], most=2, batch_size=2) == whole[3:9]
    others = [Request(one.context, None, (8, *one.seed), (END,)) for one in requests]
    assert write(backbone, others, most=2) != whole


@BOTH
def test_a_remembered_conversation_gets_the_same_texts(name, make_tiny, contexts):
    backbone = make_tiny(name)
    vocabulary = vocabulary_of(backbone)
    conversation = ReadConversation()
    context = contexts[1]
    for turn in range(4):
        request = [Request(context, None, (turn,), (END,))]
        tokens = decode(
            backbone, request, vocabulary=vocabulary, free_messages=2, config=FREE, conversation=conversation
        )
        assert tokens == write(backbone, request, most=2)
        context = [*context, *tokens[0], *contexts[4][:5]]


@BOTH
def test_a_plan_too_long_for_the_model_is_written_in_shorter_messages(name, make_tiny):
    backbone = make_tiny(name, positions=128)
    markers = markers_of(backbone)
    plans = [(markers[0],) * 7, (markers[1],), (markers[2],) * 7]
    # Short ones finish early and run on beside the long one until enough are finished: beyond the model's positions.
    histories = [[50] * 10, [50] * 60, [50] * 40, *[[50] * 10] * 9]
    requests = [
        Request(history, plan, (index,), (END,))
        for index, (history, plan) in enumerate(zip(histories, [*plans, *[plans[0]] * 9], strict=True))
    ]
    never = torch.zeros(backbone.model.get_output_embeddings().weight.shape[0])
    never[[END, *markers]] = -1000.0  # no message ends before it must
    hook = backbone.model.get_output_embeddings().register_forward_hook(lambda _, __, logits: logits + never)
    config = dataclasses.replace(FREE, max_message_tokens=20)
    turns = write(backbone, requests, config=config)
    assert [write(backbone, [one], config=config)[0] for one in requests[:3]] == turns[:3]  # whatever is beside them
    hook.remove()
    lengths = []
    for tokens in turns[:3]:
        starts = [index for index, token in enumerate(tokens) if token in markers] + [len(tokens) - 1]
        lengths.append([after - before - 1 for before, after in pairwise(starts)])
    # 128 positions; an encoder-decoder needs one for the start token, a decoder-only model those of the history:
    # (128 - 1) // 7 - 1 = 17, (128 - 10) // 7 - 1 = 15, (128 - 40) // 7 - 1 = 11.
    first, last = (17, 17) if backbone.family.encoder_decoder else (15, 11)
    assert lengths == [[first] * 7, [20], [last] * 7]


def test_what_does_not_fit_is_refused(make_tiny):
    backbone = make_tiny("tiny-dialogpt")
    config = DecodingConfig(min_message_tokens=10, max_message_tokens=300)
    markers = markers_of(backbone)
    with pytest.raises(ValueError, match=r"47 messages does not fit: the backbone has 512 positions, .* takes 6$"):
        write(backbone, [Request([50] * 6, (markers[0],) * 47, (0,), (END,))], config=config)  # 506 // 47 - 1 = 9
    with pytest.raises(ValueError, match="empty plan"):
        write(backbone, [Request([], (), (0,), (END,))], config=config)
    assert write(backbone, [], config=config) == []
