"""What all golden tests need: an embedding cache of their own."""

import pytest


@pytest.fixture(autouse=True)
def embedding_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Embeddings are computed by the code under test, once in each process, and not taken from an earlier run."""
    monkeypatch.setenv("ESC_CACHE", str(tmp_path_factory.getbasetemp() / "golden-cache"))
