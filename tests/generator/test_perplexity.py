import numpy as np
import pytest
import torch

from language_models.batching import Collator, Example
from language_models.perplexity import perplexity, response_losses


def direct(backbone, example: Example) -> list[float]:
    """Every target token's loss from a forward pass of its own, without batch, padding or cache."""
    losses = []
    start = backbone.tokenizer.bos_token_id
    for index, token in enumerate(example.target):
        prefix = [start, *example.target[:index]]
        with torch.no_grad():
            if backbone.encoder_decoder:
                logits = backbone.model(
                    input_ids=torch.tensor([example.context or [start]]), decoder_input_ids=torch.tensor([prefix])
                ).logits[0, -1]
            else:
                logits = backbone.model(input_ids=torch.tensor([example.context + prefix])).logits[0, -1]
        losses.append(-float(logits.log_softmax(-1)[token]))
    return losses


@pytest.mark.parametrize("name", ["tiny-blenderbot", "tiny-dialogpt"])
@pytest.mark.parametrize("variant", ["vanilla", "strategy", "all-in-one"])
def test_equals_the_direct_sum_of_token_losses(name, variant, make_tiny, make_form, dialogues):
    backbone = make_tiny(name)
    form = make_form(backbone, variant, response=12)
    examples = form.examples(dialogues[:4])
    collator = Collator(encoder_decoder=backbone.encoder_decoder, start=1, padding=0)
    backbone.model.train()  # dropout must not matter
    sums, tokens = response_losses(
        backbone.model, examples, collator=collator, uncounted=form.strategy_ids, batch_size=3
    )
    everything, all_tokens = response_losses(backbone.model, examples, collator=collator, batch_size=5)
    assert backbone.model.training
    backbone.model.eval()
    for index, example in enumerate(examples):
        losses = direct(backbone, example)
        text = [loss for loss, token in zip(losses, example.target, strict=True) if token not in form.strategy_ids]
        assert sums[index] == pytest.approx(sum(text), abs=1e-3)
        assert tokens[index] == len(text)
        assert everything[index] == pytest.approx(sum(losses), abs=1e-3)
        assert all_tokens[index] == len(example.target)


def test_perplexity_of_a_uniform_model_is_the_vocabulary_size(make_tiny, make_form, dialogues):
    backbone = make_tiny()
    backbone.model.get_output_embeddings().weight.data.zero_()
    examples = make_form(backbone, "strategy").examples(dialogues)
    collator = Collator(encoder_decoder=True, start=1, padding=0)
    assert perplexity(*response_losses(backbone.model, examples, collator=collator)) == pytest.approx(
        len(backbone.tokenizer), rel=1e-4
    )
    assert perplexity(np.array([np.log(4.0), np.log(2.0) * 2]), np.array([1, 2])) == pytest.approx(2 ** (4 / 3))
