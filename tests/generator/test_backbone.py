import pytest
import torch

from corpus.dialogue import Message, Role
from corpus.strategy import Strategy
from generator.backbone import load_backbone
from generator.batching import Collator
from generator.decoding_config import DecodingConfig
from generator.inputs import Example, InputFormat
from generator.perplexity import token_losses
from generator.realizer import Realizer
from generator.strategy_tokens import add_strategy_tokens, text_ids

HISTORY = (Message(Role.SEEKER, "I can't sleep. It's been hard, you know?"),)


def test_a_folder_made_by_save_pretrained_is_loaded(make_tiny, tmp_path):
    backbone = make_tiny(strategies=False)
    backbone.model.save_pretrained(tmp_path)
    backbone.tokenizer.save_pretrained(tmp_path)
    loaded = load_backbone(tmp_path)
    assert loaded.encoder_decoder
    assert torch.equal(loaded.model.get_input_embeddings().weight, backbone.model.get_input_embeddings().weight)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"configuration but no weights, expected model\.safetensors"):
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
    form = InputFormat(backbone.tokenizer, variant="strategy", max_history_tokens=160, max_response_tokens=40)
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
