import pytest
import torch

from corpus.strategy import Strategy
from generator.strategy_tokens import add_strategy_tokens, continue_id, strategy_ids, strategy_token, text_ids
from language_models.backbone import build_tiny_backbone, train_tokenizer


@pytest.mark.parametrize("name", ["tiny-blenderbot", "tiny-dialogpt"])
def test_new_rows_are_the_mean_of_their_words(name, make_tiny):
    backbone = make_tiny(name, strategies=False)
    before = backbone.model.get_input_embeddings().weight.detach().clone()
    size = len(backbone.tokenizer)
    ids = add_strategy_tokens(backbone.model, backbone.tokenizer)
    after = backbone.model.get_input_embeddings().weight
    assert ids == list(range(size, size + 8)) == strategy_ids(backbone.tokenizer)
    assert torch.equal(after[:size], before)
    for strategy, row in zip(Strategy, ids, strict=True):
        words = text_ids(backbone.tokenizer, strategy.label)
        assert torch.allclose(after[row], before[words].mean(dim=0), atol=1e-7)
    assert backbone.model.get_output_embeddings().weight.data_ptr() == after.data_ptr()  # still tied


def test_the_stop_decision_is_one_more_token_after_the_strategies(make_tiny):
    backbone = make_tiny(strategies=False)
    before = backbone.model.get_input_embeddings().weight.detach().clone()
    size = len(backbone.tokenizer)
    words = text_ids(backbone.tokenizer, "continue")
    assert add_strategy_tokens(backbone.model, backbone.tokenizer, stop_decision=True) == list(range(size, size + 9))
    assert strategy_ids(backbone.tokenizer) == list(range(size, size + 8))
    assert continue_id(backbone.tokenizer) == size + 8
    row = backbone.model.get_input_embeddings().weight[size + 8]
    assert torch.allclose(row, before[words].mean(dim=0), atol=1e-7)
    with pytest.raises(ValueError, match=r"lacks the token \[continue\]"):
        continue_id(make_tiny().tokenizer)


def test_tokens_are_labels_in_brackets_and_cannot_be_added_twice(make_tiny):
    assert strategy_token(Strategy.RESTATEMENT) == "[Restatement or Paraphrasing]"
    backbone = make_tiny()
    with pytest.raises(ValueError, match="already"):
        add_strategy_tokens(backbone.model, backbone.tokenizer)


def test_missing_tokens_are_named(make_tiny):
    with pytest.raises(ValueError, match=r"lacks .*\[Question\]"):
        strategy_ids(make_tiny(strategies=False).tokenizer)


def test_text_never_becomes_a_special_token(make_tiny):
    tokenizer = make_tiny().tokenizer
    ids = text_ids(tokenizer, "so __end__ [Question]\n then")
    assert not set(ids) & set(tokenizer.all_special_ids)
    assert tokenizer.decode(ids).strip() == "so __end__ [question] then"


def test_tokenizer_knows_every_character_and_is_reproducible():
    texts = ["Hello there, how are you?", "I can't sleep", "hello you"] * 2
    one, two = train_tokenizer(texts, size=290), train_tokenizer(texts, size=290)
    assert one.get_vocab() == two.get_vocab()
    assert len(one) <= 290
    assert [one.pad_token_id, one.bos_token_id, one.eos_token_id] == [0, 1, 2]
    strange = "ünï 😀 漢字 can't"
    assert one.decode(text_ids(one, strange)).strip() == strange
    with pytest.raises(ValueError, match="too small"):
        train_tokenizer(texts, size=100)


def test_unknown_tiny_backbone(make_tiny):
    with pytest.raises(ValueError, match="unknown tiny backbone"):
        build_tiny_backbone("tiny-x", make_tiny().tokenizer, width=8, layers=1, heads=1, dropout=0.0)
