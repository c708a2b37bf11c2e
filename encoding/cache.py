"""The cache folder: where embeddings and fetched weights are kept, what lies there, and how it is emptied."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path


def cache_root() -> Path:
    """The cache folder: ``$ESC_CACHE``, else ``.cache`` in the working directory."""
    return Path(os.environ.get("ESC_CACHE", ".cache"))


def weights_folder() -> Path:
    """Where fetched weights are kept, a folder for each model; hidden ones hold what is not finished."""
    return cache_root() / "weights"


@dataclass(frozen=True)
class CacheEntry:
    """Something in the cache.

    Attributes:
        name: What it goes by: ``embeddings``, or the name of a model.
        paths: Its folders.
    """

    name: str
    paths: tuple[Path, ...]

    @property
    def bytes(self) -> int:
        """How much it holds."""
        files = [file for path in self.paths for file in path.rglob("*") if file.is_file()]
        return sum(file.stat().st_size for file in files)

    def remove(self) -> None:
        """Deletes it."""
        for path in self.paths:
            shutil.rmtree(path)


def cache_entries() -> list[CacheEntry]:
    """What the cache holds; folders of anybody else beside ours are not looked at."""
    embeddings = cache_root() / "embeddings"
    entries = [CacheEntry("embeddings", (embeddings,))] if embeddings.is_dir() else []
    models: dict[str, list[Path]] = {}
    if weights_folder().is_dir():
        for path in sorted(weights_folder().iterdir()):
            if path.is_dir():
                models.setdefault(path.name.removeprefix(".").removesuffix(".partial"), []).append(path)
    return entries + [CacheEntry(name, tuple(paths)) for name, paths in sorted(models.items())]
