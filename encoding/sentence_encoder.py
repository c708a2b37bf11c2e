"""Sentence embeddings from any sentence-transformers model, by default all-MiniLM-L6-v2 without a network.

Source of the default: Reimers and Gurevych, "Sentence-BERT", EMNLP 2019; model card
`sentence-transformers/all-MiniLM-L6-v2`.
"""

import hashlib
import io
import logging
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np

from encoding.packaged_weights import ORIGIN, WEIGHTS, cached_model, packaged_model
from encoding.pip_download import sha256
from encoding.text_encoder import Arithmetic

logger = logging.getLogger(__name__)

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
_BATCH = {"fp32": 64, "bf16": 16}  # texts per forward pass; large models leave the processor's caches with more
_WEIGHTS = {".safetensors", ".bin"}
_LONG = 1280  # texts from which a progress bar is shown
_LARGE = 200_000_000  # bytes of weights from which bfloat16 is worth its rounding
# What decides a model's output: weights, architecture, pooling, tokenizer. Read-me files do not.
_FINGERPRINTED_SUFFIXES = {".safetensors", ".bin", ".json", ".txt", ".model"}


class SentenceEncoder:
    """A sentence-transformers model, loaded only when a text has to be embedded.

    Args:
        name: A local folder, a hub id, or a bare name of the `sentence-transformers` organisation. Two of these travel
            in packages too (:mod:`encoding.packaged_weights`): all-MiniLM-L6-v2 and all-mpnet-base-v2.

    Raises:
        ValueError: The model cannot be found, or the packaged default is damaged.
    """

    def __init__(self, name: str = DEFAULT_ENCODER) -> None:
        self.name = name
        self.folder = _locate(name)
        self.fingerprint = _fingerprint(self.folder)
        self.precision = _precision(self.folder)
        self._models: dict[str, Any] = {}  # by precision

    @property
    def dimension(self) -> int:
        """Length D of a vector."""
        return int(self._loaded(self.precision).get_embedding_dimension())

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embeds texts, in batches by length, with a progress bar for long lists.

        Returns:
            Shape: (N, D), float32, rows of length 1.
        """
        return np.asarray(
            self._loaded(self.precision).encode(
                list(texts),
                batch_size=_BATCH[self.precision],
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=len(texts) > _LONG,
            ),
            dtype=np.float32,
        )

    def token_model(self) -> tuple[Any, Any]:
        """The tokenizer and the transformer under the sentence model, for fine-tuning.

        The transformer is a ``torch.nn.Module`` in float32 that gives a vector per token (``last_hidden_state``).

        Raises:
            ValueError: The model is no transformer (e.g. averaged word vectors).
        """
        model = self._loaded("fp32")
        transformer = getattr(model[0], "auto_model", None)
        if transformer is None or not hasattr(transformer, "config"):
            raise ValueError(f"text encoder {self.name!r}: has no transformer that could be fine-tuned")
        return model.tokenizer, transformer

    def _loaded(self, precision: str) -> Any:  # the library is imported late: a warm cache never needs it
        if precision not in self._models:
            from sentence_transformers import SentenceTransformer

            with redirect_stderr(io.StringIO()):  # a bar over weights that are read in a moment
                model = SentenceTransformer(str(self.folder))
            if precision == "bf16":
                model[0].bfloat16()
                model[0].register_forward_hook(_in_float32)
            self._models[precision] = model
        return self._models[precision]


def _in_float32(_: Any, __: Any, features: dict[str, Any]) -> dict[str, Any]:
    """Pooling and scaling to length 1 stay in float32."""
    return features | {"token_embeddings": features["token_embeddings"].float()}


def _precision(folder: Path) -> Arithmetic:
    """bfloat16 for large models where the hardware multiplies it natively, else float32.

    It halves the minutes of MPNet. MiniLM would gain little, and its vectors stay what they have always been.
    """
    weights = [path for path in folder.rglob("*") if path.suffix in _WEIGHTS]
    if sum(path.stat().st_size for path in weights) < _LARGE:
        return "fp32"
    import torch

    from encoding.bfloat16 import multiplies_bfloat16

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return "bf16" if multiplies_bfloat16(device) else "fp32"


def _locate(name: str) -> Path:
    """Folder with the model's files: a local path, an installed or fetched package, the hub, else a package."""
    if Path(name).is_dir():
        return Path(name)
    short = name.removeprefix("sentence-transformers/")
    if short in WEIGHTS and (folder := cached_model(short)) is not None:
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    hub_id = name if "/" in name else f"sentence-transformers/{name}"
    try:
        return Path(snapshot_download(hub_id, ignore_patterns=["*.onnx", "*.h5", "*.ot", "openvino/*", "onnx/*"]))
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError, OSError) as error:
        if short in WEIGHTS:
            logger.info("text encoder %s: the hub gave no model (%s)", name, type(error).__name__)
            return packaged_model(short)
        raise ValueError(
            f"text encoder {name!r}: no such folder, and the hub gave no model {hub_id!r} ({type(error).__name__}); "
            "pass the path of a downloaded sentence-transformers model"
        ) from error


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    files = [
        path for path in sorted(folder.rglob("*")) if path.suffix in _FINGERPRINTED_SUFFIXES and path.name != ORIGIN
    ]
    if not any(path.suffix in _WEIGHTS for path in files):
        raise ValueError(f"text encoder {folder}: no weights there, expected a sentence-transformers model folder")
    for path in files:
        digest.update(f"{path.relative_to(folder)}:{sha256(path)};".encode())
    return digest.hexdigest()
