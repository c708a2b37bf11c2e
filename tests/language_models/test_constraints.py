"""What may come next, against rules written down a second time, token by token."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from language_models.decoding.constraints import TurnConstraints, Vocabulary
from language_models.decoding.decoder import Request, decode
from language_models.settings import DecodingConfig

START, END, SPECIAL = 1, 2, (0, 1, 2)


class Rules:
    """The constraints as sets, for one row."""

    def __init__(self, backbone, config, *, plan, closing, most, stop_decision):
        size = len(backbone.tokenizer)
        added = list(range(size - 9, size))
        self.markers, self.continuation = set(added[:8]), added[8]
        self.closers = {END, self.continuation} if stop_decision else {END}
        self.text = set(range(len(SPECIAL), size - 9))
        words = {token: backbone.tokenizer.decode([token]).strip() for token in self.text}
        self.opening = {token for token, word in words.items() if word[:1].isascii() and word[:1].isalnum()}
        self.config, self.plan, self.closing = config, plan, set(closing)
        self.most = most if plan is None else len(plan)

    def split(self, written):
        """Messages begun, and tokens of text in the last."""
        starts = [index for index, token in enumerate(written) if token in self.markers]
        return len(starts), len(written) - starts[-1] - 1 if starts else 0

    def boundaries(self, written):
        messages, length = self.split(written)
        if messages == 0:
            return {self.plan[0]} if self.plan else self.markers
        if length < max(1, self.config.min_message_tokens):
            return set()
        if messages == self.most:
            return self.closing
        return {self.plan[messages]} if self.plan else self.markers | self.closing

    def texts(self, written):
        messages, length = self.split(written)
        if messages == 0 or length >= self.config.max_message_tokens:
            return set()
        return self.text if length else self.opening

    def restrict(self, logits, written):
        """Logits of one row, computed one token at a time."""
        expected = torch.full_like(logits, float("-inf"))
        for token in self.texts(written):
            expected[token] = logits[token]
        allowed = self.boundaries(written)
        for token in allowed:
            every = torch.tensor(sorted(self.closers | self.markers))
            expected[token] = logits[token] if len(allowed) > 1 else logits[every].logsumexp(0)
        return expected


@pytest.fixture(scope="module")
def backbone(make_tiny):
    return make_tiny(continuation=True)


def vocabulary_of(backbone, *, stop_decision):
    size = len(backbone.tokenizer)
    return Vocabulary(backbone, range(size - 9, size - 1), continuation=size - 1 if stop_decision else None)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_exactly_the_allowed_tokens_can_come_next(backbone, data):
    size, stop_decision = len(backbone.tokenizer), data.draw(st.booleans())
    shortest = data.draw(st.integers(0, 3))
    config = DecodingConfig(
        min_message_tokens=shortest, max_message_tokens=max(1, shortest + data.draw(st.integers(0, 3)))
    )
    most = 1 if stop_decision else data.draw(st.integers(1, 3))
    plan = st.none() | st.lists(st.integers(size - 9, size - 2), min_size=1, max_size=1 if stop_decision else 4)
    plans = data.draw(st.lists(plan, min_size=1, max_size=4))
    closings = [
        data.draw(st.sampled_from([(END,), (size - 1,), (END, size - 1)])) if stop_decision else (END,) for _ in plans
    ]
    vocabulary = vocabulary_of(backbone, stop_decision=stop_decision)
    longest = [config.max_message_tokens] * len(plans)
    constraints = TurnConstraints(vocabulary, plans, closings, free_messages=most, longest=longest, config=config)
    rules = [
        Rules(backbone, config, plan=plan, closing=closing, most=most, stop_decision=stop_decision)
        for plan, closing in zip(plans, closings, strict=True)
    ]
    written = [[] for _ in plans]
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 1000)))
    # Boundaries are made likely, else chance would hardly meet them among hundreds of tokens.
    likely = torch.zeros(size).index_fill(0, vocabulary.boundaries, 4.0)
    while rules:
        logits = torch.randn(len(rules), size, generator=generator) + likely
        found = constraints.restrict(logits)
        for row, rule in enumerate(rules):
            torch.testing.assert_close(found[row], rule.restrict(logits[row], written[row]))
        tokens = torch.multinomial(found.softmax(-1), 1, generator=generator).squeeze(1)
        text = constraints.advance(tokens)
        for row, (token, rule) in enumerate(zip(tokens.tolist(), rules, strict=True)):
            assert bool(text[row]) == (token in rule.text)
            written[row].append(token)
        assert constraints.finished.tolist() == [
            row[-1] in rule.closing for row, rule in zip(written, rules, strict=True)
        ]
        for row, rule in zip(written, rules, strict=True):
            if row[-1] in rule.closing:
                chosen = [token for token in row if token in rule.markers]
                assert chosen == rule.plan if rule.plan else 1 <= len(chosen) <= most
        going = (~constraints.finished).nonzero().squeeze(1)
        constraints.keep(going)
        rules, written = [rules[row] for row in going], [written[row] for row in going]


@pytest.mark.parametrize("name", ["tiny-blenderbot", "tiny-dialogpt"])
@pytest.mark.parametrize(
    ("stop_decision", "messages"), [(False, None), (False, 1), (False, 3), (True, None), (True, 1)]
)
def test_decoding_equals_a_plain_loop_without_cache_and_batch(name, messages, stop_decision, make_tiny):
    """Greedy, so that the loop needs no random numbers: one pass writes exactly what the rules let the model write."""
    backbone = make_tiny(name, continuation=True)
    size = len(backbone.tokenizer)
    config = DecodingConfig(top_k=1, repetition_penalty=1.0, min_message_tokens=2, max_message_tokens=5)
    markers = list(range(size - 9, size - 1))
    plans = [None if messages is None else (markers[(row + 3) % 8], *markers[: messages - 1]) for row in range(4)]
    closing = (END, size - 1) if stop_decision else (END,)
    most = 1 if stop_decision else 3
    contexts = [[START], [10, 11, 12, START], [50, END, 60, START], [*[7] * 9, START]]
    requests = [Request(context, plan, (0,), closing) for context, plan in zip(contexts, plans, strict=True)]
    vocabulary = vocabulary_of(backbone, stop_decision=stop_decision)
    together = decode(backbone, requests, vocabulary=vocabulary, free_messages=most, config=config)
    for context, plan, found in zip(contexts, plans, together, strict=True):
        rules = Rules(backbone, config, plan=plan, closing=closing, most=most, stop_decision=stop_decision)
        written: list[int] = []
        while not written or written[-1] not in closing:
            with torch.inference_mode():
                if backbone.family.encoder_decoder:
                    whole = {"input_ids": [context], "decoder_input_ids": [[START, *written]]}
                else:
                    whole = {"input_ids": [[*context, *written]]}
                logits = backbone.model(**{key: torch.tensor(value) for key, value in whole.items()}).logits[0, -1]
            written.append(int(rules.restrict(logits, written).argmax()))
        assert found == written
        if plan is not None:
            assert [token for token in found if token in markers] == list(plan)
