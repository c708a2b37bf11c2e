"""Low-rank adapters (Hu et al., ICLR 2022): a large frozen model learns by a few million weights of its own.

Every linear layer ``W`` becomes ``W + scale * B A``, with ``A`` and ``B`` of small rank; new tokens are learned as
single rows of the embedding. Training uses ``peft``, whose files these are; loading merges them into the model without
it, as importing it takes longer than the rest.
"""

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel
from transformers.initialization import no_init_weights

from corpus.files import write_whole
from encoding.packaged_weights import base_digest
from language_models.backbone import Backbone, load_backbone, locate

if TYPE_CHECKING:
    from peft import PeftModel

WEIGHTS, CONFIG, BASE = "adapter_model.safetensors", "adapter_config.json", "base.json"
_PREFIX = "base_model.model."  # of the names in peft's files
_NEW_ROWS = "trainable_tokens_delta"  # in the names of learned embedding rows


@dataclass(frozen=True)
class Base:
    """The model that an adapter belongs to.

    Attributes:
        backbone: Its name, as it was asked for.
        digest: SHA-256 of its weights.
    """

    backbone: str
    digest: str

    @classmethod
    def of(cls, backbone: str) -> "Base":
        """Identifies a pretrained backbone by its weights; a hub id by the commit in the local cache."""
        source = Path(locate(backbone))
        if source.is_dir():
            return cls(backbone, base_digest(source))
        from transformers import AutoConfig

        return cls(backbone, str(getattr(AutoConfig.from_pretrained(str(source)), "_commit_hash", None)))


def is_adapter(folder: str | Path) -> bool:
    """Whether a folder holds an adapter instead of a whole model."""
    return (Path(folder) / CONFIG).is_file()


def add_adapter(backbone: Backbone, rank: int, *, new_tokens: list[int]) -> "PeftModel":
    """Freezes a backbone and puts an adapter into its model, in place.

    Args:
        backbone: With all its tokens.
        rank: Of ``A`` and ``B``; their product is not scaled.
        new_tokens: Ids of tokens whose embedding rows are learned.

    Returns:
        The model with its adapter in float32, a ``peft`` model.
    """
    from peft import LoraConfig, get_peft_model

    settings = LoraConfig(
        r=rank,
        lora_alpha=rank,
        target_modules="all-linear",
        trainable_token_indices=new_tokens or None,
        task_type="CAUSAL_LM",
    )
    adapted = get_peft_model(backbone.model, settings)
    # Of the embedding the new rows alone are learned; peft would store all of it because its size has changed.
    adapted.save_pretrained = partial(adapted.save_pretrained, save_embedding_layers=False)  # type: ignore[method-assign]
    return adapted


def save_adapter(backbone: Backbone, adapted: Any, base: Base, folder: Path) -> None:
    """Writes an adapter in bfloat16, its tokenizer, and what it belongs to."""
    adapted.save_pretrained(folder)
    save_file({name: tensor.bfloat16() for name, tensor in load_file(folder / WEIGHTS).items()}, folder / WEIGHTS)
    (folder / "README.md").unlink(missing_ok=True)  # peft's, with a path of this machine
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    write_whole(folder / CONFIG, json.dumps(config | {"base_model_name_or_path": base.backbone}, indent=2) + "\n")
    backbone.tokenizer.save_pretrained(folder)
    write_whole(folder / BASE, json.dumps(asdict(base), indent=2) + "\n")


def load_model(folder: Path, *, dtype: torch.dtype = torch.float32) -> Backbone:
    """Loads a trained model: a whole one, or an adapter merged into its base.

    Raises:
        ValueError: As in :func:`load_adapted` or :func:`language_models.backbone.load_backbone`.
    """
    return load_adapted(folder, dtype=dtype) if is_adapter(folder) else load_backbone(folder, dtype=dtype)


def load_adapted(folder: Path, *, dtype: torch.dtype = torch.float32) -> Backbone:
    """Loads the base of an adapter and merges the adapter into it.

    Raises:
        ValueError: In one line: a file is missing or broken, the base cannot be loaded, or it has other weights than
            the adapter was trained on.
    """
    try:
        base = Base(**json.loads((folder / BASE).read_text(encoding="utf-8")))
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        scale = config["lora_alpha"] / config["r"]
    except (OSError, json.JSONDecodeError, TypeError, KeyError) as error:
        raise ValueError(f"{folder}: not an adapter with its base: {error}") from error
    found = Base.of(base.backbone)
    if found != base:
        raise ValueError(
            f"{folder}: its adapter was trained on {base.backbone} with weights {base.digest[:12]}, "
            f"but those found are {found.digest[:12]}; give it the weights it was trained on"
        )
    backbone = load_backbone(base.backbone, dtype=dtype, tokenizer=folder)
    try:
        rows = cast(torch.Tensor, backbone.model.get_input_embeddings().weight).shape[0]
        if lacking := {*range(rows, len(backbone.tokenizer))} - {*(config["trainable_token_indices"] or ())}:
            raise KeyError(f"no row for {len(lacking)} tokens of its tokenizer")
        _resize(backbone.model, len(backbone.tokenizer))
        _merge(backbone.model, load_file(folder / WEIGHTS), config, scale)
    except (SafetensorError, OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"{folder / WEIGHTS}: cannot be merged into {base.backbone}: {error}") from error
    return backbone


def _resize(model: PreTrainedModel, rows: int) -> None:
    """Gives embeddings another number of rows; new ones have no values yet.

    The library would draw random numbers for both matrices before it copies the old rows, which takes as long as
    reading the whole model.
    """
    model._init_weights = lambda _: None  # type: ignore[method-assign]
    try:
        with no_init_weights():
            model.resize_token_embeddings(rows, mean_resizing=False)
    finally:
        del model._init_weights


@torch.no_grad()
def _merge(model: PreTrainedModel, weights: dict[str, torch.Tensor], config: dict[str, Any], scale: float) -> None:
    """Adds ``scale * B A`` to every layer and puts the new tokens' rows in, computed in float32."""
    parameters = dict(model.named_parameters())
    for name, tensor in weights.items():
        layer = name.removeprefix(_PREFIX)
        if layer.endswith(".lora_A.weight"):
            target = parameters[layer.replace(".lora_A", "")]
            factor = weights[name.replace(".lora_A", ".lora_B")].float()
            # A new tensor: to write into memory that a file is mapped to takes four times as long.
            target.data = torch.addmm(target.float(), factor, tensor.float(), alpha=scale).to(target.dtype)
        elif _NEW_ROWS in layer:
            embedding = cast(torch.Tensor, model.get_input_embeddings().weight)
            embedding[torch.tensor(config["trainable_token_indices"])] = tensor.to(embedding.dtype)
