"""Losses of targets, against a pass of its own for every token."""

import numpy as np
import pytest
import torch

from language_models.families.family import Example
from language_models.perplexity import perplexity, target_losses


def direct(backbone, example: Example) -> list[float]:
    """Every target token's loss from a forward pass of its own, without batch, padding or cache."""
    losses = []
    start = backbone.tokenizer.bos_token_id
    for index, token in enumerate(example.target):
        prefix = example.target[:index]
        with torch.no_grad():
            if backbone.family.encoder_decoder:
                logits = backbone.model(
                    input_ids=torch.tensor([example.context]), decoder_input_ids=torch.tensor([[start, *prefix]])
                ).logits[0, -1]
            else:
                logits = backbone.model(input_ids=torch.tensor([example.context + prefix])).logits[0, -1]
        losses.append(-float(logits.log_softmax(-1)[token]))
    return losses


@pytest.fixture(scope="module")
def examples(contexts):
    """Targets of one to nine tokens, some with a marker (tokens from 300 on) inside."""
    rng = np.random.default_rng(0)
    return [
        Example(context, [*rng.integers(3, 250, length).tolist(), 303, 2][-(length + index % 2) :])
        for index, (context, length) in enumerate(zip(contexts, rng.integers(1, 9, len(contexts)), strict=True))
    ]


@pytest.mark.parametrize("name", ["tiny-blenderbot", "tiny-dialogpt"])
def test_equals_the_direct_sum_of_token_losses(name, make_tiny, examples):
    backbone = make_tiny(name)
    backbone.model.train()  # dropout must not matter
    found = target_losses(backbone, examples, apart=[303], batch_size=3)
    everything = target_losses(backbone, examples, batch_size=5)
    assert backbone.model.training
    backbone.model.eval()
    for index, example in enumerate(examples):
        losses = direct(backbone, example)
        counted = [loss for loss, token in zip(losses, example.target, strict=True) if token != 303]
        assert found.nats[index] == pytest.approx(sum(counted), abs=1e-3)
        assert found.nats[index] + found.apart_nats[index] == pytest.approx(sum(losses), abs=1e-3)
        assert (found.tokens[index], found.apart_tokens[index]) == (len(counted), len(losses) - len(counted))
        assert everything.nats[index] == pytest.approx(sum(losses), abs=1e-3)
        assert (everything.tokens[index], everything.apart_tokens[index]) == (len(example.target), 0)


def test_perplexity_of_a_uniform_model_is_the_vocabulary_size(make_tiny, examples):
    backbone = make_tiny()
    backbone.model.get_output_embeddings().weight.data.zero_()
    assert perplexity(*target_losses(backbone, examples)[:2]) == pytest.approx(len(backbone.tokenizer), rel=1e-4)
    assert perplexity(np.array([np.log(4.0), np.log(2.0) * 2]), np.array([1, 2])) == pytest.approx(2 ** (4 / 3))
