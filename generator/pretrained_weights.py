"""Pretrained weights from a folder or the hub: safetensors first, nothing that could run code, nothing left out."""

import logging
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from torch._weights_only_unpickler import UnpicklingError
from transformers import PretrainedConfig, PreTrainedModel
from transformers.utils import cached_file

from generator.quiet import quiet_transformers

logger = logging.getLogger(__name__)

SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"


def load_weights(architecture: type[PreTrainedModel], config: PretrainedConfig, source: str) -> PreTrainedModel:
    """Builds a model with the weights of a folder or hub repository, in float32.

    ``model.safetensors`` is taken where it exists. The original repositories of both 2021 backbones hold
    ``pytorch_model.bin``: such a file is read where there is nothing else, by torch's restricted unpickler, which makes
    tensors and runs no code. DialoGPT's is stored in half precision, which must not be trained in.

    Args:
        architecture: Class of the model.
        config: Its configuration.
        source: Folder made by ``save_pretrained``, or hub id.

    Raises:
        ValueError: In one line: no weights, a damaged file, one that is more than tensors, or weights missing in it.
    """
    path = weight_file(source)
    if path is None:
        raise ValueError(
            f"backbone {source}: it has a configuration but no weights (where there is no network: none in the local "
            f"cache), expected {SAFE} or {PICKLED}"
        )
    if path.name == PICKLED:
        logger.warning("backbone %s: only %s is there, read as tensors alone (no code is run)", source, PICKLED)
    try:
        # From the folder of the file itself: asking the hub again could start a conversion to safetensors there.
        with quiet_transformers():
            loaded = architecture.from_pretrained(
                path.parent,
                config=config,
                dtype=torch.float32,
                use_safetensors=path.name == SAFE,
                weights_only=True,
                local_files_only=True,
                output_loading_info=True,
            )
    except (UnpicklingError, EOFError) as error:
        raise ValueError(
            f"{path}: damaged, or more in it than tensors, which is not read as it could run code; download it again, "
            f"or use a {SAFE}"
        ) from error
    except (SafetensorError, RuntimeError, OSError) as error:
        raise ValueError(
            f"{path}: cannot be loaded, download it again: {str(error).strip().splitlines()[0]}"
        ) from error
    model, report = cast(tuple[PreTrainedModel, dict[str, set[str]]], loaded)  # a pair with output_loading_info
    if missing := sorted(report["missing_keys"]):
        raise ValueError(f"{path}: lacks {len(missing)} of the model's weights, the first is {missing[0]}")
    return model


def weight_file(source: str) -> Path | None:
    """The file of weights in a folder or, downloaded, of a hub repository; safetensors first, ``None`` without any."""
    for name in (SAFE, PICKLED):
        found = cached_file(
            source,
            name,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
        if found is not None:
            return Path(found)
    return None
