import pytest
import torch
from huggingface_hub import set_client_factory
from huggingface_hub.utils._http import default_client_factory
from huggingface_hub.utils._http import httpx2 as network
from safetensors.torch import save_file

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from generator.config import LengthConfig
from generator.inputs import InputFormat
from generator.realizer import Realizer
from generator.strategy_tokens import add_strategy_tokens, text_ids
from language_models.backbone import load_backbone
from language_models.batching import Collator, Example
from language_models.perplexity import token_losses
from language_models.settings import DecodingConfig

HISTORY = (Message(Role.SEEKER, "I can't sleep. It's been hard, you know?"),)


def test_a_folder_made_by_save_pretrained_is_loaded(make_tiny, tmp_path):
    backbone = make_tiny(strategies=False)
    backbone.model.save_pretrained(tmp_path)
    backbone.tokenizer.save_pretrained(tmp_path)
    loaded = load_backbone(tmp_path)
    assert loaded.encoder_decoder
    assert torch.equal(loaded.model.get_input_embeddings().weight, backbone.model.get_input_embeddings().weight)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"configuration but no weights, expected model\.safetensors or pytorch_model"):
        load_backbone(tmp_path)
    assert load_backbone(tmp_path, random_weights=True).positions == 512


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no config.json"), ("{", "not JSON"), ('{"model_type": "bert"}', "its kind is 'bert', expected blend")],
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
    backbone = make_tiny("tiny-dialogpt", strategies=False)
    backbone.model.config.save_pretrained(tmp_path)
    backbone.tokenizer.save_pretrained(tmp_path)
    weights = {name: tensor.half() for name, tensor in backbone.model.state_dict().items()}
    torch.save(weights, tmp_path / "pytorch_model.bin")
    return tmp_path, weights


def test_pickled_weights_are_read_where_there_is_nothing_else_and_trained_in_full_precision(original, caplog):
    folder, weights = original
    loaded = load_backbone(folder).model.state_dict()
    assert "only pytorch_model.bin is there" in caplog.text
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


@pytest.mark.real_data
@pytest.mark.parametrize("folder", ["blenderbot_small-90M", "DialoGPT-small"])
def test_the_real_configurations_train_a_step_and_decode(folder, shared, tmp_path):
    source = shared / "models" / folder
    with pytest.raises(ValueError, match="no weights"):
        load_backbone(source)
    torch.manual_seed(0)
    backbone = load_backbone(source, random_weights=True)
    assert 80e6 < backbone.model.num_parameters() < 130e6
    ids = add_strategy_tokens(backbone.model, backbone.tokenizer)
    assert ids == list(range(len(backbone.tokenizer) - 8, len(backbone.tokenizer)))
    assert not set(text_ids(backbone.tokenizer, "so __end__ <|endoftext|> [Others]")) & {
        *ids,
        backbone.tokenizer.eos_token_id,
    }
    form = InputFormat(backbone.tokenizer, variant="strategy", lengths=LengthConfig(160, None, 40))
    context, target = form.context(HISTORY), form.target([(Strategy.QUESTION, "What keeps you awake?")])
    assert backbone.tokenizer.decode(context).lower().replace(" ", "") == HISTORY[0].text.lower().replace(" ", "")
    assert target[0] == ids[0]
    assert target[-1] == backbone.tokenizer.eos_token_id
    collator = Collator(
        encoder_decoder=backbone.encoder_decoder, start=form.start, padding=backbone.tokenizer.pad_token_id
    )
    batch = collator([Example(context, target)] * 2)
    optimizer = torch.optim.SGD(backbone.model.parameters(), lr=0.1)
    with torch.autocast("cpu", torch.bfloat16):
        losses, _ = token_losses(backbone.model, batch, encoder_decoder=backbone.encoder_decoder)
    losses.mean().backward()
    row = backbone.model.get_input_embeddings().weight[ids[0]]
    before = row.detach().clone()
    optimizer.step()
    optimizer.zero_grad()
    assert torch.isfinite(row).all()
    assert not torch.equal(row, before)
    realizer = Realizer(backbone, form, decoding=DecodingConfig(max_message_tokens=3))
    ((first, text), (second, other)) = realizer.realize(HISTORY, [Strategy.QUESTION, Strategy.OTHERS])
    assert (first, second) == (Strategy.QUESTION, Strategy.OTHERS)
    assert text
    assert other
    ((chosen, _),) = realizer.realize((), None)
    assert isinstance(chosen, Strategy)
