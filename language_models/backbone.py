"""The pretrained or newly built model and tokenizer that a generator starts from.

Pretrained weights from a folder or the hub: safetensors first, nothing that could run code, nothing left out.

A byte-pair tokenizer trained on the training text alone, for backbones that start from scratch.
"""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch._weights_only_unpickler import UnpicklingError
from transformers import (
    AutoConfig,
    AutoTokenizer,
    BlenderbotSmallForConditionalGeneration,
    GenerationConfig,
    GPT2LMHeadModel,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)
from transformers.utils import cached_file

from language_models.quiet import quiet_hub, quiet_transformers

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


HUB_IDS = {"blenderbot": "facebook/blenderbot_small-90M", "dialogpt": "microsoft/DialoGPT-small"}
ARCHITECTURES: dict[str, type[PreTrainedModel]] = {
    "blenderbot-small": BlenderbotSmallForConditionalGeneration,
    "gpt2": GPT2LMHeadModel,
}


@dataclass(frozen=True)
class Backbone:
    """A model with its tokenizer.

    Attributes:
        model: ``BlenderbotSmallForConditionalGeneration`` or ``GPT2LMHeadModel``.
        tokenizer: Its tokenizer; pad, start and end token are all set.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    @property
    def encoder_decoder(self) -> bool:
        """Whether the history goes through an encoder of its own (BlenderBot) or before the response (DialoGPT)."""
        return bool(self.model.config.is_encoder_decoder)

    @property
    def positions(self) -> int:
        """Longest sequence the model has position embeddings for, in tokens (decoder-only: history and response)."""
        return int(self.model.config.max_position_embeddings)


def load_backbone(name: str | Path, *, random_weights: bool = False) -> Backbone:
    """Loads a pretrained model and its tokenizer; see :mod:`language_models.backbone` for the weights.

    Args:
        name: ``blenderbot``, ``dialogpt``, another hub id, or a folder made by ``save_pretrained``.
        random_weights: Build the model from its configuration alone, with random weights: for tests and for
            measuring speed, never a fallback.

    Raises:
        ValueError: In one line: no such folder, no weights in it, another kind of model, or not in the local cache
            with the hub out of reach.
    """
    source = HUB_IDS.get(str(name), str(name))
    config = _load_config(source)
    architecture = _architecture(config, source)
    if not random_weights and Path(source).is_dir() and weight_file(source) is None:
        raise ValueError(f"backbone {source}: it has a configuration but no weights, expected {SAFE} or {PICKLED}")
    try:
        with quiet_hub():
            tokenizer = AutoTokenizer.from_pretrained(source)
            model = architecture(config) if random_weights else load_weights(architecture, config, source)
    except OSError as error:
        raise _unreachable(source, error) from error
    return prepare(model, tokenizer)


def build_tiny_backbone(
    name: str,
    tokenizer: PreTrainedTokenizerBase,
    *,
    width: int,
    layers: int,
    heads: int,
    dropout: float,
    positions: int = 512,
) -> Backbone:
    """A small model of one of the two architectures with random weights, for training from scratch.

    Args:
        name: ``tiny-blenderbot`` or ``tiny-dialogpt``.
        tokenizer: Its tokenizer, with pad, start and end token.
        width: Width of the layers; feed-forward layers are four times as wide.
        layers: Number of layers; of an encoder-decoder on either side.
        heads: Attention heads.
        dropout: 0..1.
        positions: Longest sequence in tokens; 512 is BlenderBot_small's.

    Raises:
        ValueError: Unknown name.
    """
    special = {
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    if name == "tiny-blenderbot":
        sides = {"layers": layers, "attention_heads": heads, "ffn_dim": 4 * width}
        config = AutoConfig.for_model(
            "blenderbot-small",
            vocab_size=len(tokenizer),
            d_model=width,
            **{f"{side}_{key}": value for side in ("encoder", "decoder") for key, value in sides.items()},
            dropout=dropout,
            max_position_embeddings=positions,
            scale_embedding=True,  # as BlenderBot_small-90M
            decoder_start_token_id=tokenizer.bos_token_id,
            **special,
        )
    elif name == "tiny-dialogpt":
        config = AutoConfig.for_model(
            "gpt2",
            vocab_size=len(tokenizer),
            n_embd=width,
            n_layer=layers,
            n_head=heads,
            n_positions=positions,
            **dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), dropout),
            **special,
        )
    else:
        raise ValueError(f"unknown tiny backbone {name!r}, expected tiny-blenderbot or tiny-dialogpt")
    return prepare(_architecture(config, name)(config), tokenizer)


def prepare(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Backbone:
    """Completes the tokenizer and clears decoding settings that came along with the weights.

    DialoGPT has no padding token; its end token stands in, as attention masks and labels say what is padding.
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


def is_encoder_decoder(name: str | Path) -> bool:
    """Whether a backbone is an encoder-decoder, from its configuration alone.

    Args:
        name: As in :func:`load_backbone`, or one of the tiny backbones.

    Raises:
        ValueError: As in :func:`load_backbone`.
    """
    known = {"blenderbot": True, "tiny-blenderbot": True, "dialogpt": False, "tiny-dialogpt": False}
    if str(name) in known:
        return known[str(name)]
    return bool(_load_config(str(name)).is_encoder_decoder)


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


def _unreachable(source: str, error: OSError) -> ValueError:
    return ValueError(
        f"cannot load backbone {source}: it is in no local folder or cache and the hub did not give it "
        f"({str(error).splitlines()[0]}); download it where there is a network with 'hf download {source} "
        f"--local-dir FOLDER' and pass that folder as backbone, or use tiny-blenderbot or tiny-dialogpt"
    )


def _architecture(config: PretrainedConfig, source: str) -> type[PreTrainedModel]:
    if config.model_type not in ARCHITECTURES:
        kinds = " or ".join(ARCHITECTURES)
        raise ValueError(f"backbone {source}: its kind is {config.model_type!r}, expected {kinds}")
    return ARCHITECTURES[config.model_type]


def _check_folder(folder: Path) -> None:
    path = folder / "config.json"
    if not path.is_file():
        raise ValueError(f"backbone {folder}: no config.json in it, expected a folder made by save_pretrained")
    try:
        kind = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except json.JSONDecodeError as error:
        raise ValueError(f"backbone {folder}: config.json is not JSON: {error}") from error
    if kind not in ARCHITECTURES:
        raise ValueError(f"backbone {folder}: its kind is {kind!r}, expected {' or '.join(ARCHITECTURES)}")


# Names and numbers of BlenderBot_small's own special tokens; the byte level leaves no need for an unknown token.
PADDING, START, END = "__null__", "__start__", "__end__"


def train_tokenizer(texts: Iterable[str], *, size: int) -> PreTrainedTokenizerFast:
    """Trains byte-level byte-pair encoding (Sennrich et al. 2016; bytes as in GPT-2) on texts.

    Text is lower-cased, as in BlenderBot_small: with a few hundred thousand words of training text, two rows for
    *hello* and *Hello* cost more than the case is worth. Every byte is in the alphabet, so nothing is unknown.

    Args:
        texts: Training text only; validation text must not shape the vocabulary.
        size: Vocabulary size in tokens with the three special tokens, at least 259. Small corpora give fewer.

    Returns:
        A tokenizer with padding 0, start 1, end 2.

    Raises:
        ValueError: ``size`` cannot hold the bytes and the special tokens.
    """
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    smallest = len(alphabet) + 3
    if size < smallest:
        raise ValueError(f"vocabulary size {size} is too small, expected at least {smallest}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    # The blank before the first word makes a word one token wherever it stands.
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,  # a pair seen once says nothing about other text
        special_tokens=[PADDING, START, END],
        initial_alphabet=sorted(alphabet),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PADDING,
        bos_token=START,
        eos_token=END,
        clean_up_tokenization_spaces=False,
    )
