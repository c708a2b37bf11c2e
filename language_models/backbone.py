"""A model with its tokenizer, from a folder or the hub: safetensors first, nothing that runs code, all in float32.

New ones with random weights are made by :mod:`language_models.tiny`.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from torch._weights_only_unpickler import UnpicklingError
from transformers import (
    AutoConfig,
    AutoTokenizer,
    GenerationConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import cached_file

from language_models.families.family import CachedDecoder, Example, Family, family_named, family_of, hub_id
from language_models.quiet import quiet_hub, quiet_transformers

logger = logging.getLogger(__name__)

SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"


@dataclass(frozen=True)
class Backbone:
    """A model with its tokenizer.

    Attributes:
        model: Of one of the families.
        tokenizer: Its tokenizer; pad and end token are set.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    @property
    def family(self) -> Family:
        """How the model reads and writes."""
        return family_of(self.model.config.model_type, source=str(self.model.config.name_or_path))

    @property
    def positions(self) -> int:
        """Longest sequence in tokens that the model has positions for (a causal one: context and target)."""
        return self.family.positions(self.model.config)

    def room(self, context: int) -> int:
        """Positions that a context of this many tokens leaves for start token and target."""
        return self.positions - (0 if self.family.encoder_decoder else context)

    def positions_taken(self, example: Example) -> int:
        """Positions that an example takes: in an encoder-decoder context and target each have their own."""
        context, target = len(example.context), len(example.target) + 1  # the start token
        return max(context, target + self.positions - self.room(context))

    def collate(self, examples: Sequence[Example]) -> dict[str, torch.Tensor]:
        """Examples as one batch, see :meth:`language_models.families.family.Family.collate`."""
        return self.family.collate(
            examples, start=self.family.start_token(self.tokenizer), padding=self.tokenizer.pad_token_id
        )

    def begin(self, contexts: Sequence[Sequence[int]]) -> CachedDecoder:
        """Reads contexts, see :meth:`language_models.families.family.Family.begin`."""
        start = self.family.start_token(self.tokenizer)
        return self.family.begin(self.model, contexts, start=start, padding=self.tokenizer.pad_token_id)


def load_backbone(name: str | Path, *, random_weights: bool = False) -> Backbone:
    """Loads a pretrained model and its tokenizer.

    Args:
        name: ``blenderbot``, ``dialogpt``, another hub id, or a folder made by ``save_pretrained``.
        random_weights: Build the model from its configuration alone, with random weights: for tests and for
            measuring speed, never a fallback.

    Raises:
        ValueError: In one line: no such folder, no weights in it, another kind of model, or not in the local cache
            with the hub out of reach.
    """
    source = hub_id(str(name)) or str(name)
    config = _load_config(source)
    family = family_of(config.model_type, source=source)
    try:
        with quiet_hub():
            tokenizer = AutoTokenizer.from_pretrained(source)
            model = family.build(config) if random_weights else _load_weights(family, config, source)
    except OSError as error:
        raise _unreachable(source, error) from error
    return prepare(model, tokenizer)


def is_encoder_decoder(name: str | Path) -> bool:
    """Whether a backbone, pretrained or tiny, is an encoder-decoder, from its name or its configuration alone.

    Raises:
        ValueError: As in :func:`load_backbone`.
    """
    family = family_named(str(name)) or family_of(_load_config(str(name)).model_type, source=str(name))
    return family.encoder_decoder


def _load_weights(family: Family, config: PretrainedConfig, source: str) -> PreTrainedModel:
    """Builds a model with the weights of a folder or hub repository, in float32.

    ``model.safetensors`` is taken where it exists. The original repositories of BlenderBot_small and DialoGPT hold
    ``pytorch_model.bin``: such a file is read where there is nothing else, by torch's restricted unpickler, which makes
    tensors and runs no code. DialoGPT's is stored in half precision, which must not be trained in.

    Raises:
        ValueError: In one line: no weights, a damaged file, one that is more than tensors, or weights missing in it.
    """
    path = _weight_file(source)
    if path is None:
        remark = "" if Path(source).is_dir() else " (where there is no network: none in the local cache)"
        raise ValueError(
            f"backbone {source}: it has a configuration but no weights{remark}, expected {SAFE} or {PICKLED}"
        )
    if path.name == PICKLED:
        logger.warning("backbone %s: has only %s, which is read as tensors alone (no code is run)", source, PICKLED)
    try:
        # From the folder of the file itself: asking the hub again could start a conversion to safetensors there.
        with quiet_transformers():
            loaded = family.automatic.from_pretrained(
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


def _weight_file(source: str) -> Path | None:
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


def prepare(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Backbone:
    """Completes the tokenizer and clears decoding settings that came along with the weights.

    DialoGPT has no padding token: its end token is used, as attention masks and labels say what is padding.
    BlenderBot_small's stored beam search must not leak into decoding, which is ours alone to configure.
    """
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    model.config.use_cache = True
    model.generation_config = GenerationConfig(
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.bos_token_id,
    )
    return Backbone(model.eval(), tokenizer)


def _load_config(source: str) -> PretrainedConfig:
    folder = Path(source)
    if folder.is_dir():
        _check_folder(folder)
    elif folder.is_absolute() or source.startswith((".", "~")) or source.count("/") > 1:
        raise ValueError(f"backbone {source}: no such folder")
    try:
        with quiet_hub():
            return AutoConfig.from_pretrained(source)
    except OSError as error:
        raise _unreachable(source, error) from error


def _check_folder(folder: Path) -> None:
    path = folder / "config.json"
    if not path.is_file():
        raise ValueError(f"backbone {folder}: no config.json in it, expected a folder made by save_pretrained")
    try:
        kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except json.JSONDecodeError as error:
        raise ValueError(f"backbone {folder}: config.json is not JSON: {error}") from error
    family_of(kind, source=str(folder))


def _unreachable(source: str, error: OSError) -> ValueError:
    return ValueError(
        f"cannot load backbone {source}: it is in no local folder or cache and the hub did not give it "
        f"({str(error).splitlines()[0]}); download it where there is a network with 'hf download {source} "
        f"--local-dir FOLDER' and pass that folder as backbone, or use tiny-blenderbot or tiny-dialogpt"
    )
