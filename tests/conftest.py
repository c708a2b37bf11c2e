"""Fixtures shared by all tests: where the real data are."""

import os
from pathlib import Path

# One thread per test process: the suite runs on several (pytest-xdist), and small models gain nothing from more.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

from tests.required import missing

_ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with ``data/`` and ``models/``; where it is absent the test is skipped, or fails (ESC_REQUIRE)."""
    folder = Path(os.environ.get("ESC_SHARED", _ROOT.parent / "shared"))
    if not (folder / "data" / "esconv").is_dir():
        missing("data", f"real data not found: {folder / 'data' / 'esconv'} (set ESC_SHARED)")
    return folder


@pytest.fixture(scope="session")
def esconv(shared: Path) -> Path:
    """Directory with the real ``train.txt`` and ``valid.txt``."""
    return shared / "data" / "esconv"


@pytest.fixture
def embedding_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Embeddings are computed by the code under test, once for all processes, not taken from an earlier run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # a process has its own folder in that of the run
    monkeypatch.setenv("ESC_CACHE", str(folder / "cache"))
