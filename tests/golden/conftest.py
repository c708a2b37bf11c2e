"""What all golden tests need: an embedding cache of their own."""

import os

import pytest


@pytest.fixture(autouse=True)
def embedding_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Embeddings are computed by the code under test, once for all processes, not taken from an earlier run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # a process has its own folder in that of the run
    monkeypatch.setenv("ESC_CACHE", str(folder / "golden-cache"))
