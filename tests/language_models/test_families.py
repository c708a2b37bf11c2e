"""How each family lays out context and target, how it writes, and that a family more is a few lines."""

import pytest
import torch

from language_models.decoding.constraints import Vocabulary
from language_models.decoding.decoder import Request, decode
from language_models.families.causal import Causal
from language_models.families.encoder_decoder import EncoderDecoder
from language_models.families.family import FAMILIES, IGNORED, Example, Family, family_named, register
from language_models.perplexity import target_losses
from language_models.settings import DecodingConfig, OptimisationConfig
from language_models.trainer import fine_tune

X = IGNORED
START, END = 1, 2


class OnlyEncoderDecoder(EncoderDecoder):
    model_type = "laid out only"


class OnlyCausal(Causal):
    model_type = "laid out only"


def test_encoder_decoder_batch():
    batch = OnlyEncoderDecoder().collate([Example([7, 8, 9], [5, 2]), Example([], [6, 5, 2])], start=1, padding=0)
    assert batch["input_ids"].tolist() == [[7, 8, 9], [1, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["decoder_input_ids"].tolist() == [[1, 5, 0], [1, 6, 5]]
    assert batch["labels"].tolist() == [[5, 2, X], [6, 5, 2]]


def test_causal_batch():
    batch = OnlyCausal().collate([Example([7, 8], [5, 2]), Example([], [6, 5, 2])], start=1, padding=0)
    assert batch["input_ids"].tolist() == [[7, 8, 1, 5, 2], [0, 1, 6, 5, 2]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 1], [0, 1, 1, 1, 1]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4], [0, 0, 1, 2, 3]]
    assert batch["labels"].tolist() == [[X, X, X, 5, 2], [X, X, 6, 5, 2]]


@pytest.mark.parametrize("family", [OnlyEncoderDecoder(), OnlyCausal()], ids=["encoder-decoder", "causal"])
def test_an_empty_target_has_no_label(family: Family):
    batch = family.collate([Example([7, 8], [9, 2]), Example([], [])], start=1, padding=0)
    assert (batch["labels"][1] == IGNORED).all()
    assert (batch["labels"][0] != IGNORED).sum() == 2
    blanks = family.collate([Example([], [])], start=1, padding=0)
    assert blanks["input_ids"].tolist() == [[1]]
    assert (blanks["labels"] == IGNORED).all()


def test_backbones_are_known_by_name():
    assert isinstance(family_named("dialogpt"), Causal)
    assert isinstance(family_named("tiny-blenderbot"), EncoderDecoder)
    assert family_named("tiny-x") is family_named("") is None


@pytest.mark.parametrize("name", ["tiny-blenderbot", "tiny-dialogpt"])
def test_the_cache_gives_the_logits_of_a_full_pass_even_when_rows_leave(name, make_tiny, contexts):
    backbone = make_tiny(name)
    written = torch.randint(5, 200, (4, 5), generator=torch.Generator().manual_seed(1))
    rows = torch.arange(4)
    batch = [contexts[i] for i in (0, 1, 2, 5)]
    with torch.inference_mode():
        decoder = backbone.begin(batch)
        for step in range(5):
            for row, logits in zip(rows.tolist(), decoder.logits, strict=True):
                prefix = [START, *written[row, :step].tolist()]
                if backbone.family.encoder_decoder:
                    whole = {"input_ids": [batch[row] or [START]], "decoder_input_ids": [prefix]}
                else:
                    whole = {"input_ids": [batch[row] + prefix]}
                expected = backbone.model(**{key: torch.tensor(value) for key, value in whole.items()}).logits[0, -1]
                assert torch.allclose(logits, expected, atol=1e-4)
            if step == 2:
                rows = torch.tensor([0, 2])
                decoder.keep(rows)
            decoder.step(written[rows, step])


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_another_causal_family_is_three_lines(kind, make_tiny, contexts, tmp_path, monkeypatch):
    monkeypatch.setattr("language_models.families.family.FAMILIES", dict(FAMILIES))

    @register
    class Another(Causal):
        model_type, tiny = kind, f"tiny-{kind}"

    backbone = make_tiny(f"tiny-{kind}")
    examples = [Example(context, [50, 60, END]) for context in contexts]
    before = target_losses(backbone, examples).nats
    settings = OptimisationConfig(epochs=4.0, learning_rate=2e-2, warmup_steps=1, batch_size=6, precision="fp32")
    fine_tune(backbone, examples, examples, optimisation=settings, folder=tmp_path, seed=0, save=print)
    after = target_losses(backbone, examples).nats
    assert after.sum() < before.sum() / 2
    markers = range(len(backbone.tokenizer) - 8, len(backbone.tokenizer))
    plan = (markers[3], markers[0])
    requests = [Request(context, plan, (index,), (END,)) for index, context in enumerate(contexts[:5])]
    config = DecodingConfig(max_message_tokens=4)
    turns = decode(backbone, requests, vocabulary=Vocabulary(backbone, markers), free_messages=1, config=config)
    assert [tuple(token for token in turn if token in markers) for turn in turns] == [plan] * 5


def test_a_family_whose_checkpoints_do_not_restore_it_is_refused_before_training(make_tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("language_models.families.family.FAMILIES", dict(FAMILIES))

    @register
    class GPTNeoX(Causal):
        model_type, tiny = "gpt_neox", "tiny-neox"

    examples = [Example([5], [6, END])]
    settings = OptimisationConfig(epochs=1.0, learning_rate=1e-2, warmup_steps=0, batch_size=1, precision="fp32")
    message = r"^backbone of kind gpt_neox: it cannot be trained, because transformers saves the weight lm_head\.weight"
    with pytest.raises(ValueError, match=message) as caught:
        fine_tune(
            make_tiny("tiny-neox"), examples, examples, optimisation=settings, folder=tmp_path, seed=0, save=print
        )
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
