"""Adapters: what is trained, stored, merged again, and refused; on a tiny model in place of a pretrained one."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from language_models.adapters import Base, add_adapter, is_adapter, load_adapted, save_adapter
from language_models.backbone import add_tokens, load_backbone
from language_models.families.family import Example
from language_models.perplexity import target_losses
from language_models.settings import OptimisationConfig
from language_models.trainer import fine_tune

EXAMPLES = [Example([7, 8, number], [50, 60 + number % 3, 2]) for number in range(9, 21)]
SETTINGS = OptimisationConfig(
    epochs=25.0, learning_rate=2e-2, warmup_steps=1, batch_size=4, accumulation_steps=1, evaluation_batch_size=4,
    precision="fp32",
)  # fmt: skip


@pytest.fixture(scope="module")
def base(make_tiny, tmp_path_factory):
    """Folder of a whole model."""
    folder = tmp_path_factory.mktemp("base")
    backbone = make_tiny("tiny-smollm2", markers=False)
    backbone.model.save_pretrained(folder)
    backbone.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def trained(base, tmp_path_factory):
    """Folder of an adapter, its backbone as it was trained, and the frozen weights before."""
    folder = tmp_path_factory.mktemp("run")
    backbone = load_backbone(base)
    before = {name: tensor.clone() for name, tensor in backbone.model.state_dict().items()}
    new = add_tokens(backbone, {"[ask]": "you know", "[tell]": "some tea"})
    examples = [Example(one.context, [new[0], *one.target]) for one in EXAMPLES]
    adapted = add_adapter(backbone, 4, new_tokens=new)

    def save(_):
        save_adapter(backbone, adapted, Base.of(str(base)), folder / "model")

    fine_tune(
        backbone, examples, examples, optimisation=SETTINGS, folder=folder, seed=0, save=save, adapted=adapted
    )  # fmt: skip
    return folder / "model", backbone, before, examples


def test_the_adapter_learns_and_the_base_stays(trained):
    _, backbone, before, examples = trained
    after = backbone.model.state_dict()
    for name, tensor in before.items():
        stored = after.get(name.replace("proj.weight", "proj.base_layer.weight"))
        if stored is not None and stored.shape == tensor.shape:
            assert torch.equal(stored, tensor)
    losses = target_losses(backbone, examples)
    assert losses.nats.sum() / losses.tokens.sum() < 4.6  # 5.8 before


def test_stored_are_the_adapter_and_the_new_rows_alone_and_they_come_back_merged(trained):
    folder, backbone, before, examples = trained
    assert is_adapter(folder)
    weights = load_file(folder / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.bfloat16}
    rows = [tensor for name, tensor in weights.items() if "lora" not in name]
    assert [tuple(tensor.shape) for tensor in rows] == [(2, before["model.embed_tokens.weight"].shape[1])]
    loaded = load_adapted(folder)
    assert target_losses(loaded, examples).nats == pytest.approx(target_losses(backbone, examples).nats, rel=0.02)
    assert not any("lora" in name for name in loaded.model.state_dict())
    assert (
        loaded.model.get_output_embeddings().weight.data_ptr() == loaded.model.get_input_embeddings().weight.data_ptr()
    )
    assert str(folder.parent) not in (folder / "adapter_config.json").read_text()


def test_another_base_is_refused(trained, base, tmp_path):
    folder = tmp_path / "adapter"
    shutil.copytree(trained[0], folder)
    other = tmp_path / "other"
    shutil.copytree(base, other)
    backbone = load_backbone(base)
    with torch.no_grad():
        backbone.model.get_input_embeddings().weight[0, 0] += 1
    backbone.model.save_pretrained(other)
    record = json.loads((folder / "base.json").read_text())
    (folder / "base.json").write_text(json.dumps(record | {"backbone": str(other)}))
    with pytest.raises(
        ValueError, match=r"its adapter was trained on .* give it the weights it was trained on"
    ) as caught:
        load_adapted(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "content"), [("base.json", b"{"), ("adapter_model.safetensors", b"nonsense")])
def test_a_broken_file_is_refused_in_one_line(name, content, trained, tmp_path):
    folder = tmp_path / "adapter"
    shutil.copytree(trained[0], folder)
    (folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=str(folder)) as caught:
        load_adapted(folder)
    assert "\n" not in str(caught.value)
