"""What is loaded, and what is refused: nothing that could run code, nothing incomplete, always in one line."""

import pytest
import torch
from huggingface_hub import set_client_factory
from huggingface_hub.utils._http import default_client_factory
from huggingface_hub.utils._http import httpx2 as network
from safetensors.torch import save_file

from language_models.backbone import add_tokens, load_backbone
from language_models.layout import text_ids
from language_models.settings import TinyModelConfig
from language_models.tiny import build_tiny_backbone, train_tokenizer


def test_a_folder_made_by_save_pretrained_is_loaded(make_tiny, tmp_path):
    backbone = make_tiny(markers=False)
    backbone.model.save_pretrained(tmp_path)
    backbone.tokenizer.save_pretrained(tmp_path)
    loaded = load_backbone(tmp_path)
    assert loaded.family.encoder_decoder
    assert torch.equal(loaded.model.get_input_embeddings().weight, backbone.model.get_input_embeddings().weight)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"configuration but no weights, expected model\.safetensors or pytorch_model"):
        load_backbone(tmp_path)
    assert load_backbone(tmp_path, random_weights=True).positions == 512


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no config.json"),
        ("{", "not JSON"),
        ('{"model_type": "x"}', "its kind is 'x', which transformers does not"),
    ],
)
def test_other_folders_are_refused_in_one_line(content, message, tmp_path):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        load_backbone(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.fixture
def original(make_tiny, tmp_path):
    """A folder like the hub's original repositories: pickled weights in half precision, the head twice; and them."""
    backbone = make_tiny("tiny-dialogpt", markers=False)
    backbone.model.config.save_pretrained(tmp_path)
    backbone.tokenizer.save_pretrained(tmp_path)
    weights = {name: tensor.half() for name, tensor in backbone.model.state_dict().items()}
    torch.save(weights, tmp_path / "pytorch_model.bin")
    return tmp_path, weights


def test_pickled_weights_are_read_where_there_is_nothing_else_and_trained_in_full_precision(original, caplog):
    folder, weights = original
    loaded = load_backbone(folder).model.state_dict()
    assert "has only pytorch_model.bin" in caplog.text
    assert {tensor.dtype for tensor in loaded.values()} == {torch.float32}
    assert all(torch.equal(loaded[name], weights[name].float()) for name in weights)
    # Safetensors come first: of two files the pickled one is not even looked at.
    half = {name: tensor * 0.5 for name, tensor in weights.items() if name != "lm_head.weight"}
    save_file(half, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "pytorch_model.bin").write_bytes(b"not looked at")
    first = load_backbone(folder).model.state_dict()["transformer.wte.weight"]
    assert torch.equal(first, half["transformer.wte.weight"].float())


class Code:
    def __reduce__(self):
        return exec, ("raise SystemExit('ran code')",)


@pytest.mark.parametrize("content", ["code", "damaged", "empty", "incomplete", "safetensors"])
def test_what_is_no_complete_file_of_tensors_is_refused_in_one_line(content, original):
    folder, weights = original
    path = folder / "pytorch_model.bin"
    message = "damaged, or more in it than tensors.*download it again"
    if content == "code":
        torch.save(weights | {"more": Code()}, path)
    elif content == "incomplete":
        torch.save({name: one for name, one in weights.items() if name != "transformer.ln_f.bias"}, path)
        message = r"lacks 1 of the model's weights, the first is transformer\.ln_f\.bias"
    elif content == "safetensors":
        path = folder / "model.safetensors"
        path.write_bytes(b"nonsense")
        message = "model.safetensors: cannot be loaded, download it again"
    else:
        path.write_bytes(b"nonsense" if content == "damaged" else b"")
    with pytest.raises(ValueError, match=message) as caught:
        load_backbone(folder)
    assert "\n" not in str(caught.value)


def test_a_hub_that_does_not_answer_is_one_line_that_says_what_to_do(monkeypatch, tmp_path):
    def refuse(request):
        raise network.ConnectError("Connection refused", request=request)

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # between the client's attempts
    set_client_factory(lambda: network.Client(transport=network.MockTransport(refuse)))
    try:
        with pytest.raises(ValueError, match=r"hf download facebook/blenderbot_small-90M --local-dir FOLDER") as caught:
            load_backbone("blenderbot")
    finally:
        set_client_factory(default_client_factory)
    assert "\n" not in str(caught.value)


def test_missing_folder_and_unreachable_hub_say_what_to_do(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no such folder"):
        load_backbone(tmp_path / "none")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match=r"download it where there is a network .* pass that folder") as caught:
        load_backbone("nobody/no-such-model-here")
    assert "\n" not in str(caught.value)


def test_text_never_becomes_a_special_token(make_tiny):
    tokenizer = make_tiny().tokenizer
    ids = text_ids(tokenizer, "so __end__ [sleep]\n then")
    assert not set(ids) & set(tokenizer.all_special_ids)
    assert tokenizer.decode(ids).strip() == "so __end__ [sleep] then"


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
        build_tiny_backbone("tiny-x", [], TinyModelConfig())


@pytest.mark.parametrize("name", ["tiny-blenderbot", "tiny-dialogpt"])
def test_new_tokens_begin_as_the_mean_of_their_words(name, make_tiny):
    backbone = make_tiny(name, markers=False)
    before = backbone.model.get_input_embeddings().weight.detach().clone()
    size = len(backbone.tokenizer)
    assert add_tokens(backbone, {"[ask]": "you know", "[tell]": "some tea"}) == [size, size + 1]
    after = backbone.model.get_input_embeddings().weight
    assert torch.equal(after[:size], before)
    for row, words in ((size, "you know"), (size + 1, "some tea")):
        assert torch.allclose(after[row], before[text_ids(backbone.tokenizer, words)].mean(dim=0), atol=1e-7)
    assert backbone.model.get_output_embeddings().weight.data_ptr() == after.data_ptr()  # still tied
    with pytest.raises(ValueError, match=r"has the tokens \[ask\] already"):
        add_tokens(backbone, {"[ask]": "you"})
