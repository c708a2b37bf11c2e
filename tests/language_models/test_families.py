"""How each family lays out context and target, how it writes, and that a family more is a few lines."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from language_models.backbone import Backbone, add_tokens, prepare
from language_models.decoding.constraints import Vocabulary
from language_models.decoding.decoder import Request, decode
from language_models.families.causal import Causal
from language_models.families.encoder_decoder import EncoderDecoder
from language_models.families.family import FAMILIES, IGNORED, Example, Family, family_of, parts, register
from language_models.perplexity import target_losses
from language_models.settings import DecodingConfig, OptimisationConfig
from language_models.tiny import CHAT_TEMPLATE, train_tokenizer
from language_models.trainer import fine_tune
from tests.language_models.conftest import MARKERS, TEXTS

X = IGNORED
START, END = 1, 2


def test_encoder_decoder_batch():
    batch = EncoderDecoder().collate([Example([7, 8, 9], [5, 2]), Example([], [6, 5, 2])], start=1, padding=0)
    assert batch["input_ids"].tolist() == [[7, 8, 9], [1, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["decoder_input_ids"].tolist() == [[1, 5, 0], [1, 6, 5]]
    assert batch["labels"].tolist() == [[5, 2, X], [6, 5, 2]]


def test_causal_batch():
    batch = Causal().collate([Example([7, 8, 1], [5, 2]), Example([1], [6, 5, 2])], start=1, padding=0)
    assert batch["input_ids"].tolist() == [[7, 8, 1, 5, 2], [0, 1, 6, 5, 2]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1, 1], [0, 1, 1, 1, 1]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4], [0, 0, 1, 2, 3]]
    assert batch["labels"].tolist() == [[X, X, X, 5, 2], [X, X, 6, 5, 2]]


@pytest.mark.parametrize("family", [EncoderDecoder(), Causal()], ids=["encoder-decoder", "causal"])
def test_an_empty_target_has_no_label(family: Family):
    batch = family.collate([Example([7, 8], [9, 2]), Example([], [])], start=1, padding=0)
    assert (batch["labels"][1] == IGNORED).all()
    assert (batch["labels"][0] != IGNORED).sum() == 2
    blanks = family.collate([Example([], [])], start=1, padding=0)
    assert blanks["input_ids"].tolist() == [[1]]
    assert (blanks["labels"] == IGNORED).all()


@pytest.mark.parametrize(
    ("kind", "template", "name"),
    [
        ("bart", None, "an encoder-decoder"),
        ("t5", None, "an encoder-decoder"),
        ("blenderbot-small", CHAT_TEMPLATE, "an encoder-decoder"),
        ("gpt2", None, "a causal model"),
        ("gpt2", "{% for m in messages %}{{ m.content + eos_token }}{% endfor %}", "a causal model"),
        ("qwen2", CHAT_TEMPLATE, "a chat model"),
        ("mistral", CHAT_TEMPLATE, "a chat model"),
    ],
)
def test_a_model_is_chosen_by_what_its_configuration_says(kind, template, name, make_tiny):
    tokenizer = copy.deepcopy(make_tiny().tokenizer)
    tokenizer.chat_template = template
    assert family_of(AutoConfig.for_model(kind), tokenizer, source="here").name == name


@pytest.mark.parametrize("kind", ["bert", "vit"])
def test_a_model_that_writes_no_text_is_refused(kind, make_tiny):
    with pytest.raises(
        ValueError, match=f"^backbone here: its kind is '{kind}', which writes no text; expected an enc"
    ):
        family_of(AutoConfig.for_model(kind), make_tiny().tokenizer, source="here")


def test_learned_tokens_alone_have_labels_and_logits(make_tiny):
    backbone = make_tiny("tiny-smollm2")
    examples = [Example([7, 8], [9, 10, 11, END], [False, True, False, True]), Example([7], [12, END])]
    batch = backbone.collate(examples)
    assert batch["labels"].tolist() == [[X, X, X, 10, X, END], [X, X, X, X, 12, END]]
    with torch.inference_mode():
        logits, labels = backbone.family.target_logits(backbone.model, batch)
        whole = backbone.model(input_ids=torch.tensor([[7, 8, 9, 10, 11, END]])).logits[0]
    assert labels.tolist() == [[10, X, END], [X, 12, END]]
    assert torch.allclose(logits[0, [0, 2]], whole[[2, 4]], atol=1e-5)


@pytest.mark.parametrize("name", ["tiny-blenderbot", "tiny-dialogpt", "tiny-smollm2"])
def test_the_cache_gives_the_logits_of_a_full_pass_even_when_rows_leave(name, make_tiny, contexts):
    backbone = make_tiny(name)
    written = torch.randint(5, 200, (4, 5), generator=torch.Generator().manual_seed(1))
    rows = torch.arange(4)
    batch = [contexts[i] for i in (0, 1, 2, 5)]
    with torch.inference_mode():
        decoder = backbone.begin(batch)
        for step in range(5):
            for row, logits in zip(rows.tolist(), decoder.logits, strict=True):
                prefix = written[row, :step].tolist()
                if backbone.family.encoder_decoder:
                    whole = {"input_ids": [batch[row] or [START]], "decoder_input_ids": [[START, *prefix]]}
                else:
                    whole = {"input_ids": [(batch[row] or [START]) + prefix]}
                expected = backbone.model(**{key: torch.tensor(value) for key, value in whole.items()}).logits[0, -1]
                assert torch.allclose(logits, expected, atol=1e-4)
            if step == 2:
                rows = torch.tensor([0, 2])
                decoder.keep(rows)
            decoder.step(written[rows, step])


def test_a_processor_reads_about_a_thousand_tokens_at_once():
    lengths = [600, 500, 400, 200, 200, 200, 3000, 10, 10]
    rows = list(range(9))
    processor, gpu = torch.device("cpu"), torch.device("cuda")
    assert [rows[part] for part in parts(lengths, device=processor)] == [[0], [1, 2], [3, 4, 5], [6], [7, 8]]
    assert [rows[part] for part in parts(lengths, device=gpu)] == [rows]
    assert [rows[part] for part in parts([5], device=processor)] == [[0]]


@pytest.mark.parametrize("name", ["tiny-blenderbot", "tiny-dialogpt", "tiny-smollm2", "gemma2"])
def test_contexts_read_in_parts_and_together_are_alike(name, make_tiny, contexts, monkeypatch):
    backbone = make_tiny(name) if name.startswith("tiny") else another(name)
    tokens = torch.randint(5, 200, (len(contexts), 2), generator=torch.Generator().manual_seed(1))
    examples = [Example(context, [50, 60, END]) for context in contexts]
    with torch.inference_mode():
        together, losses = backbone.begin(contexts), target_losses(backbone, examples)
        monkeypatch.setattr("language_models.families.family.PROCESSOR_TOKENS", 70)
        in_parts = backbone.begin(contexts)
        for step in range(2):
            assert torch.allclose(in_parts.logits, together.logits, atol=1e-4)
            in_parts.step(tokens[:, step]), together.step(tokens[:, step])
    assert np.allclose(target_losses(backbone, examples).nats, losses.nats, atol=1e-4)


@pytest.mark.parametrize("name", ["tiny-dialogpt", "tiny-smollm2"])
def test_a_conversation_is_read_from_where_it_differs(name, make_tiny):
    backbone = make_tiny(name)
    first, longer, other = [7, 8, 9, 1], [7, 8, 9, 1, 30, 31, 40, 1], [7, 8, 60, 1]
    widths: list[int] = []
    backbone.model.register_forward_pre_hook(
        lambda _, __, inputs: widths.append(inputs["input_ids"].shape[1]), with_kwargs=True
    )
    with torch.inference_mode():
        decoder = backbone.begin([first])
        for token in (30, 31):
            decoder.step(torch.tensor([token]))
        for context, known in ((longer, 6), (other, 2), (other, 3), ([50, 1], 0), ([50, 1, 4, 1], 2)):
            assert decoder.known(context) == known
            decoder = backbone.begin([context], earlier=decoder)
            assert widths[-1] == len(context) - known
            assert torch.allclose(decoder.logits, backbone.begin([context]).logits, atol=1e-4)
    assert backbone.begin([first, other]).known(first) == 0  # a batch is nobody's conversation


def settings_of(**values: Any) -> OptimisationConfig:
    """Resolved settings in full precision."""
    return OptimisationConfig(accumulation_steps=1, evaluation_batch_size=8, precision="fp32", **values)


def another(kind: str) -> Backbone:
    """A very small model of another kind, with eight markers."""
    tokenizer = train_tokenizer(TEXTS, size=320)
    special = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    config = AutoConfig.for_model(
        kind, hidden_size=16, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
        vocab_size=len(tokenizer), **special,
    )  # fmt: skip
    torch.manual_seed(0)
    backbone = prepare(AutoModelForCausalLM.from_config(config), tokenizer)
    add_tokens(backbone, MARKERS)
    return backbone


@pytest.mark.parametrize("kind", ["qwen2", "gemma2"])
def test_any_causal_model_is_trained_and_writes(kind, contexts, tmp_path):
    backbone = another(kind)
    examples = [Example(context, [50, 60, END]) for context in contexts]
    before = target_losses(backbone, examples).nats
    settings = settings_of(epochs=4.0, learning_rate=2e-2, warmup_steps=1, batch_size=6)
    fine_tune(backbone, examples, examples, optimisation=settings, folder=tmp_path, seed=0, save=print)
    after = target_losses(backbone, examples).nats
    assert after.sum() < before.sum() / 2
    markers = range(len(backbone.tokenizer) - 8, len(backbone.tokenizer))
    plan = (markers[3], markers[0])
    requests = [Request(context, plan, (index,), (END,)) for index, context in enumerate(contexts[:5])]
    config = DecodingConfig(max_message_tokens=4)
    turns = decode(backbone, requests, vocabulary=Vocabulary(backbone, markers), free_messages=1, config=config)
    assert [tuple(token for token in turn if token in markers) for turn in turns] == [plan] * 5


def test_a_model_whose_checkpoints_do_not_restore_it_is_refused_before_training(tmp_path):
    examples = [Example([5], [6, END])]
    settings = settings_of(epochs=1.0, learning_rate=1e-2, warmup_steps=0, batch_size=1)
    message = r"^backbone of kind gpt_neox: it cannot be trained, because transformers saves the weight lm_head\.weight"
    with pytest.raises(ValueError, match=message) as caught:
        fine_tune(another("gpt_neox"), examples, examples, optimisation=settings, folder=tmp_path, seed=0, save=print)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_family_more_is_one_class(make_tiny, monkeypatch):
    monkeypatch.setattr("language_models.families.family.FAMILIES", list(FAMILIES))

    @register
    class Special(Causal):
        name, priority = "a special model", 3

        def serves(self, config, tokenizer):
            return super().serves(config, tokenizer) and config.n_layer == 1

    assert type(make_tiny("tiny-dialogpt").family) is Special
